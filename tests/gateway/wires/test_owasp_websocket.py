"""Each row of OWASP's WebSocket security cheat sheet, tried on the client wire; docs/security.md has the table."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from gateway.access import Access
from gateway.cli.certificate import ensure
from gateway.store.rows import EventRow
from services.base.serve import new_runner
from services.base.tls import server_context
from tests.gateway.harness import Client, Gateway, sound

ANN, BEN = "the key of ann, long", "the key of ben, long"
SESSIONS = "/api/mas/voice/duplex/session"
HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def keys() -> Access:
    return Access({"ann": ANN, "ben": BEN}, open_to_all=False, hosts=frozenset({"voice.example"}))


@pytest.fixture
async def guarded() -> AsyncIterator[Gateway]:
    """A gateway that asks for keys."""
    async with Gateway(keys()) as gateway:
        yield gateway


async def shaken(gateway: Gateway, query: str = "", **headers: str) -> aiohttp.ClientResponse:
    """What a handshake is answered."""
    given = HANDSHAKE | {name.replace("_", "-"): value for name, value in headers.items()}
    async with gateway.http.get(f"{gateway.url}/v1/realtime{query}", headers=given) as answer:
        return answer


async def called(gateway: Gateway, key: str = ANN) -> tuple[dict[str, Any], Client]:
    """A session of that key's, and its client."""
    _, session = await gateway.ask("POST", SESSIONS, key)
    client = await gateway.attach(session)
    await client.until("session.created")
    return session, client


# Transport.


async def test_transport_wss_is_served_by_modern_tls(gateway: Gateway, tmp_path: Path) -> None:
    certificate = ensure(tmp_path / "tls", ["localhost", "127.0.0.1"])
    context = server_context(certificate.path, certificate.key)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    # The very gateway that is served in the clear on loopback.
    await web.TCPSite(gateway.runner, "127.0.0.1", 0, ssl_context=context).start()
    port = gateway.runner.addresses[-1][1]
    trusted = ssl.create_default_context(cafile=str(certificate.path))
    url = f"https://127.0.0.1:{port}/v1/realtime"
    async with gateway.http.ws_connect(url, ssl=trusted) as socket:
        assert (await socket.receive_json())["type"] == "session.created"


@pytest.mark.parametrize(
    "headers",
    [{"Sec-WebSocket-Version": "8"}, {"Sec-WebSocket-Version": "0"}, {"Sec-WebSocket-Key": "short"}],
)
async def test_protocol_nothing_but_rfc_6455_is_spoken(gateway: Gateway, headers: dict[str, str]) -> None:
    async with gateway.http.get(f"{gateway.url}/v1/realtime", headers=HANDSHAKE | headers) as answer:
        assert answer.status in (400, 426)
    assert gateway.calls.free == gateway.calls.most


async def test_compression_is_never_agreed_on(guarded: Gateway) -> None:
    offered = "permessage-deflate; client_max_window_bits"
    answer = await shaken(guarded, Authorization=f"Bearer {ANN}", Sec_WebSocket_Extensions=offered)
    assert answer.status == 101
    assert "Sec-WebSocket-Extensions" not in answer.headers


# Who comes, and from where.


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://voice.example.evil.example",
        "https://evil-voice.example",
        "https://voice.example@evil.example",
        "null",
        "file://",
    ],
)
async def test_origin_only_listed_ones_get_a_socket_even_with_a_key(guarded: Gateway, origin: str) -> None:
    assert (await shaken(guarded, Authorization=f"Bearer {ANN}", Origin=origin)).status == 403
    assert (
        await shaken(guarded, Authorization=f"Bearer {ANN}", Origin="https://voice.example")
    ).status == 101


async def test_hijacking_there_is_no_cookie_that_a_browser_could_send_along(guarded: Gateway) -> None:
    session, client = await called(guarded)
    secret = session["client_secret"]["value"]
    for cookie in (f"key={ANN}", f"secret={secret}", f"Authorization=Bearer {ANN}"):
        assert (await shaken(guarded, Cookie=cookie)).status == 401
    async with guarded.http.get(guarded.url) as page:
        assert "Set-Cookie" not in page.headers
    assert "Set-Cookie" not in client.socket._response.headers


async def test_tokens_in_an_address_open_nothing(guarded: Gateway) -> None:
    session, _ = await called(guarded)
    secret = session["client_secret"]["value"]
    for name in ("key", "api_key", "token", "access_token", "authorization", "client_secret"):
        for token in (ANN, secret):
            assert (await shaken(guarded, f"?{name}={token}")).status == 401


async def test_authentication_is_asked_before_the_upgrade_and_of_everybody(guarded: Gateway) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {ANN}"}):
        assert (await shaken(guarded, **headers)).status == 401
    secret = guarded.access.new_secret("ben", 600).value
    answer = await shaken(guarded, Sec_WebSocket_Protocol=f"realtime, openai-insecure-api-key.{secret}")
    assert answer.status == 101
    assert answer.headers["Sec-WebSocket-Protocol"] == "realtime", "and never the one with the secret"


