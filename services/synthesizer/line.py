"""One socket: texts come in, are spoken in turn, and can be called off."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from services.synthesizer import measures
from services.synthesizer.espeak import EspeakError
from services.synthesizer.pieces import pieces
from services.synthesizer.protocol import (
    BadMessage,
    Cancel,
    Done,
    Event,
    Failed,
    Speak,
    Started,
    Word,
    decode,
    encode,
)
from services.synthesizer.speaker import Manner, Piece, Speaker

log = logging.getLogger(__name__)

FRAME_S = 0.040
"""Of sound in a binary message; a whole number of samples at every rate."""
MAX_TEXT = 5000
"""Characters of one text: six minutes of speech."""
MAX_WAITING = 64
"""Texts of one socket; a reply streamed by sentence is a fraction of that."""
SPEED_RANGE = (0.5, 2.5)
PITCH_RANGE = (0.0, 2.0)


class TooSlow(Exception):
    """The peer doesn't read what it asked for."""


class Refused(Exception):
    """An order that cannot be followed."""

    def __init__(self, id: str, code: str, message: str) -> None:
        super().__init__(message)
        self.id, self.code = id, code


def check(speaker: Speaker, order: Speak) -> None:
    """Whether that can be spoken.

    Raises:
        Refused: saying what was found and what was expected.
    """
    if not speaker.knows(order.voice):
        raise Refused(
            order.id, "unknown_voice", f"no voice is called {order.voice!r}; GET /v1/voices has them"
        )
    if len(order.text) > MAX_TEXT:
        found = f"the text has {len(order.text)} characters, {MAX_TEXT} are allowed"
        raise Refused(order.id, "text_too_long", found)
    for name, value, (low, high) in (
        ("speed", order.speed, SPEED_RANGE),
        ("pitch", order.pitch, PITCH_RANGE),
    ):
        if not low <= value <= high:
            message = f"{name} must be between {low:g} and {high:g}, not {value:g}"
            raise Refused(order.id, "out_of_range", message)


@dataclass(slots=True)
class Utterance:
    """A text on its way."""

    order: Speak
    asked_at: float
    """Monotonic seconds."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Read by the speaking thread."""


class Line:
    """Reads orders and speaks them. Nothing is made ahead of what the peer takes: one piece at most is in memory,
    beside `MAX_WAITING` texts; a peer that takes nothing for `slow_s` is given up."""

    def __init__(self, socket: web.WebSocketResponse, speaker: Speaker, rate: int, slow_s: float) -> None:
        self._socket, self._speaker, self._rate, self._slow_s = socket, speaker, rate, slow_s
        self._waiting: asyncio.Queue[Utterance] = asyncio.Queue(MAX_WAITING)
        self._open: list[Utterance] = []
        """Waiting or being spoken."""

    async def run(self) -> None:
        """Until the peer closes.

        Raises:
            ExceptionGroup: of `TooSlow`, or of the error by which the peer was lost.
        """
        async with asyncio.TaskGroup() as tasks:
            talking = tasks.create_task(self._talk(), name="talk")
            await self._listen()
            for utterance in self._open:
                utterance.cancelled.set()
            talking.cancel()

    async def _listen(self) -> None:
        async for message in self._socket:
            try:
                if message.type is not WSMsgType.TEXT:
                    raise BadMessage("orders are text frames")
                self._take(decode(message.data))
            except BadMessage as error:
                await self._tell(Failed("", "bad_message", str(error)))
            except Refused as error:
                measures.TEXTS.labels(error.code).inc()
                await self._tell(Failed(error.id, error.code, str(error)))

    def _take(self, order: object) -> None:
        match order:
            case Speak():
                self._accept(order)
            case Cancel():
                for utterance in self._open:
                    if utterance.order.id == order.id:
                        utterance.cancelled.set()
            case _:
                raise BadMessage("only `speak` and `cancel` are orders")

    def _accept(self, order: Speak) -> None:
        check(self._speaker, order)
        if self._waiting.full():
            raise Refused(order.id, "too_many_texts", f"{MAX_WAITING} texts are waiting already")
        utterance = Utterance(order, time.monotonic())
        self._open.append(utterance)
        self._waiting.put_nowait(utterance)

    async def _talk(self) -> None:
        while True:
            utterance = await self._waiting.get()
            try:
                await self._say(utterance)
            except EspeakError as error:
                log.error("a text could not be spoken", extra={"reason": str(error)})
                measures.TEXTS.labels("voice_failed").inc()
                await self._tell(Failed(utterance.order.id, "voice_failed", str(error)))
            finally:
                self._open.remove(utterance)

    async def _say(self, utterance: Utterance) -> None:
        order, sent = utterance.order, 0
        manner = Manner(order.voice, order.speed, order.pitch, self._rate)
        await self._tell(Started(order.id, self._rate))
        parts = list(pieces(order.text))
        for number, part in enumerate(parts):
            if utterance.cancelled.is_set():
                break
            piece = await self._speaker.speak(part, manner, number == len(parts) - 1, utterance.cancelled)
            if sent == 0 and piece.samples:
                measures.FIRST_SOUND.observe(time.monotonic() - utterance.asked_at)
            sent += await self._send(utterance, piece, sent)
        cancelled = utterance.cancelled.is_set()
        measures.TEXTS.labels("cancelled" if cancelled else "done").inc()
        measures.AUDIO.inc(sent / self._rate)
        await self._tell(Done(order.id, sent, cancelled))

    async def _send(self, utterance: Utterance, piece: Piece, offset: int) -> int:
        """Send `piece`, whose first sample is sample `offset` of the text, until it is called off.

        Returns:
            The samples sent.
        """
        frame = int(FRAME_S * self._rate)
        words = list(reversed(piece.words))
        for start in range(0, piece.samples, frame):
            if utterance.cancelled.is_set():
                return start
            end = min(start + frame, piece.samples)
            while words and words[-1].start < end:
                word = words.pop()
                await self._tell(Word(utterance.order.id, word.text, offset + word.start, offset + word.end))
            await self._within(self._socket.send_bytes(piece.pcm[2 * start : 2 * end]))
        return piece.samples

    async def _tell(self, event: Event) -> None:
        await self._within(self._socket.send_str(encode(event)))

    async def _within(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._slow_s):
                await sending
        except TimeoutError as error:
            raise TooSlow(f"nothing was read for {self._slow_s:g} s") from error
