"""The speech service: PersonaPlex's wire at `GET /api/chat`, for as many calls as there are slots."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

from aiohttp import WSCloseCode, web

from services.base.health import add_health
from services.base.problems import Invalid, Problem, Unavailable
from services.base.serve import DRAIN, MAX_LINE, new_app
from services.speech import measures
from services.speech.batch import Batch
from services.speech.call import CLOSE_S, Call, before_it_leaves, end, voice_of
from services.speech.engine import Engine
from services.speech.errors import UnknownVoice
from services.speech.machine import amount
from services.speech.model_thread import ModelThread
from services.speech.offload import sent_bytes
from services.speech.pace import Pace
from services.speech.places import Places
from services.speech.prefixes import Prefixes
from services.speech.protocol import MAX_MESSAGE, PATH, BadQuery, Chat, Queued, encode, parse_query
from services.speech.settings import SpeechSettings
from services.speech.shapes import FRAME_S

log = logging.getLogger(__name__)

HEARTBEAT_S = 20.0
"""A client that is gone without a word is noticed within one and a half."""
QUEUE_TOLD_S = 2.0
LONGEST_LINE = 64 * 1024
"""Bytes of a request's first line: a persona of 4,000 characters has 12,000 and more of them."""


class UnusableQuery(Invalid):
    """The query asks for what can't be had."""

    code, title = BadQuery.code, "The query cannot be used"


class Door:
    """What all calls share, and who is let in."""

    def __init__(self, settings: SpeechSettings, engine: Engine, thread: ModelThread) -> None:
        self.settings, self.engine, self.thread = settings, engine, thread
        self.places = Places(settings.speech_slots, settings.speech_queue)
        self.about: dict[str, object] = {"model": engine.name}
        """For `/ready`."""
        self.sockets: set[web.WebSocketResponse] = set()
        self.empty = asyncio.Event()
        """No call is running."""
        measures.SLOTS.set(self.places.total)
        self.count()

    def missing(self) -> str | None:
        """Why no call can be taken now, whether or not there is a slot."""
        most, rtf = self.settings.speech_most_real_time, self.thread.rtf
        if self.thread.broken is not None:
            return self.thread.broken.detail
        if rtf is None:
            return "the device is being measured"
        if rtf > most:
            return (
                f"the device takes {rtf:.2f} of real time for {self.places.total} slots, and more than {most:g} "
                f"is of no use: {self._advice()}"
            )
        if self.thread.pace.slow:
            return (
                f"the device got slower: ticks take {self.thread.pace.real_time:.2f} of real time, and more than "
                f"{most:g} is of no use; see what else uses it"
            )
        return None

    def measured(self) -> None:
        """Tell what the start has shown."""
        rtf = self.thread.rtf
        assert rtf is not None
        found = {"real_time": rtf, "frame_ms": 1000 * FRAME_S * rtf}
        if sent := sent_bytes(self.engine.model):
            found["sent_mb_a_frame"] = sent / 1e6
        log.info("measured", extra={**found, "slots": self.places.total})
        self.about |= {name: round(value, 3) for name, value in found.items()}

    def _advice(self) -> str:
        if sent := sent_bytes(self.engine.model):
            return (
                f"{amount(sent)} of weights are sent over for each frame; set PERSONAPLEX_CPU_OFFLOAD lower"
            )
        return "set SPEECH_SLOTS lower, or take a faster one"

    def check(self, request: web.Request) -> Chat:
        """What a client asks for.

        Raises:
            UnusableQuery, UnknownVoice: It can't be had.
            Unavailable: No call can be taken.
        """
        try:
            wanted = parse_query(request.query)
        except BadQuery as error:
            raise UnusableQuery(str(error)) from error
        voice, voices = voice_of(wanted), self.engine.voices
        if voice and voice not in voices:
            raise UnknownVoice(f"no voice is called {voice!r}; there are {', '.join(voices)}")
        if reason := self.missing():
            raise Unavailable(reason)
        return wanted

    def count(self) -> None:
        """Tell how many there are, after each change."""
        used, waiting = self.places.used, self.places.waiting
        measures.SLOTS_USED.set(used)
        measures.WAITING.set(waiting)
        self.about |= {"slots_used": used, "slots_total": self.places.total, "waiting": waiting}
        (self.empty.clear if self.sockets else self.empty.set)()


