"""`GET /v1/listen` with real workers."""

import asyncio
import contextlib
import os
import signal

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from services.transcriber import hearing
from services.transcriber.protocol import Event, Failed, Final, Partial, SpeechStarted, SpeechStopped
from services.transcriber.workers import Workers
from tests.services.transcriber.conftest import Client, Connect
from tests.services.transcriber.voices import distance, extent, silence, spoken
from tests.services.transcriber.wire import PATIENCE_S, final, finish, hear, next_event, send

ASKED = "what time is it in tokyo"


async def fails(socket: ClientWebSocketResponse) -> Failed:
    """The next error."""
    event: Event = await next_event(socket)
    while not isinstance(event, Failed):
        event = await next_event(socket)
    return event


async def refused(client: Client, query: str) -> tuple[int, str, str]:
    """What the answer to an upgrade says: status, code, detail."""
    answer = await client.get(
        f"/v1/listen?{query}", headers={"Connection": "Upgrade", "Upgrade": "websocket"}
    )
    body = await answer.json()
    return answer.status, body["code"], body["detail"]


async def test_a_question_is_heard(socket: ClientWebSocketResponse) -> None:
    sound = spoken(ASKED)
    events = await hear(socket, sound)
    began, ended = extent(sound)
    assert isinstance(events[0], SpeechStarted)
    assert abs(events[0].at - began) <= 2400
    stopped = [event for event in events if isinstance(event, SpeechStopped)]
    assert abs(stopped[-1].at - ended) <= 2400
    assert sum(isinstance(event, Partial) for event in events) >= 3
    assert distance(ASKED, final(events).text) <= 1
    assert final(events).confidence > 0.5


async def test_two_calls_are_heard_side_by_side(connect: Connect) -> None:
    one, other = await connect(24000), await connect(16000)
    first, second = await asyncio.gather(
        hear(one, spoken(ASKED)), hear(other, spoken("how many miles are in ten kilometers", 16000))
    )
    assert distance(ASKED, final(first).text) <= 1
    assert distance("how many miles are in ten kilometers", final(second).text) <= 1


async def test_an_order_to_finish_without_speech_is_answered_with_no_words(
    socket: ClientWebSocketResponse,
) -> None:
    await finish(socket)
    assert await next_event(socket) == Final("", (), 0.0, "en")
    await send(socket, silence(1))
    await finish(socket, 24000)
    assert await next_event(socket) == Final("", (), 0.0, "en")


async def test_one_socket_hears_turn_after_turn(socket: ClientWebSocketResponse) -> None:
    await hear(socket, spoken(ASKED))
    assert distance("turn off the pump", final(await hear(socket, spoken("turn off the pump"))).text) <= 1


async def test_an_odd_count_of_bytes_is_named_and_the_socket_lives_on(
    socket: ClientWebSocketResponse,
) -> None:
    await socket.send_bytes(b"\0" * 961)
    failure = await fails(socket)
    assert (failure.code, failure.fatal) == ("odd_bytes", False)
    assert "961" in failure.message
    assert distance(ASKED, final(await hear(socket, spoken(ASKED))).text) <= 1


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"type": "begin"}', '{"type": "finish"}', '{"type": "finish", "at": -1}']
)
async def test_an_order_that_is_none_is_named_and_the_socket_lives_on(
    socket: ClientWebSocketResponse, text: str
) -> None:
    await socket.send_str(text)
    failure = await fails(socket)
    assert (failure.code, failure.fatal) == ("bad_message", False)
    await finish(socket)
    assert isinstance(await next_event(socket), Final)


@pytest.mark.parametrize(
    ("query", "code", "wanted"),
    [
        ("rate=44100", "bad_rate", "8000, 16000, 24000, 48000, not '44100'"),
        ("rate=fast", "bad_rate", "not 'fast'"),
        ("language=fr", "language_not_supported", "English"),
    ],
)
async def test_what_cannot_be_heard_is_refused_before_the_upgrade(
    client: Client, query: str, code: str, wanted: str
) -> None:
    status, given, detail = await refused(client, query)
    assert (status, given) == (400, code)
    assert wanted in detail


async def test_an_american_is_taken_for_english(client: Client) -> None:
    async with client.ws_connect("/v1/listen?language=en-US") as socket:
        await finish(socket)
        assert await next_event(socket) == Final("", (), 0.0, "en")


async def test_a_request_without_an_upgrade_is_told_so(client: Client) -> None:
    answer = await client.get("/v1/listen")
    assert answer.status == 400
    assert "upgrade" in (await answer.json())["detail"]


