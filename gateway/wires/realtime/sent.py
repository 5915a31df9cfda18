"""Which sound went under which event number: tells how far a client got that comes back."""

from array import array
from bisect import bisect_left, bisect_right
from uuid import UUID

from gateway.session.events import Arrived
from gateway.session.playout import KEPT_TURNS

KEPT = 1024
"""Pieces of one turn, at least 20 s of it: a client that nobody hears of is given up before."""


class SentSound:
    """The last turns' pieces of sound, by the number of the event that carried each."""

    def __init__(self) -> None:
        self._turns: dict[UUID, tuple[array[int], array[int], array[int]]] = {}
        """Numbers, and where in the turn's sound each piece began and ended. 24 bytes a piece."""

    def note(self, number: int, turn_id: UUID, start: int, end: int) -> None:
        """Event `number` carried the turn's sound from sample `start` to `end`."""
        if turn_id not in self._turns:
            self._turns[turn_id] = array("q"), array("q"), array("q")
            if len(self._turns) > KEPT_TURNS:
                del self._turns[next(iter(self._turns))]
        numbers, starts, ends = self._turns[turn_id]
        if len(numbers) >= 2 * KEPT:
            del numbers[:KEPT], starts[:KEPT], ends[:KEPT]
        numbers.append(number)
        starts.append(start)
        ends.append(end)

    def piece(self, number: int) -> tuple[UUID, int, int] | None:
        """The turn whose sound event `number` carried, and from where to where; None where that is long ago."""
        for turn_id, (numbers, starts, ends) in self._turns.items():
            place = bisect_left(numbers, number)
            if place < len(numbers) and numbers[place] == number:
                return (turn_id, starts[place], ends[place]) if starts[place] < ends[place] else None
        return None

    def until(self, number: int) -> tuple[Arrived, ...]:
        """Where the turns broke off for a client that got the events up to `number` and none behind it."""
        broken = ((turn_id, *pieces) for turn_id, pieces in self._turns.items() if pieces[0][-1] > number)
        return tuple(Arrived(turn_id, _last(numbers, ends, number)) for turn_id, numbers, _, ends in broken)


def _last(numbers: "array[int]", ends: "array[int]", number: int) -> int:
    """Where the last piece ended that came under `number` at the latest; 0 where none did."""
    place = bisect_right(numbers, number)
    return ends[place - 1] if place else 0