async def test_a_session_that_ends_closes_its_socket_and_takes_its_secret_along(guarded: Gateway) -> None:
    session, client = await called(guarded)
    path = f"/api/mas/voice/sessions/{session['session_id']}"
    assert (await guarded.ask("DELETE", path, ANN))[0] == 200
    code, _ = await client.closed()
    assert code == 1000
    secret = session["client_secret"]["value"]
    assert (await shaken(guarded, Authorization=f"Bearer {secret}")).status == 401


async def test_tokens_are_short_lived_and_good_for_one_session(guarded: Gateway) -> None:
    session, _ = await called(guarded)
    other, _ = await called(guarded, BEN)
    assert session["client_secret"]["expires_at"] <= datetime.now(UTC).timestamp() + 600
    secret = other["client_secret"]["value"]
    answer = await shaken(guarded, f"?session_id={session['session_id']}", Authorization=f"Bearer {secret}")
    assert answer.status == 403


async def test_authorization_what_a_client_sends_reaches_its_own_session_alone(guarded: Gateway) -> None:
    _, ann = await called(guarded, ANN)
    _, ben = await called(guarded, BEN)
    await ann.text("what ann says")
    item = (await ann.until("conversation.item.added"))["item"]
    for kind in ("conversation.item.retrieve", "conversation.item.delete"):
        await ben.send(kind, item_id=item["id"])
        assert (await ben.error())["code"] == "item_not_found"
    await ben.send("session.update", session={"type": "realtime", "id": "sess_of_ann"})
    assert (await ben.until("session.updated"))["session"]["id"] != "sess_of_ann"


# What is sent.


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "invalid_json"),
        ("[]", "invalid_json"),
        ('{"type": 5}', "invalid_type"),
        ('{"type": "__import__"}', "invalid_value"),
        ('{"type": "session.update", "session": {"a": NaN}}', "invalid_json"),
        ('{"type": "session.update", "session": ' + '{"a":' * 60 + "1" + "}" * 61, "invalid_json"),
        ('{"type": "input_audio_buffer.append", "audio": "UklGRgAAAABXQVZF"}', "invalid_value"),
        ('{"type": "session.update", "x": "' + "a" * 300_000 + '"}', "string_above_max_length"),
    ],
    ids=["half", "no object", "type", "unknown", "NaN", "deep", "a file", "long"],
)
async def test_input_what_cannot_be_taken_is_told_and_changes_nothing(
    gateway: Gateway, message: str, code: str
) -> None:
    client, _ = await gateway.client()
    await client.socket.send_str(message)
    assert (await client.error())["code"] == code
    await client.text("still here")
    await client.until("response.done")


