"""The caller's tracks: what its microphone sent, and what a loudspeaker would have played."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.test_utils import TestServer

from gateway.cli.caller import CHUNK, CallBroke, Caller, CallRefused, Echo, Missing, Room
from gateway.cli.certificate import ensure
from gateway.cli.waveforms import Pcm, first_sound, is_audible, track
from gateway.session.clock import RATE, samples
from services.base.tls import fingerprint, server_context
from tests.gateway.harness import PATIENCE, Gateway

WORD: Pcm = np.full(samples(200), 0x2000, np.int16)


async def ears_of(gateway: Gateway) -> Any:
    async with asyncio.timeout(PATIENCE):
        await gateway.parts.made.wait()
    return next(iter(gateway.parts.ears.values()))


async def test_what_it_says_lies_on_its_track_where_it_was_told_to_lie(gateway: Gateway) -> None:
    async with Caller.calling(gateway.url) as caller:
        begin, end = await caller.say(WORD)
        begin_again, _ = await caller.say(WORD)
    spoken = track(caller.spoken)
    assert first_sound(spoken) == pytest.approx(begin, abs=0.011)
    assert end - begin == pytest.approx(0.2)
    assert first_sound(spoken, end) == pytest.approx(begin_again, abs=0.011)


async def test_a_chunk_leaves_when_it_is_over(gateway: Gateway) -> None:
    async with Caller.calling(gateway.url) as caller:
        for _ in range(5):
            sent = len(caller.spoken)
            await caller.when("next chunk", lambda sent=sent: len(caller.spoken) > sent)  # type: ignore[misc]
            assert caller.now() >= len(track(caller.spoken)) / RATE - 0.001


async def test_the_agent_s_sound_lies_where_it_comes(gateway: Gateway) -> None:
    async with Caller.calling(gateway.url) as caller:
        await (await ears_of(gateway)).say("hello there")
        done = await caller.until("response.done")
        created = next(event for event in caller.events if event["type"] == "response.created")
        assert (caller.sounded() or 0.0) >= created["at"]
        assert {piece.response_id for piece in caller.pieces} == {done["response"]["id"]}
        assert np.count_nonzero(caller.sound()) == 4 * samples(200)


async def test_it_leaves_no_connection_whose_tls_waits_for_a_farewell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = asyncio.Event()

    async def open_session(request: web.Request) -> web.Response:
        url = f"wss://{request.host}/v1/realtime?session_id=1"
        return web.json_response(
            {"session_id": "1", "client_secret": {"value": "secret"}, "realtime_url": url}, status=201
        )

    async def slow_to_leave(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoclose=False)
        await socket.prepare(request)
        async for _ in socket:
            pass
        # A busy machine may stop here, between the socket's farewell and that of TLS.
        await socket.send_frame(WSCloseCode.OK.to_bytes(2, "big"), WSMsgType.CLOSE)
        await left.wait()
        return socket

    app = web.Application()
    app.router.add_post("/api/mas/voice/duplex/session", open_session)
    app.router.add_get("/v1/realtime", slow_to_leave)
    certificate = ensure(tmp_path / "tls", ["127.0.0.1"])
    monkeypatch.setenv("ANTIPHON_FINGERPRINT", fingerprint(certificate.path).hex())
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=server_context(certificate.path, certificate.key))
    async with Caller.calling(str(server.make_url("")).rstrip("/")) as caller:
        line = caller.socket.get_extra_info("socket")
        assert line.fileno() >= 0
    # The last turn of a loop that ends.
    await asyncio.sleep(0)
    assert line.fileno() == -1
    left.set()
    await server.close()


async def test_what_breaks_its_ear_is_raised_when_the_call_ends(gateway: Gateway) -> None:
    broke = asyncio.Event()

    def broken(event: dict[str, Any]) -> None:
        broke.set()
        raise ValueError(event["type"])

    async def call() -> None:
        async with Caller.calling(gateway.url) as caller, asyncio.timeout(PATIENCE):
            caller.watch = broken
            await broke.wait()

    with pytest.raises(CallBroke, match=r"session\.created"):
        await call()


async def test_what_does_not_come_is_named(gateway: Gateway) -> None:
    async with Caller.calling(gateway.url) as caller:
        with pytest.raises(Missing, match="no miracle within"):
            await caller.when("miracle", lambda: False, 0.1)
        with pytest.raises(Missing, match=r"no response\.done within"):
            await caller.until("response.done", seconds=0.1)


async def test_a_gateway_that_refuses_or_is_not_there_is_told() -> None:
    with pytest.raises(CallRefused, match=r"127\.0\.0\.1:1.*antiphon up"):
        async with Caller.calling("http://127.0.0.1:1"):
            pass


async def test_a_persona_that_nobody_knows_is_refused_in_the_gateway_s_words(gateway: Gateway) -> None:
    with pytest.raises(CallRefused, match="nobody"):
        async with Caller.calling(gateway.url, persona="nobody"):
            pass


class Still:
    """A socket on which nothing comes."""

    closed = False


def alone(room: Room | None = None) -> Caller:
    """A caller that nothing comes to but by hand, in a call that has just begun."""
    return Caller(Still(), "session", "secret", room or Room())  # type: ignore[arg-type]


async def test_sound_that_comes_early_waits_behind_what_still_sounds() -> None:
    caller = alone()
    caller._place("a", WORD.tobytes())
    caller._place("a", WORD.tobytes())
    first, second = caller.pieces
    assert second.begin == first.end
    assert is_audible(caller.sound(first.begin / RATE))


async def test_of_a_cut_answer_what_did_not_sound_yet_is_dropped() -> None:
    caller = alone()
    caller._place("a", np.tile(WORD, 50).tobytes())
    caller._drop("a")
    assert len(caller.heard) // 2 <= caller.now() * RATE + 1
    assert caller.pieces[-1].end <= caller.now() * RATE + 1


async def test_the_end_of_another_answer_drops_nothing() -> None:
    caller = alone()
    caller._place("b", WORD.tobytes())
    caller._drop("a")
    assert len(caller.pieces) == 1


async def test_an_echo_is_the_agent_s_sound_later_and_quieter() -> None:
    late = samples(100)
    caller = alone(Room(echo=Echo(0.1, late)))
    caller.heard.extend(WORD.tobytes())
    silence = bytes(CHUNK * 2)
    assert not is_audible(track(caller._in_room(silence, 0)))
    back = track(caller._in_room(silence, late))
    assert np.all(back == round(0.1 * 0x2000))
    over = track(caller._in_room(WORD[:CHUNK].tobytes(), late))
    assert np.all(over == 0x2000 + round(0.1 * 0x2000))


async def test_noise_goes_on_for_as_long_as_the_call() -> None:
    noise = np.arange(1, 1001, dtype=np.int16)
    caller = alone(Room(noise=noise))
    mixed = track(caller._in_room(bytes(CHUNK * 2), 900))
    assert mixed[0] == 901
    assert mixed[100] == 1
