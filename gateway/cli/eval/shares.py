"""A share, and how sure it is."""

from dataclasses import dataclass
from math import sqrt

Z = 1.96
"""For 95 of 100 intervals to hold the true share."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many; `low` and `high` are Wilson's interval (1927), which holds for few and for all, too."""

    right: int
    of: int

    @property
    def value(self) -> float | None:
        """None of none."""
        return self.right / self.of if self.of else None

    @property
    def low(self) -> float:
        return max(0.0, self._middle - self._half)

    @property
    def high(self) -> float:
        return min(1.0, self._middle + self._half)

    @property
    def _middle(self) -> float:
        return (self.right + Z * Z / 2) / (self.of + Z * Z)

    @property
    def _half(self) -> float:
        spread = self.right * (self.of - self.right) / self.of if self.of else 0.0
        return Z * sqrt(spread + Z * Z / 4) / (self.of + Z * Z)
