"""When whoever waits for a result hears that it is in hand. Rules of one turn, without I/O.

Times are seconds of a clock that only goes forward.
"""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """When something is said while a wish is in hand."""

    unplanned: float = 0.3
    """After the last word, where no plan has come by then: a voice takes 200 ms more until it sounds."""
    first: float = 0.15
    """The same, once it is planned: what is done by then needs no filler."""
    near: float = 0.7
    """A result that usually comes by then is awaited in silence."""
    again: float = 4.0
    """Between two of them."""
    most: int = 3
    """Then silence says as much."""

    @classmethod
    def after(cls, first: float) -> "Patience":
        """With another patience for the first one, which the others follow."""
        usual = cls()
        later = first - usual.first
        return cls(max(0.0, usual.unplanned + later), first, max(first, usual.near + later))


class Fillers:
    """Decides when the next one is due."""

    def __init__(self, patience: Patience, final_at: float) -> None:
        """`final_at` is when the turn's last words were known."""
        self._patience, self._final_at = patience, final_at
        self.said = 0
        self.due_at: float | None = None
        """When to say something, unless something else happens before."""

    def wished(self) -> None:
        """It is a wish, and it is being planned."""
        self.due_at = self._final_at + self._patience.unplanned

    def planned(self, now: float, expected: float | None) -> None:
        """It is written down; `expected`: how many seconds from now on it usually takes, where that is known."""
        if self.said:
            return
        if expected is None:
            due = self._final_at + self._patience.first
        elif now + expected <= self._final_at + self._patience.near:
            due = self._final_at + self._patience.near
        else:
            due = now
        self.due_at = max(now, due)

    def acknowledged(self, now: float) -> None:
        """It was said by other means that it is in hand: the next one is due when it would be behind a filler."""
        self.said, self.due_at = 1, now + self._patience.again

    def is_due(self, now: float) -> bool:
        """Whether something is to be said; then it counts as said."""
        if self.due_at is None or now < self.due_at:
            return False
        self.said += 1
        self.due_at = now + self._patience.again if self.said < self._patience.most else None
        return True

    def end(self) -> None:
        """Something else is said instead."""
        self.due_at = None


MEASURED = 20
"""Of each tool's runs the last ones count."""

ENOUGH = 3
"""Runs after which something is known of a tool."""

MOST_TOOLS = 500


class ToolTimes:
    """How long each tool took of late, in this process."""

    def __init__(self) -> None:
        self._took: dict[str, deque[float]] = {}

    def note(self, tool: str, seconds: float) -> None:
        """It has come to an end of its own."""
        if len(self._took) >= MOST_TOOLS and tool not in self._took:
            del self._took[next(iter(self._took))]
        self._took.setdefault(tool, deque(maxlen=MEASURED)).append(seconds)

    def expected(self, tool: str) -> float | None:
        """Within how many seconds nine of ten runs ended; None where too few are known."""
        took = sorted(self._took.get(tool, ()))
        return took[len(took) * 9 // 10] if len(took) >= ENOUGH else None
