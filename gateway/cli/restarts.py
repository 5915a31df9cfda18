"""When a part that died is started again, and when it is given up. Rules only: no clock, no process."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How much dying is forgiven."""

    deaths: int = 3
    """So many within `within_s` are forgiven; one more and the part is given up."""
    within_s: float = 60.0
    first_delay_s: float = 0.25
    """Doubled with every death within `within_s`."""
    longest_delay_s: float = 5.0


class Restarts:
    """What to do about the deaths of one part."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.deaths: deque[float] = deque()
        """When it died, within the last `within_s`; in seconds."""

    def died(self, at: float) -> float | None:
        """Count a death at second `at`; answers how many seconds to wait with the restart, None to give up."""
        self.deaths.append(at)
        while self.deaths[0] <= at - self.policy.within_s:
            self.deaths.popleft()
        if len(self.deaths) > self.policy.deaths:
            return None
        doubled: float = self.policy.first_delay_s * 2 ** (len(self.deaths) - 1)
        return min(doubled, self.policy.longest_delay_s)
