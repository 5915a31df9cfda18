"""What was said so far in a call, as it was *heard*: the truth that mind, bridge and the next engine are told."""

from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

KEPT = 200
"""Turns; far more than a mind can use."""


@dataclass(frozen=True, slots=True)
class Line:
    """One turn in words."""

    turn_id: UUID
    speaker: Literal["user", "agent"]
    text: str
    """Of an agent's turn, only what the user heard."""


class Conversation:
    """The turns in order; an agent's line is corrected when it becomes known that less of it was heard."""

    def __init__(self) -> None:
        self._lines: list[Line] = []

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(self._lines)

    def add(self, line: Line) -> None:
        """Append a turn, also one that is told anew because it went on; the oldest is let go of too many."""
        if line.text:
            before = [known for known in self._lines if known.turn_id != line.turn_id]
            self._lines = [*before[1 - KEPT :], line]

    def correct(self, turn_id: UUID, text: str) -> None:
        """The turn was heard as `text`; nothing of it heard means that it was not said."""
        self._lines = [
            replace(line, text=text) if line.turn_id == turn_id else line
            for line in self._lines
            if line.turn_id != turn_id or text
        ]

    def last(self, speaker: Literal["user", "agent"]) -> str:
        """What that side said last; empty when nothing."""
        return next((line.text for line in reversed(self._lines) if line.speaker == speaker), "")
