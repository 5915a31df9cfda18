"""The gateway's ears against a transcriber that the test plays: what is sent again, where words lie, what fails."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from gateway import ears as ears_module
from gateway.ears import KEPT_IN_SILENCE, KEPT_IN_SPEECH, TranscriberEars
from gateway.session import events as on
from gateway.session.clock import BYTES, RATE, samples
from services.transcriber import protocol as wire
from tests.gateway.harness import PATIENCE

OFFSET = 1000
"""Where position 0 of the heard sound lies on the test's session clock."""


@dataclass
class Visit:
    """One socket that the ears opened."""

    socket: web.WebSocketResponse
    query: dict[str, str]
    sound: bytearray = field(default_factory=bytearray)
    finishes: list[tuple[int, int]] = field(default_factory=list)
    """`at`, and how many samples had come before the order."""
    fresh: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def samples(self) -> int:
        return len(self.sound) // BYTES

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self.fresh.clear()
                await self.fresh.wait()

    async def heard(self, count: int) -> None:
        """Wait until `count` samples have come."""
        await self.until(lambda: self.samples >= count)

    async def finished(self, count: int = 1) -> None:
        await self.until(lambda: len(self.finishes) >= count)

    async def tell(self, event: wire.Event) -> None:
        await self.socket.send_str(wire.encode(event))

    async def vanish(self) -> None:
        """Die in mid-word."""
        assert self.socket._req is not None
        assert self.socket._req.transport is not None
        self.socket._req.transport.abort()
        async with asyncio.timeout(PATIENCE):
            await self.over.wait()


class Transcriber:
    """The service, played by a test."""

    def __init__(self) -> None:
        self.visits: asyncio.Queue[Visit] = asyncio.Queue()
        self.refusal: Callable[[], Awaitable[web.StreamResponse]] | None = None
        self.url = ""
        self.refused = asyncio.Event()
        self.reads = True
        """Whether the next socket is read."""

    async def listen(self, request: web.Request) -> web.StreamResponse:
        if self.refusal:
            self.refused.set()
            return await self.refusal()
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        visit = Visit(socket, dict(request.query))
        self.visits.put_nowait(visit)
        if not self.reads:
            await asyncio.Event().wait()
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                visit.sound += message.data
            elif message.type is aiohttp.WSMsgType.TEXT:
                visit.finishes.append((wire.decode_finish(message.data).at, visit.samples))
            visit.fresh.set()
        visit.over.set()
        return socket

    async def visit(self) -> Visit:
        async with asyncio.timeout(PATIENCE):
            return await self.visits.get()