async def test_input_binary_is_not_taken(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.socket.send_bytes(b"\x80\x04cposix\nsystem\n.")
    assert (await client.error())["code"] == "invalid_json"


@pytest.mark.parametrize(
    "words",
    ["'; DROP TABLE voice_sessions; --", "<img src=x onerror=alert(1)>", "$(reboot) `reboot` {{7*7}} %s"],
)
async def test_injection_words_are_words_wherever_they_go(gateway: Gateway, words: str) -> None:
    client, _ = await gateway.client()
    await client.text(words)
    item = (await client.until("conversation.item.added"))["item"]
    assert item["content"][0]["text"] == words
    await client.until("response.done")
    kept = [row.payload for row in gateway.rows if isinstance(row, EventRow) and row.kind == "text_given"]
    assert [payload["text"] for payload in kept] == [words]


async def test_tunnels_no_client_has_the_gateway_connect_anywhere(gateway: Gateway) -> None:
    knocked = asyncio.Event()
    server = await asyncio.start_server(lambda *_: knocked.set(), "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    client, _ = await gateway.client()
    tool = {"type": "mcp", "server_label": "a", "server_url": address}
    await client.send(
        "session.update", session={"type": "realtime", "tools": [tool], "prompt": {"id": address}}
    )
    await client.send(
        "conversation.item.create",
        item={
            "type": "message",
            "role": "user",
            "content": [{"type": "input_image", "image_url": address}],
        },
    )
    await client.text(f"open {address}")
    await client.until("response.done")
    assert not knocked.is_set()
    server.close()
    await server.wait_closed()


async def test_an_error_of_ours_tells_nothing_from_inside(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = await gateway.client()

    def broken(*_: object) -> None:
        raise RuntimeError("/srv/antiphon: password=hunter2")

    monkeypatch.setattr(gateway.call(), "feed", broken)
    await client.text("hello")
    error = await client.error()
    assert error["code"] == "internal_error"
    assert "hunter2" not in str(error)
    monkeypatch.undo()


# How much.


async def test_size_a_message_beyond_20_mib_closes_the_connection(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    # Its head is enough: nothing of it is waited for, or kept.
    head = b"\x81\xff" + (20 * 2**20 + 1).to_bytes(8, "big") + bytes(4)
    client._transport.write(head)
    assert (await client.closed())[0] == 1009


async def test_rate_a_flood_of_events_is_told_and_cut_and_the_session_waits() -> None:
    async with Gateway(gateway_events_per_second=1) as gateway:
        session = await gateway.session()
        client = await gateway.attach(session)
        for _ in range(30):
            await client.send("input_audio_buffer.clear")
        assert (await client.error())["code"] == "rate_limit_exceeded"
        assert await client.closed() == (1008, "rate_limit_exceeded")
        again = await gateway.attach(session)
        await again.until("session.created")
        await again.send("input_audio_buffer.clear")
        assert (await again.error())["code"] == "rate_limit_exceeded", "a new socket is no new allowance"


async def test_rate_more_sound_than_a_microphone_gives_is_cut() -> None:
    async with Gateway(gateway_bytes_per_second=1000) as gateway:
        client, _ = await gateway.client()
        for _ in range(30):
            await client.send("input_audio_buffer.append", audio=sound(25_000))
        assert (await client.error())["code"] in ("input_audio_buffer_full", "rate_limit_exceeded")
        assert (await client.closed())[0] == 1008


async def test_connections_are_limited_in_all_by_key_and_by_address() -> None:
    # By address: tests/gateway/test_entrance.py.
    async with Gateway(keys(), most=3, gateway_max_sessions_per_key=2) as gateway:
        ann = f"Bearer {ANN}"
        assert [(await shaken(gateway, Authorization=ann)).status for _ in range(3)] == [101, 101, 429]
        ben = f"Bearer {BEN}"
        assert [(await shaken(gateway, Authorization=ben)).status for _ in range(2)] == [101, 503]


async def test_resuming_again_and_again_is_limited(gateway: Gateway) -> None:
    session = await gateway.session()
    query = f"?session_id={session['session_id']}&after=0"
    secret = session["client_secret"]["value"]
    # A session whose client comes and goes lives on.
    answers = [(await shaken(gateway, query, Authorization=f"Bearer {secret}")).status for _ in range(40)]
    assert (answers[0], answers[-1]) == (101, 429)


async def test_idle_a_client_that_sends_nothing_is_hung_up_on() -> None:
    async with Gateway(gateway_idle_s=1) as gateway:
        client, _ = await gateway.client()
        assert (await client.error())["code"] == "idle"
        assert await client.closed() == (1000, "idle")
        await gateway.over()


async def test_heartbeat_a_peer_that_does_not_answer_is_let_go(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.wires.realtime.socket.PING_S", 0.2)
    session = await gateway.session()
    headers = {"Authorization": f"Bearer {session['client_secret']['value']}"}
    async with (
        asyncio.timeout(20),
        gateway.http.ws_connect(session["realtime_url"], headers=headers, autoping=False) as socket,
    ):
        kinds = {message.type async for message in _all(socket)}
    assert WSMsgType.PING in kinds


async def _all(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[aiohttp.WSMessage]:
    """Every message, until the connection is gone."""
    while (message := await socket.receive()).type not in (
        WSMsgType.CLOSED,
        WSMsgType.ERROR,
        WSMsgType.CLOSE,
    ):
        yield message


async def test_backpressure_a_reader_that_does_not_read_is_cut_and_costs_no_memory(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.wires.realtime.journal.WAITING_CHARS", 200_000)
    client, _ = await gateway.client()
    client.stop_reading()
    item = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "a" * 20_000}],
    }

    async def send_on() -> None:
        while True:
            await client.send("conversation.item.create", item=item)

    with pytest.raises(ConnectionError):
        async with asyncio.timeout(60):
            await send_on()


async def test_a_handshake_that_never_ends_does_not_hold_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.base.serve.KEEP_ALIVE_S", 0.2)
    runner = new_runner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
    writer.write(b"GET /v1/realtime HTTP/1.1\r\nHost: a\r\n")
    async with asyncio.timeout(20):
        assert await reader.read() == b""
    writer.close()
    await runner.cleanup()


# What is told of it.


async def test_monitoring_who_came_went_and_was_refused_is_logged_without_secrets_or_words(
    guarded: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        session, client = await called(guarded)
        await client.text("my card is four two")
        await client.until("response.done")
        await client.socket.close()
        await guarded.over()
        await shaken(guarded, Authorization="Bearer a-guess-of-somebody")
        await shaken(guarded, Authorization=f"Bearer {ANN}", Origin="https://evil.example")
    told = {record.message: vars(record) for record in caplog.records}
    assert {"call opened", "client came", "client went", "call ended", "refused"} <= set(told)
    assert (told["client came"]["owner"], told["client came"]["address"]) == ("ann", "127.0.0.1")
    assert told["client went"]["close_code"] == 1000
    assert "evil.example" in told["refused"]["origin"]
    everything = repr([vars(record) for record in caplog.records])
    for hidden in ("four two", ANN, session["client_secret"]["value"], "a-guess-of-somebody"):
        assert hidden not in everything
