"""Which turns of a call the bridge remembers, because the user may go on with them."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from bridge.approval import Approval
from bridge.deed import Deed
from bridge.events import Intent
from bridge.reading import Reading
from bridge.turn import Question

MOST = 32
"""Turns that are remembered after they are over; nobody goes on with one that is older."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A question for consent as it stood before the user answered."""

    deed: Deed
    approval: Approval
    in_time: bool
    """The answer came right after the whole question was heard."""


@dataclass(eq=False, slots=True)
class Turn:
    """A turn of the user: how it was read, and what it led to."""

    text: str = ""
    """Its words when it was read last."""
    intent: Intent = Intent.UNCLEAR
    """What these were taken for."""
    went_on: bool = False
    """The user went on with it, and the whole has not been read yet."""
    readings: dict[Reading, asyncio.Task[None]] = field(default_factory=dict)
    """Those that somebody listens to, and the task that decides on each."""
    answered: Question | None = None
    """Which question of ours it was taken for the answer to."""
    answered_approval: Answered | None = None
    """Which question for consent it was taken for the answer to."""
    deed: Deed | None = None
    """What it led to last."""
    rows: int = 0
    """How many rows of the ledger it led to."""

    @property
    def is_over(self) -> bool:
        return not self.readings and (self.deed is None or self.deed.over)


class Turns:
    """Those that go on, and the last `MOST` that are over."""

    def __init__(self) -> None:
        self._turns: dict[UUID, Turn] = {}
        """The youngest last."""

    def find(self, turn_id: UUID) -> Turn | None:
        return self._turns.get(turn_id)

    def remember(self, turn_id: UUID) -> Turn:
        """The turn under that id, new or known."""
        turn = self._turns.setdefault(turn_id, Turn())
        over = [old for old, kept in self._turns.items() if kept.is_over and kept is not turn]
        for old in over[: max(0, len(self._turns) - MOST)]:
            del self._turns[old]
        return turn
