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
from gateway.minds.sentences import sentences_of
from gateway.ports import Brief, Mind, Mode, PartAway, PartRefused, Sink, Synthesizer
from gateway.session.clock import BYTES, samples
from gateway.session.events import Word
from gateway.session.rules import Traits

log = logging.getLogger(__name__)

RETRIES = 2
"""How often a sentence is taken up again where the voice was lost."""

PAUSE = samples(250)
"""Between two sentences; a synthesizer gives each of them without silence around it."""


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
        self._order: Order | None = None
        """Not begun yet. The session has one agent turn at a time: an older one is stale."""
        self._ordered = asyncio.Event()
        self._speaking: tuple[UUID, asyncio.Task[None]] | None = None

    async def connect(self, brief: Brief) -> None:
        self._brief = brief

    async def run(self, sink: Sink) -> None:
        """Speak one order after the other until cancelled."""
        while True:
            await self._ordered.wait()
            self._ordered.clear()
            order, self._order = self._order, None
            if order is not None:
                await self._follow(order, sink)

    async def close(self) -> None:
        await self.synthesizer.close()

    def hear(self, pcm: bytes) -> None:
        """It does not hear."""

    def hold(self, on: bool, drop: bool = False) -> None:
        """Its mind is not asked before the bridge has decided; there is nothing to hold."""

    def answer(self, turn_id: UUID, conversation: Conversation) -> None:
        instructions = self._brief.instructions if self._brief else ""
        self._put(Order(turn_id, lambda: self.mind.answer(conversation, instructions)))

    def speak(self, turn_id: UUID, text: str) -> None:
        async def cut() -> AsyncGenerator[str, None]:
            for sentence in sentences_of(text):
                yield sentence

        self._put(Order(turn_id, cut))

    def cancel(self, turn_id: UUID, heard_text: str) -> None:
        if self._speaking is not None and self._speaking[0] == turn_id:
            self._speaking[1].cancel()
        if self._order is not None and self._order.turn_id == turn_id:
            self._order = None

    def _put(self, order: Order) -> None:
        self._order = order
        self._ordered.set()

    async def _follow(self, order: Order, sink: Sink) -> None:
        """Speak one order in a task that `cancel` can reach."""
        task = asyncio.create_task(self._speak(order, sink), name=f"speak {order.turn_id}")
        self._speaking = order.turn_id, task
        try:
            await asyncio.wait({task})
        finally:
            self._speaking = None
            task.cancel()
            await asyncio.wait({task})

    async def _speak(self, order: Order, sink: Sink) -> None:
        """Speak one turn; whatever goes wrong ends the turn, not the engine."""
        try:
            end = 0
            async with aclosing(order.sentences()) as sentences:
                async for sentence in sentences:
                    if end:
                        sink.sound(order.turn_id, bytes(PAUSE * BYTES))
                        end += PAUSE
                    end = await self._say(order.turn_id, sentence, end, sink)
            sink.finished(order.turn_id)
        except PartAway as away:
            log.warning("turn failed", extra={"code": away.code, "pii_detail": away.detail})
            sink.failed(order.turn_id, away.code, away.detail)
        except Exception as error:
            log.exception("turn failed", extra={"turn": order.turn_id})
            sink.failed(order.turn_id, "internal_error", repr(error))

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
                        await sink.room()
                        moved = tuple(Word(w.text, w.start + position, w.end + position) for w in sound.words)
                        said.extend(moved)
                        sink.sound(turn_id, sound.pcm, moved)
                        end += len(sound.pcm) // BYTES
                return end
            except PartRefused:
                raise
            except PartAway:
                if attempt == RETRIES:
                    raise
                log.warning("voice lost in mid-sentence, taking it up again", extra={"attempt": attempt + 1})
                words = words[sum(1 for w in said if w.end <= end) :]
                position = end
                if not words:
                    return end
        return end
