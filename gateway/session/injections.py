"""Texts that wait to be said, in the order in which they should be."""

from dataclasses import dataclass, field
from uuid import UUID

from gateway.session.events import InjectionAsked

MOST = 32
"""More than anybody would listen to; further ones are dropped and said to be."""


@dataclass(slots=True)
class Injections:
    """A bounded queue by priority, then by arrival; entries may expire."""

    _waiting: list[InjectionAsked] = field(default_factory=list)

    def add(self, asked: InjectionAsked) -> bool:
        """Queue it; False when the queue is full."""
        if len(self._waiting) >= MOST:
            return False
        place = next(
            (i for i, w in enumerate(self._waiting) if w.priority < asked.priority), len(self._waiting)
        )
        self._waiting.insert(place, asked)
        return True

    def expired(self, now: int) -> list[InjectionAsked]:
        """Take out those whose time has passed."""
        late = [w for w in self._waiting if w.expires_at is not None and w.expires_at <= now]
        self._waiting = [w for w in self._waiting if w not in late]
        return late

    def next(self, only_for: UUID | None = None) -> InjectionAsked | None:
        """Take the first; with `only_for`, the first that belongs to that turn of the user."""
        for place, waiting in enumerate(self._waiting):
            if only_for is None or waiting.turn_id == only_for:
                return self._waiting.pop(place)
        return None

    def drain(self) -> list[InjectionAsked]:
        """Take out all: the call ends."""
        rest, self._waiting = self._waiting, []
        return rest
