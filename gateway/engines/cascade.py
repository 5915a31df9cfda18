"""The half-duplex engine: a mind thinks in sentences, a synthesizer speaks them. Needs no GPU.

It does not hear: the session's rules and the transcriber do, so a barge-in works all the same.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from gateway.conversation import Conversation
from gateway.ports import Brief, Mind, Mode, PartAway, Sink, Synthesizer
from gateway.session.clock import BYTES, samples
from gateway.session.events import Word
from gateway.session.session import Traits

log = logging.getLogger(__name__)

ORDERS = 8
"""The session gives one order at a time; more than a few waiting means that it is broken."""

BREATH = samples(250)
"""Between two sentences of one turn; each is synthesised by itself and would be glued to the next."""

RETRIES = 2
"""How often a sentence is taken up again where the voice was lost."""


@dataclass(frozen=True, slots=True)
class Order:
    """One agent turn to be spoken."""

    turn_id: UUID
    sentences: Callable[[], AsyncGenerator[str, None]]


class CascadeEngine:
    """Mind and synthesizer one behind the other (modes `local` and `elevenlabs`)."""

    traits = Traits(hears=False, holds=False, basis="synthesizer")

    def __init__(self, mode: Mode, mind: Mind, synthesizer: Synthesizer) -> None:
        self.mode, self.mind, self.synthesizer = mode, mind, synthesizer
        self._brief: Brief | None = None
        self._orders: asyncio.Queue[Order] = asyncio.Queue(ORDERS)
        self._speaking: tuple[UUID, asyncio.Task[None]] | None = None
        self._cancelled: set[UUID] = set()
        """Cancelled before their turn came."""

    async def connect(self, brief: Brief) -> None:
        self._brief = brief

    async def run(self, sink: Sink) -> None:
        """Speak one order after the other until cancelled."""
        try:
            while True:
                order = await self._orders.get()
                if order.turn_id in self._cancelled:
                    self._cancelled.discard(order.turn_id)
                    continue
                task = asyncio.create_task(self._speak(order, sink), name=f"speak {order.turn_id}")
                self._speaking = order.turn_id, task
                try:
                    await asyncio.wait({task})
                finally:
                    task.cancel()
                    self._speaking = None
                if not task.cancelled() and (error := task.exception()):
                    raise error
        finally:
            await self.synthesizer.close()

    def hear(self, pcm: bytes) -> None:
        """It does not hear."""

    def hold(self, on: bool) -> None:
        """Its mind is not asked before the bridge has decided; there is nothing to hold."""

    def answer(self, turn_id: UUID, conversation: Conversation) -> None:
        instructions = self._brief.instructions if self._brief else ""
        self._put(Order(turn_id, lambda: self.mind.answer(conversation, instructions)))

    def speak(self, turn_id: UUID, text: str) -> None:
        async def once() -> AsyncGenerator[str, None]:
            yield text

        self._put(Order(turn_id, once))

    def cancel(self, turn_id: UUID, heard_text: str) -> None:
        if self._speaking and self._speaking[0] == turn_id:
            self._speaking[1].cancel()
        elif not self._orders.empty():
            self._cancelled.add(turn_id)

    def _put(self, order: Order) -> None:
        try:
            self._orders.put_nowait(order)
        except asyncio.QueueFull:
            # The session sees a turn that never sounds, and fails it.
            log.error("order dropped, the engine is behind", extra={"turn": order.turn_id})

    async def _speak(self, order: Order, sink: Sink) -> None:
        """Speak one turn; whatever goes wrong ends the turn, not the engine."""
        try:
            position = 0
            async with aclosing(order.sentences()) as sentences:
                async for sentence in sentences:
                    await sink.room()
                    if position:
                        sink.sound(order.turn_id, bytes(BREATH * BYTES))
                        position += BREATH
                    position = await self._say(order.turn_id, sentence, position, sink)
            sink.finished(order.turn_id)
        except PartAway as away:
            log.warning("turn failed", extra={"code": away.code, "detail": away.detail})
            sink.failed(order.turn_id, away.code, away.detail)

    async def _say(self, turn_id: UUID, text: str, position: int, sink: Sink) -> int:
        """Speak one text from sample `position` of the turn on; returns where its sound ends.

        When the voice is lost in mid-sentence it goes on at the first word that was not whole.
        """
        assert self._brief is not None, "connect comes first"
        words, end = text.split(), position
        for attempt in range(RETRIES + 1):
            said: list[Word] = []
            try:
                async with aclosing(self.synthesizer.speak(" ".join(words), self._brief.voice)) as sounds:
                    async for sound in sounds:
                        moved = tuple(Word(w.text, w.start + position, w.end + position) for w in sound.words)
                        said.extend(moved)
                        sink.sound(turn_id, sound.pcm, moved)
                        end += len(sound.pcm) // BYTES
                return end
            except PartAway:
                if attempt == RETRIES:
                    raise
                log.warning("voice lost in mid-sentence, taking it up again", extra={"attempt": attempt + 1})
                # One spoken `Word` may hold several written ones ("of the").
                words = words[sum(len(w.text.split()) for w in said if w.end <= end) :]
                position = end
                if not words:
                    return end
        return end
