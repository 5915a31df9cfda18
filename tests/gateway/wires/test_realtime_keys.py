"""Who is let in on the realtime wire, with what, and for how long."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from gateway.access import Access
from tests.gateway.harness import Gateway

ANN, BEN = "the key of ann, long", "the key of ben, long"
SESSIONS = "/api/mas/voice/duplex/session"
SECRETS = "/v1/realtime/client_secrets"


class Clock:
    """Unix time, as the test sets it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def guarded(clock: Clock) -> AsyncIterator[Gateway]:
    """A gateway that asks for keys."""
    keys = {"ann": ANN, "ben": BEN}
    async with Gateway(Access(keys, open_to_all=False, hosts=frozenset(), now=clock)) as gateway:
        yield gateway


async def made(gateway: Gateway, key: str) -> dict[str, Any]:
    """A session of that key's."""
    status, session = await gateway.ask("POST", SESSIONS, key)
    assert status == 201
    return dict(session)


async def refused(gateway: Gateway, url: str, token: str = "") -> tuple[int, str]:
    """Status and code with which a socket is not opened."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with gateway.http.get(url.replace("ws:", "http:"), headers=headers | UPGRADE) as answer:
        return answer.status, (await answer.json(content_type=None))["code"]


UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


async def test_a_key_opens_a_session_of_its_own(guarded: Gateway) -> None:
    client = await guarded.connect(f"{guarded.url}/v1/realtime", ANN)
    await client.until("session.created")
    assert guarded.call().profile.owner == "ann"


async def test_without_a_key_nothing_opens(guarded: Gateway) -> None:
    session = await made(guarded, ANN)
    for token in ("", "wrong", "ek_wrong"):
        assert await refused(guarded, f"{guarded.url}/v1/realtime", token) == (401, "unauthorized")
        assert await refused(guarded, session["realtime_url"], token) == (401, "unauthorized")
    assert guarded.calls.free == guarded.calls.most - 1


async def test_another_owner_s_key_and_another_session_s_secret_open_nothing(guarded: Gateway) -> None:
    mine, other = await made(guarded, ANN), await made(guarded, ANN)
    assert await refused(guarded, mine["realtime_url"], BEN) == (403, "forbidden")
    secret = other["client_secret"]["value"]
    assert await refused(guarded, mine["realtime_url"], secret) == (403, "forbidden")


async def test_browsers_bring_the_secret_as_a_subprotocol(guarded: Gateway) -> None:
    session = await made(guarded, ANN)
    protocols = ("realtime", f"openai-insecure-api-key.{session['client_secret']['value']}")
    async with guarded.http.ws_connect(session["realtime_url"], protocols=protocols) as socket:
        assert socket.protocol == "realtime"
        assert (await socket.receive_json())["type"] == "session.created"


async def test_a_session_s_secret_needs_no_id_beside_it(guarded: Gateway) -> None:
    session = await made(guarded, ANN)
    client = await guarded.connect(f"{guarded.url}/v1/realtime", session["client_secret"]["value"])
    created = await client.until("session.created")
    assert created["session"]["id"] == f"sess_{session['session_id'].replace('-', '')}"


async def test_a_secret_that_nobody_came_with_expires(guarded: Gateway, clock: Clock) -> None:
    session = await made(guarded, ANN)
    clock.now += 601
    secret = session["client_secret"]["value"]
    assert await refused(guarded, session["realtime_url"], secret) == (401, "unauthorized")


async def test_late_in_a_long_call_the_secret_still_opens_it(guarded: Gateway, clock: Clock) -> None:
    session = await made(guarded, ANN)
    client = await guarded.attach(session)
    await client.until("session.created")
    clock.now += 7200
    client.drop()
    again = await guarded.attach(session)
    await again.until("session.created")


async def test_after_the_end_the_secret_opens_nothing(guarded: Gateway) -> None:
    session = await made(guarded, ANN)
    client = await guarded.attach(session)
    await client.until("session.created")
    await guarded.ask("DELETE", f"/api/mas/voice/sessions/{session['session_id']}", ANN)
    secret = session["client_secret"]["value"]
    assert await refused(guarded, session["realtime_url"], secret) == (401, "unauthorized")
    assert await refused(guarded, session["realtime_url"], ANN) == (404, "session_not_found")


async def test_a_client_secret_opens_sessions_that_begin_with_its_settings(guarded: Gateway) -> None:
    wanted = {
        "type": "realtime",
        "model": "plain",
        "instructions": "Be brief.",
        "audio": {"input": {"turn_detection": None}, "output": {"voice": "alder"}},
    }
    body = {"expires_after": {"anchor": "created_at", "seconds": 10}, "session": wanted}
    status, secret = await guarded.ask("POST", SECRETS, ANN, json=body)
    assert status == 200
    assert secret["value"].startswith("ek_")
    assert secret["expires_at"] == 1_000_010
    assert secret["session"]["instructions"] == "Be brief."
    for _ in range(2):
        client = await guarded.connect(f"{guarded.url}/v1/realtime", secret["value"])
        session = (await client.until("session.created"))["session"]
        assert session["instructions"] == "Be brief."
        assert session["audio"]["input"]["turn_detection"] is None
        profile = guarded.call().profile
        assert (profile.owner, profile.brief.persona.name, profile.brief.voice.name) == (
            "ann",
            "plain",
            "alder",
        )
        await client.send("session.update", session={"type": "realtime"})
        await client.until("session.updated")
        await client.text("hello")
        await client.until("response.created")
        assert guarded.call().session.rules.push_to_talk
        await client.socket.close()
        await guarded.over()


async def test_a_client_secret_expires_for_new_sessions(guarded: Gateway, clock: Clock) -> None:
    _, secret = await guarded.ask("POST", SECRETS, ANN, json={"expires_after": {"seconds": 7200}})
    clock.now += 7200
    url = f"{guarded.url}/v1/realtime"
    assert await refused(guarded, url, secret["value"]) == (401, "unauthorized")


@pytest.mark.parametrize("seconds", [9, 7201, "soon", None])
async def test_a_client_secret_lives_ten_seconds_to_two_hours(guarded: Gateway, seconds: Any) -> None:
    status, problem = await guarded.ask("POST", SECRETS, ANN, json={"expires_after": {"seconds": seconds}})
    assert (status, problem["code"]) == (400, "invalid_request")
    assert "expires_after.seconds" in problem["detail"]


async def test_a_client_secret_s_session_is_checked_when_it_is_made(guarded: Gateway) -> None:
    wrong = {"audio": {"input": {"format": {"type": "audio/opus"}}}}
    status, problem = await guarded.ask("POST", SECRETS, ANN, json={"session": wrong})
    assert status == 400
    assert "audio/opus" in problem["detail"]


async def test_a_client_secret_is_no_key_for_rest(guarded: Gateway) -> None:
    _, secret = await guarded.ask("POST", SECRETS, ANN)
    for method, path in (("POST", SESSIONS), ("POST", SECRETS), ("GET", "/api/mas/voice/sessions")):
        status, problem = await guarded.ask(method, path, secret["value"])
        assert (status, problem["code"]) == (403, "forbidden")


async def test_on_loopback_sessions_need_no_key_and_attaching_needs_the_secret(gateway: Gateway) -> None:
    session = await gateway.session()
    assert await refused(gateway, session["realtime_url"]) == (403, "forbidden")
    client = await gateway.attach(session)
    await client.until("session.created")


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}]
)
async def test_pages_of_others_get_no_socket(gateway: Gateway, headers: dict[str, str]) -> None:
    session = await gateway.session()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await gateway.http.ws_connect(session["realtime_url"], headers=headers)
    assert refusal.value.status == 403


async def test_a_plain_request_makes_no_session(gateway: Gateway) -> None:
    status, problem = await gateway.ask("GET", "/v1/realtime")
    assert (status, problem["code"]) == (426, "upgrade_required")
    assert gateway.calls.free == gateway.calls.most


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=²", "session_id=nonsense"])
async def test_a_bad_query_makes_no_session(gateway: Gateway, query: str) -> None:
    url = f"{gateway.url}/v1/realtime?{query}"
    assert await refused(gateway, url) == (400, "invalid_request")
    assert gateway.calls.free == gateway.calls.most
