"""Primed voices and personas, kept for the calls to come."""

from collections import OrderedDict

from services.speech import slots
from services.speech.priming import Prefix

Key = tuple[str, tuple[int, ...]]
"""Voice's name and the persona's tokens."""


class Prefixes:
    """The prefixes used last, as many as fit into `most` bytes; the newest always does."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Key, Prefix] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        return key in self._kept

    def get(self, key: Key) -> Prefix | None:
        """One that is kept, used now."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, key: Key, prefix: Prefix) -> None:
        """Keep one, and let go of those that were used longest ago."""
        self._kept[key] = prefix
        while len(self._kept) > 1 and self.size > self._most:
            self._kept.popitem(last=False)

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(slots.size(prefix.state) for prefix in self._kept.values())
