"""One reading of a turn: the words that were taken, and the line to whoever hears what comes of them."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from bridge.events import (
    ApprovalAnswered,
    ApprovalAsked,
    BridgeEvent,
    IntentDecided,
    InvocationChanged,
    LeftToMind,
    Planned,
    Progressed,
    Reply,
    Utterance,
)
from bridge.filling import Filling

MAX_UNREAD = 64
"""Events that the caller has not taken yet; beyond them progress is dropped, and nothing else is."""

FACTS = (IntentDecided, Planned, InvocationChanged, ApprovalAsked, ApprovalAnswered)
"""What is told also of a reading that was withdrawn."""


@dataclass(eq=False, slots=True)
class Reading:
    """A turn has one reading, and another each time the user goes on with it."""

    utterance: Utterance
    settles_at: float
    """Until then the user may go on; seconds of the event loop's clock."""
    first_breath: str = ""
    """The words of the reading before it; empty where there was none."""
    owned: bool = False
    """A deed tells it from here on, and ends it."""
    withdrawn: bool = False
    filling: Filling | None = None
    """Speaks while nobody else has words for the turn."""
    _told: asyncio.Queue[BridgeEvent | None] = field(default_factory=asyncio.Queue)
    """None ends it. Bounded by `MAX_UNREAD`, but for the few events that must not be lost."""

    def tell(self, event: BridgeEvent) -> None:
        match event:
            case LeftToMind():
                self._end_filling()
            case Reply() if event.source != "filler":
                self._end_filling()
            case Progressed() if self.filling:
                self.filling.progressed(event.text)
        if not isinstance(event, Progressed) or self._told.qsize() < MAX_UNREAD:
            self._told.put_nowait(event)

    def end(self) -> None:
        """Nothing more comes; what comes all the same goes nowhere."""
        self._end_filling()
        self._told.put_nowait(None)

    def withdraw(self) -> None:
        """From now on tell facts alone, also of what already waits to be heard."""
        self.withdrawn = True
        self._end_filling()

    async def events(self) -> AsyncGenerator[BridgeEvent, None]:
        while (event := await self._told.get()) is not None:
            if not self.withdrawn or isinstance(event, FACTS):
                yield event

    def _end_filling(self) -> None:
        if self.filling:
            self.filling.end()