class Session:
    """Is told what the ears make out."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[on.Event] = asyncio.Queue()

    def tell(self, event: on.Event) -> None:
        self.events.put_nowait(event)

    async def next(self) -> on.Event:
        async with asyncio.timeout(PATIENCE):
            return await self.events.get()


@pytest.fixture
async def transcriber() -> AsyncIterator[Transcriber]:
    double = Transcriber()
    app = web.Application()
    app.router.add_get("/v1/listen", double.listen)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    double.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield double
    await runner.cleanup()


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
async def ears(
    transcriber: Transcriber, session: Session, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[TranscriberEars]:
    """Ears at work, which come back at once."""
    monkeypatch.setattr(ears_module, "FIRST_TRY_AFTER_S", 0.01)
    monkeypatch.setattr(ears_module, "LAST_TRY_AFTER_S", 0.02)
    async with aiohttp.ClientSession() as http:
        ears = TranscriberEars(http, [transcriber.url], "", "en", lambda: 7, lambda at: at + OFFSET)
        # As the first sound does, before which nothing is connected.
        ears._fresh.set()
        running = asyncio.create_task(ears.run(session.tell))
        yield ears
        assert not running.done(), running
        running.cancel()
        await asyncio.wait({running})


def tone(number: int, milliseconds: int = 20) -> bytes:
    """Sound that can be told from other sound."""
    return number.to_bytes(2, "little") * samples(milliseconds)


async def test_what_is_heard_is_sent_and_what_it_means_is_told_on_the_session_s_clock(
    ears: TranscriberEars, transcriber: Transcriber, session: Session
) -> None:
    visit = await transcriber.visit()
    assert visit.query == {"rate": str(RATE), "language": "en"}
    ears.hear(tone(1))
    ears.hear(tone(2))
    await visit.heard(960)
    assert bytes(visit.sound) == tone(1) + tone(2)
    await visit.tell(wire.SpeechStarted(100))
    await visit.tell(wire.Partial("hello", (wire.Word("hello", 100, 200),)))
    await visit.tell(wire.SpeechStopped(900))
    ears.finish()
    await visit.finished()
    assert visit.finishes == [(960, 960)]
    await visit.tell(wire.Final("hello", (wire.Word("hello", 100, 200),), 0.5, "en"))
    word = on.Word("hello", 100 + OFFSET, 200 + OFFSET)
    assert [await session.next() for _ in range(4)] == [
        on.SpeechStarted(7, 100 + OFFSET),
        on.WordsHeard(7, "hello", 100),
        on.SpeechStopped(7, 900 + OFFSET),
        on.TranscriptReady(7, "hello", (word,), 0.5, "en"),
    ]


async def test_a_new_transcriber_is_sent_the_open_turn_again(
    ears: TranscriberEars, transcriber: Transcriber, session: Session
) -> None:
    first = await transcriber.visit()
    for number in range(1, 101):
        ears.hear(tone(number))
    await first.heard(100 * 480)
    await first.tell(wire.SpeechStarted(480))
    await session.next()
    for number in range(101, 151):
        ears.hear(tone(number))
    await first.vanish()
    ears.hear(tone(151))
    second = await transcriber.visit()
    await second.heard(151 * 480)
    assert bytes(second.sound) == b"".join(tone(number) for number in range(1, 152))
    await second.tell(wire.Partial("still there", ()))
    assert await session.next() == on.WordsHeard(7, "still there")


async def test_the_order_to_finish_is_given_again_where_it_stood(
    ears: TranscriberEars, transcriber: Transcriber, session: Session
) -> None:
    first = await transcriber.visit()
    ears.hear(tone(1, 1000))
    await first.heard(24_000)
    await first.tell(wire.SpeechStarted(480))
    await session.next()
    ears.finish()
    ears.hear(tone(2))
    await first.finished()
    await first.vanish()
    second = await transcriber.visit()
    await second.finished()
    await second.heard(24_480)
    assert second.finishes == [(24_000, 24_000)]
    await second.tell(wire.Final("one", (wire.Word("one", 10, 20),), 0.9, "en"))
    final = await session.next()
    assert final == on.TranscriptReady(7, "one", (on.Word("one", 10 + OFFSET, 20 + OFFSET),), 0.9, "en")


async def test_what_has_its_final_words_is_not_sent_again_and_positions_go_on(
    ears: TranscriberEars, transcriber: Transcriber, session: Session
) -> None:
    first = await transcriber.visit()
    ears.hear(tone(1, 3000))
    await first.heard(72_000)
    await first.tell(wire.SpeechStarted(480))
    await first.tell(wire.SpeechStopped(70_000))
    ears.finish()
    await first.finished()
    await first.tell(wire.Final("one", (), 0.9, "en"))
    for _ in range(3):
        await session.next()
    ears.hear(tone(2))
    await first.vanish()
    second = await transcriber.visit()
    await second.heard(480)
    assert bytes(second.sound) == tone(2)
    await second.tell(wire.SpeechStarted(0))
    assert await session.next() == on.SpeechStarted(7, 72_000 + OFFSET)


async def test_a_turn_that_began_before_the_words_of_the_one_before_is_kept_too(
    ears: TranscriberEars, transcriber: Transcriber, session: Session
) -> None:
    first = await transcriber.visit()
    ears.hear(tone(1, 1000))
    await first.heard(24_000)
    await first.tell(wire.SpeechStarted(480))
    await first.tell(wire.SpeechStopped(20_000))
    ears.finish()
    for _ in range(200):
        ears.hear(tone(2))
    await first.tell(wire.SpeechStarted(24_100))
    await first.tell(wire.Final("one", (), 0.9, "en"))
    for _ in range(4):
        await session.next()
    for _ in range(100):
        ears.hear(tone(3))
    await first.vanish()
    second = await transcriber.visit()
    await second.heard(300 * 480)
    assert bytes(second.sound) == 200 * tone(2) + 100 * tone(3)


async def test_while_nobody_speaks_little_is_kept(ears: TranscriberEars, transcriber: Transcriber) -> None:
    first = await transcriber.visit()
    for number in range(1, 501):
        ears.hear(tone(number))
    await first.heard(500 * 480)
    ears.hear(tone(501))
    await first.heard(501 * 480)
    await first.vanish()
    second = await transcriber.visit()
    await second.heard(KEPT_IN_SILENCE - 480)
    assert bytes(second.sound) == b"".join(tone(number) for number in range(452, 502))


async def test_while_the_service_is_away_memory_is_bounded_and_the_end_is_kept(
    ears: TranscriberEars, transcriber: Transcriber
) -> None:
    first = await transcriber.visit()

    async def busy() -> web.StreamResponse:
        return web.json_response({"code": "busy"}, status=503)

    transcriber.refusal = busy
    await first.vanish()
    for number in range(70):
        ears.hear(tone(number + 1, 1000))
    assert ears._kept_samples <= KEPT_IN_SPEECH
    async with asyncio.timeout(PATIENCE):
        await transcriber.refused.wait()
    transcriber.refusal = None
    second = await transcriber.visit()
    await second.heard(KEPT_IN_SPEECH)
    assert bytes(second.sound[-2:]) == (70).to_bytes(2, "little")


async def test_a_minute_at_once_is_taken(ears: TranscriberEars, transcriber: Transcriber) -> None:
    ears.hear(tone(1, 60_000))
    ears.finish()
    visit = await transcriber.visit()
    await visit.finished()
    assert visit.finishes == [(samples(60_000), samples(60_000))]


async def refuse_busy() -> web.StreamResponse:
    return web.json_response({"code": "busy"}, status=503)


async def refuse_language() -> web.StreamResponse:
    return web.json_response({"code": "language_not_supported"}, status=400)


async def never_answer() -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize("refusal", [refuse_busy, refuse_language, never_answer])
async def test_a_service_that_refuses_is_asked_again(
    ears: TranscriberEars,
    transcriber: Transcriber,
    refusal: Callable[[], Awaitable[web.StreamResponse]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ears_module, "CONNECT_LIMIT_S", 0.2)
    first = await transcriber.visit()
    transcriber.refusal = refusal
    await first.vanish()
    ears.hear(tone(1))
    async with asyncio.timeout(PATIENCE):
        await transcriber.refused.wait()
    transcriber.refusal = None
    second = await transcriber.visit()
    await second.heard(480)
    assert ears.missing is None


async def test_who_is_refused_again_and_again_says_what_is_missing(
    ears: TranscriberEars, transcriber: Transcriber
) -> None:
    first = await transcriber.visit()
    transcriber.refusal = refuse_busy
    await first.vanish()
    async with asyncio.timeout(PATIENCE):
        while ears.missing is None:
            transcriber.refused.clear()
            await transcriber.refused.wait()
    assert "503" in ears.missing


async def test_a_call_that_is_only_typed_takes_no_place(transcriber: Transcriber, session: Session) -> None:
    async with aiohttp.ClientSession() as http:
        ears = TranscriberEars(http, [transcriber.url], "", "en", lambda: 7, lambda at: at)
        running = asyncio.create_task(ears.run(session.tell))
        # Enough turns of the loop for a connection to one's own machine, had one been begun.
        for _ in range(100):
            await asyncio.sleep(0)
        assert transcriber.visits.empty()
        ears.hear(tone(1))
        await (await transcriber.visit()).heard(480)
        running.cancel()
        await asyncio.wait({running})


GARBAGE = {
    "not JSON": "hello",
    "no object": "[]",
    "an unknown event": '{"type": "weather"}',
    "a type that is no name": '{"type": []}',
    "a position that is no number": '{"type": "speech_started", "at": "now"}',
    "words that are none": '{"type": "final", "text": "a", "words": [1], "confidence": 1, "language": "en"}',
    "a fatal error": json.dumps({"type": "error", "code": "recogniser_lost", "message": "it died"}),
}


@pytest.mark.parametrize("text", GARBAGE.values(), ids=GARBAGE.keys())
async def test_what_cannot_be_understood_costs_the_socket_and_not_the_call(
    ears: TranscriberEars,
    transcriber: Transcriber,
    session: Session,
    text: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = await transcriber.visit()
    await first.socket.send_str(text)
    ears.hear(tone(1))
    second = await transcriber.visit()
    await second.heard(480)
    assert "transcriber lost" in caplog.text
    await second.tell(wire.Partial("fine", ()))
    assert await session.next() == on.WordsHeard(7, "fine")


async def test_an_error_that_is_not_fatal_costs_nothing_else(
    ears: TranscriberEars, transcriber: Transcriber, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    visit = await transcriber.visit()
    await visit.tell(wire.Failed("overflow", "too much", fatal=False))
    await visit.tell(wire.Partial("fine", ()))
    assert await session.next() == on.WordsHeard(7, "fine")
    assert "left something out" in caplog.text


async def test_a_service_that_closes_in_order_is_left_for_the_next(
    transcriber: Transcriber, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears_module, "FIRST_TRY_AFTER_S", 0.01)
    async with aiohttp.ClientSession() as http:
        urls = ["http://127.0.0.1:1", transcriber.url]
        ears = TranscriberEars(http, urls, "key", "en", lambda: 0, lambda at: at)
        ears._fresh.set()
        running = asyncio.create_task(ears.run(session.tell))
        visit = await transcriber.visit()
        assert visit.socket._req is not None
        assert visit.socket._req.headers["Authorization"] == "Bearer key"
        await visit.socket.close(code=1001)
        ears.hear(tone(1))
        again = await transcriber.visit()
        await again.heard(480)
        running.cancel()
        await asyncio.wait({running})


async def test_a_transcriber_that_stands_still_is_found_out(
    transcriber: Transcriber, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears_module, "FIRST_TRY_AFTER_S", 0.01)
    monkeypatch.setattr(ears_module, "HEARTBEAT_S", 0.1)
    transcriber.reads = False
    async with aiohttp.ClientSession() as http:
        ears = TranscriberEars(http, [transcriber.url], "", "en", lambda: 0, lambda at: at)
        ears._fresh.set()
        running = asyncio.create_task(ears.run(session.tell))
        await transcriber.visit()
        ears.hear(tone(1, 60_000))
        transcriber.reads = True
        second = await transcriber.visit()
        await second.heard(samples(60_000))
        running.cancel()
        await asyncio.wait({running})
