"""One call's socket: the client's sound into its slot, what the model says back to the client."""

import asyncio
import contextlib
import logging
import secrets
import time
from codecs import getincrementaldecoder
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import numpy as np
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from services.base.problems import Problem
from services.speech import measures
from services.speech.engine import Engine
from services.speech.formats import reader_of, writer_of
from services.speech.framing import Framing
from services.speech.model_thread import Lease, ModelThread, Said
from services.speech.places import Places
from services.speech.protocol import (
    Audio,
    BadMessage,
    Cancel,
    Chat,
    Control,
    Down,
    Error,
    Handshake,
    Hold,
    Inject,
    Injection,
    Ping,
    Ready,
    Stats,
    Text,
    Unknown,
    Up,
    decode_up,
    encode,
)
from services.speech.samples import BadSound
from services.speech.sampling import MOST_CANDIDATES, Drawing
from services.speech.shapes import FRAME_S, TEXT_END_OF_PAD, TEXT_PAD

log = logging.getLogger(__name__)

PRIMED_WITHIN_S = 60.0
"""On the slowest device that is of any use."""
MOST_UNSENT = 125
"""Frames that a client has not taken: 10 s."""
STATS_S = 5.0
CLOSE_S = 1.0
"""What a client that doesn't read gets to take the close frame."""


Number = TypeVar("Number", int, float)


class ClientTooSlow(Problem):
    """The client does not take what is said."""

    code, status, title = "client_too_slow", 408, "The client does not read"


class PrimingTooSlow(Problem):
    """Voice and persona were not read in time: many calls with new ones came at once, or the device is slow."""

    code, status, title = "priming_too_slow", 503, "Voice and persona took too long"


class Unheard(Problem):
    """The client's sound cannot be understood."""

    status, title = 400, "The sound cannot be understood"

    def __init__(self, error: BadSound) -> None:
        super().__init__(str(error))
        self.code = error.code