async def test_a_call_too_many_is_told_when_to_come_again(
    client: Client, connect: Connect, workers: Workers
) -> None:
    sockets = [await connect() for _ in range(workers.places)]
    with pytest.raises(WSServerHandshakeError) as error:
        await connect()
    assert error.value.status == 503
    assert error.value.headers
    assert int(error.value.headers["Retry-After"]) > 0
    await sockets[0].close()
    await _connected(connect)


async def test_a_client_that_vanishes_frees_its_place(connect: Connect, workers: Workers) -> None:
    sockets = [await connect() for _ in range(workers.places)]
    await send(sockets[1], spoken(ASKED))
    response = sockets[1]._response
    assert response.connection
    assert response.connection.transport
    response.connection.transport.abort()
    await _connected(connect)


async def test_the_death_of_a_worker_ends_its_call_and_no_other(connect: Connect, workers: Workers) -> None:
    doomed = await connect()
    (victim,) = workers.hearings
    other = await connect()
    await send(doomed, spoken(ASKED)[:24000])
    os.kill(victim.pid, signal.SIGKILL)
    failure = await fails(doomed)
    assert (failure.code, failure.fatal) == ("recogniser_lost", True)
    async with asyncio.timeout(PATIENCE_S):
        assert (await doomed.receive()).type is WSMsgType.CLOSE
    assert distance(ASKED, final(await hear(other, spoken(ASKED))).text) <= 1
    assert distance(ASKED, final(await hear(await connect(), spoken(ASKED))).text) <= 1


async def test_calls_go_on_when_the_process_that_forks_dies_and_new_ones_follow(
    connect: Connect, workers: Workers
) -> None:
    running = await connect()
    forks = workers.pid
    assert forks
    await send(running, spoken(ASKED)[:24000])
    os.kill(forks, signal.SIGKILL)
    assert distance(ASKED, final(await hear(running, spoken(ASKED)[24000:])).text) <= 1
    async with asyncio.timeout(PATIENCE_S):
        while workers.pid == forks:
            await workers.loaded.wait()
            await finish(running)
            await next_event(running)
        await workers.loaded.wait()
    assert distance(ASKED, final(await hear(await connect(), spoken(ASKED))).text) <= 1


async def test_a_worker_that_stands_still_is_ended(
    connect: Connect, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "STALLED_S", 0.2)
    socket = await connect()
    (still,) = workers.hearings
    os.kill(still.pid, signal.SIGSTOP)
    await send(socket, silence(0.1))
    failure = await fails(socket)
    assert failure.code == "recogniser_lost"
    assert "stood still" in failure.message


async def test_too_much_sound_is_named_and_what_follows_keeps_its_place(
    connect: Connect, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "WAITING_S", 5.0)
    socket = await connect()
    (slow,) = workers.hearings
    os.kill(slow.pid, signal.SIGSTOP)
    for _ in range(7):
        await socket.send_bytes(silence(1).tobytes())
    failure = await fails(socket)
    assert (failure.code, failure.fatal) == ("overflow", False)
    os.kill(slow.pid, signal.SIGCONT)
    await finish(socket)
    assert isinstance(await next_event(socket), Final)
    sound = spoken(ASKED)
    events = await hear(socket, sound)
    began = next(event for event in events if isinstance(event, SpeechStarted))
    assert abs(began.at - 7 * 24000 - extent(sound)[0]) <= 2400
    assert distance(ASKED, final(events).text) <= 1


async def test_a_client_that_reads_nothing_is_cut_off(connect: Connect) -> None:
    socket = await connect()
    response = socket._response
    assert response.connection
    assert response.connection.transport
    response.connection.transport.pause_reading()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(ConnectionError):
            await _babble(socket)


async def test_when_the_service_stops_its_calls_are_told(client: Client, connect: Connect) -> None:
    socket = await connect()
    stopping = asyncio.create_task(client.server.close())
    assert await fails(socket) == Failed("stopping", "the transcriber stops")
    async with asyncio.timeout(PATIENCE_S):
        assert (await socket.receive()).type is WSMsgType.CLOSE
        await stopping


async def _babble(socket: ClientWebSocketResponse) -> None:
    """Ask for one error after the other, for ever."""
    while True:
        await socket.send_str("x" * 100)


async def _connected(connect: Connect) -> ClientWebSocketResponse:
    """A socket, as soon as there is a place."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(WSServerHandshakeError):
                return await connect()