DOOR = web.AppKey("door", Door)


def make_app(settings: SpeechSettings, engine: Engine) -> web.Application:
    """The whole service. When it starts up, the device is measured."""
    app = new_app(settings.antiphon_internal_key)
    app[MAX_LINE] = LONGEST_LINE
    lengths = settings.savings.lengths(engine.model.shape.context)
    batch = Batch(engine.model, engine.mimi, settings.speech_slots, lengths=lengths)
    prefixes = Prefixes(settings.speech_prefixes_mb * 10**6)
    thread = ModelThread(batch, prefixes, Pace(settings.speech_most_real_time))
    door = app[DOOR] = Door(settings, engine, thread)

    async def ready() -> str | None:
        return door.missing()

    add_health(app, "speech", {"model": ready}, about=door.about)
    app.router.add_get(PATH, chat)
    app.cleanup_ctx.append(_running)
    app[DRAIN] = lambda: _drain(door)
    return app


async def chat(request: web.Request) -> web.WebSocketResponse:
    """`GET /api/chat`, upgraded: see `protocol`."""
    door = request.app[DOOR]
    wanted = door.check(request)
    # Who doesn't wait is refused before the upgrade, with a problem and Retry-After.
    granted = door.places.line_up() if wanted.queue else _granted(door.places.take())
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, compress=False, max_msg_size=MAX_MESSAGE)
    door.sockets.add(socket)
    door.count()
    outcome, began = "client", time.monotonic()
    try:
        await socket.prepare(request)
        await _wait(socket, granted, door)
        began = time.monotonic()  # What was spent in line is no part of a call's length.
        await Call(socket, wanted, door.engine, door.thread, door.places).run(granted.result())
    except Problem as problem:
        outcome = problem.code
        log.warning("a call ended", extra={"code": problem.code, "reason": problem.detail})
        await end(socket, problem)
    except ConnectionError:
        log.info("a client was gone before it was answered")
    except Exception:
        outcome = Problem.code
        log.exception("a call broke")
        await end(socket, Problem())
    finally:
        door.sockets.discard(socket)
        if granted.done() and not granted.cancelled():
            door.places.give_back(granted.result(), time.monotonic() - began)
        else:
            granted.cancel()
        door.count()
        measures.CALLS.labels(outcome).inc()
    return socket


async def _wait(socket: web.WebSocketResponse, granted: "asyncio.Future[int]", door: Door) -> None:
    """Tell a client its place in line until it has a slot.

    Raises:
        ConnectionResetError: It left.
    """
    while not granted.done():
        place = door.places.place(granted)
        await socket.send_bytes(encode(Queued(place, door.places.wait_s(place))))
        await before_it_leaves(socket, granted, QUEUE_TOLD_S)


def _granted(slot: int) -> "asyncio.Future[int]":
    granted: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    granted.set_result(slot)
    return granted


async def _running(app: web.Application) -> AsyncIterator[None]:
    door = app[DOOR]
    await door.thread.start()
    door.measured()
    yield
    await door.thread.stop()


async def _drain(door: Door) -> None:
    """Let calls end by themselves, for a while."""
    try:
        async with asyncio.timeout(door.settings.speech_drain_s):
            await door.empty.wait()
    except TimeoutError:
        closing = [each.close(code=WSCloseCode.GOING_AWAY, message=b"stopping") for each in door.sockets]
        with contextlib.suppress(TimeoutError):  # Who reads nothing takes no close frame either.
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(*closing)
