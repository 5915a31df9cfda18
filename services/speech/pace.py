"""Whether the device keeps up: what sound waits to be heard, and what ticks take. Rules alone; the times are given."""

import logging
import statistics
from collections import deque
from collections.abc import Sequence

from services.base.problems import Problem
from services.speech import measures
from services.speech.shapes import FRAME_S

log = logging.getLogger(__name__)

RECENT_TICKS = 50
"""By which a device is judged while calls run: seconds of them, and a stall of one or two counts for nothing."""
MOST_BEHIND_S = 2.0
"""What a call's sound may wait: nobody talks with an agent that hears later than that."""


class FellBehind(Problem):
    """The device is too slow for the calls that it has."""

    code, status, title = "fell_behind", 503, "The duplex model fell behind"


class Pace:
    """What the model's thread tells of its ticks, and what follows."""

    def __init__(self, most_real_time: float) -> None:
        """Args:
        most_real_time: Of real time: what ticks may take.
        """
        self._most = most_real_time
        self._recent: deque[float] = deque(maxlen=RECENT_TICKS)
        self._ends_next = 0.0
        self.real_time: float | None = None
        """Of real time: what the last ticks took, half of them longer. None until there were enough."""

    @property
    def slow(self) -> bool:
        """The last ticks took too long."""
        return self.real_time is not None and self.real_time > self._most

    def gathered(self, waits: Sequence[float], worked: float) -> None:
        """Count the frames that are late as a tick begins: the frame after them has come, or is due.

        Args:
            waits: Seconds that each frame was due before.
            worked: Seconds for which the thread has done other work than ticks since the last frames were gathered.
        """
        # Else it was a tick that took too long, or the thread wanted to go on and the machine ran other programs.
        cause = "model" if worked > FRAME_S else "machine"
        measures.LATE.labels(cause).inc(sum(wait > FRAME_S for wait in waits))

    def ticked(self, took: float) -> None:
        """Judge by one more tick, of so many seconds."""
        before = self.slow
        self._recent.append(took)
        if len(self._recent) == RECENT_TICKS:
            self.real_time = statistics.median(self._recent) / FRAME_S
            measures.REAL_TIME_NOW.set(self.real_time)
        if self.slow != before:
            told = {"real_time": self.real_time, "most": self._most}
            log.warning("the device got too slow" if self.slow else "the device keeps up again", extra=told)

    def sheds(self, now: float, longest: float) -> bool:
        """Whether a call has to end, so that the others get on: the device is slow, and sound has waited too long.

        One at a time: the rest gets as long to catch up.
        """
        if not self.slow or longest <= MOST_BEHIND_S or now < self._ends_next:
            return False
        self._ends_next = now + MOST_BEHIND_S
        return True