class Call:
    """A client with a slot."""

    def __init__(
        self, socket: web.WebSocketResponse, wanted: Chat, engine: Engine, thread: ModelThread, places: Places
    ) -> None:
        self._socket, self._wanted = socket, wanted
        self._engine, self._thread, self._places = engine, thread, places
        self._reader, self._writer = reader_of(wanted.codec), writer_of(wanted.codec)
        self._framing = Framing()
        self._spelling = getincrementaldecoder("utf-8")("replace")
        """Joins characters that are said byte by byte."""
        self._said: asyncio.Queue[Said] = asyncio.Queue(MOST_UNSENT)
        self._fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """What ends the call from elsewhere: the model's thread, a full queue."""
        self._told: set[str] = set()
        """Codes of what was wrong, each told once."""

    async def run(self, slot: int) -> None:
        """Prime the slot, then hear and speak until the client goes.

        Raises:
            Problem: The call can't go on; the client has not been told.
            ConnectionResetError: The client left before it began.
        """
        lease = Lease(slot, self._take, self._fail)
        try:
            await self._prime(lease)
            if self._wanted.antiphon:
                await self._send(Ready(slot, self._engine.name, 1000 * FRAME_S))
            await self._send(Handshake())
            async with self._beside(self._speak(), self._watch(), self._report()):
                await self._hear(lease)
        finally:
            # Also where this task was cancelled: the slot must not stay taken.
            await asyncio.shield(self._thread.leave(lease))

    async def _prime(self, lease: Lease) -> None:
        began = time.monotonic()
        key, script = self._engine.priming(voice_of(self._wanted), self._wanted.text_prompt)
        join = self._thread.join(lease, key, script, drawing(self._wanted))
        joining = asyncio.create_task(join, name="join")
        try:
            if not await before_it_leaves(self._socket, joining, PRIMED_WITHIN_S):
                raise PrimingTooSlow(f"it was not done within {PRIMED_WITHIN_S:g} s")
            joining.result()
        finally:
            joining.cancel()
        measures.JOIN.observe(time.monotonic() - began)

    async def _hear(self, lease: Lease) -> None:
        async for message in self._socket:
            match self._read(message):
                case Audio(data):
                    try:
                        samples = self._reader.read(data)
                    except BadSound as error:
                        raise Unheard(error) from error
                    for frame in self._framing.add(samples):
                        self._thread.hear(lease, frame)
                case Ping():
                    await self._send(Ping())
                case Inject(id=id_):
                    await self._send(Injection(id_, "failed", reason="this server does not inject yet"))
                case Hold():
                    await self._tell("not_held", "this server does not hold yet")
                case Error(code, text):
                    await self._tell(code, text)
                case Control() | Cancel() | Unknown() | None:
                    pass

    def _read(self, message: WSMessage) -> Up | Unknown | Error | None:
        """What a message says; an `Error` of ours for one that can't be read."""
        if message.type is not WSMsgType.BINARY:
            return Error("text_message", "messages of this wire are binary, and begin with their kind")
        try:
            found = decode_up(message.data)
        except BadMessage as error:
            return Error(error.code, str(error))
        if isinstance(found, Unknown):
            return Error("unknown_kind", f"kind 0x{found.kind:02x} is not known here")
        return found

    async def _speak(self) -> None:
        while True:
            said = await self._said.get()
            if text := self._spelt(said.text):
                await self._send(Text(text))
            if sound := self._writer.write(said.sound):
                await self._send(Audio(sound))
            measures.FRAMES.inc()

    def _spelt(self, token: int) -> str:
        """What is whole of the text with this token: nothing, while a character lacks bytes."""
        if token in (TEXT_PAD, TEXT_END_OF_PAD):
            return ""
        return self._spelling.decode(self._engine.words.piece(token))

    async def _watch(self) -> None:
        await self._fault

    async def _report(self) -> None:
        while self._wanted.antiphon:
            await self._send(stats(self._thread, self._places))
            await asyncio.sleep(STATS_S)

    def _take(self, said: Said) -> None:
        try:
            self._said.put_nowait(said)
        except asyncio.QueueFull:
            self._fail(ClientTooSlow(f"{MOST_UNSENT * FRAME_S:g} s of sound wait to be taken"))

    def _fail(self, why: Problem) -> None:
        if not self._fault.done():
            self._fault.set_exception(why)
            self._fault.exception()  # Seen, also where the call ends before anybody watches.

    async def _tell(self, code: str, text: str) -> None:
        """Say once what is wrong."""
        if code not in self._told:
            self._told.add(code)
            await self._send(Error(code, text))

    async def _send(self, message: Down) -> None:
        await self._socket.send_bytes(encode(message))

    @asynccontextmanager
    async def _beside(self, *others: Coroutine[None, None, None]) -> AsyncIterator[None]:
        """Run others while the body runs; the first to fail ends all.

        Raises:
            Problem: What failed.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(each) for each in others]
                yield
                for task in tasks:
                    task.cancel()
        except* Problem as problems:
            raise problems.exceptions[0] from None
        except* ConnectionError:
            log.info("a client was lost while it was spoken to")


async def before_it_leaves(
    socket: web.WebSocketResponse, waited: "asyncio.Future[Any]", timeout: float
) -> bool:
    """Wait for something. What a client sends meanwhile nobody hears. Returns whether it is done.

    Raises:
        ConnectionResetError: The client left first.
    """
    listening = asyncio.create_task(_listen(socket), name="listen")
    try:
        either: list[asyncio.Future[Any]] = [waited, listening]
        await asyncio.wait(either, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if listening.done():
            raise ConnectionResetError
        return waited.done()
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening


async def _listen(socket: web.WebSocketResponse) -> None:
    """Until the client goes."""
    while (await socket.receive()).type in (WSMsgType.BINARY, WSMsgType.TEXT):
        pass


def voice_of(wanted: Chat) -> str:
    """The name of the voice that a client asks for: stock ones send `NATF2.pt`."""
    return wanted.voice_prompt.removesuffix(".pt").removesuffix(".wav")


def drawing(wanted: Chat) -> Drawing:
    """How a call draws, with a seed of its own where the client has none."""
    own = Drawing()
    common = secrets.randbits(63) if wanted.seed is None else wanted.seed
    return Drawing(
        seed=common if wanted.text_seed is None else wanted.text_seed,
        audio_seed=common if wanted.audio_seed is None else wanted.audio_seed,
        text_temperature=_or(wanted.text_temperature, own.text_temperature),
        text_top_k=min(MOST_CANDIDATES, _or(wanted.text_topk, own.text_top_k)),
        audio_temperature=_or(wanted.audio_temperature, own.audio_temperature),
        audio_top_k=min(MOST_CANDIDATES, _or(wanted.audio_topk, own.audio_top_k)),
    )


def stats(thread: ModelThread, places: Places) -> Stats:
    """How the device keeps up."""
    ticks = list(thread.ticks)
    return Stats(
        rtf=float(np.mean(ticks)) / FRAME_S if ticks else thread.rtf,
        frame_ms_p99=float(1000 * np.percentile(ticks, 99)) if ticks else None,
        slots_used=places.used,
        slots_total=places.total,
    )


def _or(wanted: Number | None, own: Number) -> Number:
    return own if wanted is None else wanted


async def end(socket: web.WebSocketResponse, problem: Problem) -> None:
    """Tell a client why its call ends, as far as it listens, and hang up."""
    ours = problem.status >= 500
    code = WSCloseCode.INTERNAL_ERROR if ours else WSCloseCode.POLICY_VIOLATION
    try:
        async with asyncio.timeout(CLOSE_S):
            await socket.send_bytes(encode(Error(problem.code, problem.detail or problem.title)))
            await socket.close(code=code, message=problem.code.encode())
    except (TimeoutError, ConnectionError):
        log.info("a client did not take the close frame")
