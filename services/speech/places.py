"""Who gets a slot: whoever comes while one is free; then, one after the other, those who wait in line."""

import asyncio
import heapq
import statistics
from collections import deque

from services.base.problems import Busy

REMEMBERED_CALLS = 50
"""Whose lengths an estimate goes by."""
RETRY_S = 5
"""Where no call has ended yet."""
LONGEST_RETRY_S = 60


class Places:
    """The slots, and the line before them."""

    def __init__(self, slots: int, longest_line: int) -> None:
        self.total = slots
        self._longest_line = longest_line
        # The lowest first: a batch of the first few slots is cheaper than one of all.
        self._free = list(range(slots))
        self._line: deque[asyncio.Future[int]] = deque()
        self._lengths: deque[float] = deque(maxlen=REMEMBERED_CALLS)

    @property
    def used(self) -> int:
        """Slots that are taken."""
        return self.total - len(self._free)

    @property
    def waiting(self) -> int:
        """Callers in line."""
        return sum(not granted.done() for granted in self._line)

    def take(self) -> int:
        """A free slot.

        Raises:
            Busy: There is none.
        """
        if not self._free:
            raise self._busy(f"all {self.total} slots are taken")
        return heapq.heappop(self._free)

    def line_up(self) -> "asyncio.Future[int]":
        """The slot that is to be had; cancel it to leave the line.

        Raises:
            Busy: So many wait already.
        """
        granted: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self._free:
            granted.set_result(heapq.heappop(self._free))
        elif self.waiting >= self._longest_line:
            raise self._busy(f"all {self.total} slots are taken, and {self.waiting} callers wait")
        else:
            self._line.append(granted)
        return granted

    def place(self, granted: "asyncio.Future[int]") -> int:
        """Where somebody stands in line; 1 is the next."""
        self._forget_who_left()
        return self._line.index(granted) + 1

    def wait_s(self, place: int) -> float | None:
        """About how long somebody has to wait, or None where there is nothing to go by."""
        return statistics.mean(self._lengths) * place / self.total if self._lengths else None

    def give_back(self, slot: int, length_s: float) -> None:
        """A call has ended: its slot is the next one's."""
        self._lengths.append(length_s)
        self._forget_who_left()
        if self._line:
            self._line.popleft().set_result(slot)
        else:
            heapq.heappush(self._free, slot)

    def _forget_who_left(self) -> None:
        self._line = deque(each for each in self._line if not each.done())

    def _busy(self, detail: str) -> Busy:
        expected = self.wait_s(self.waiting + 1)
        retry = RETRY_S if expected is None else min(LONGEST_RETRY_S, max(1, round(expected)))
        return Busy(detail, retry_after=retry)
