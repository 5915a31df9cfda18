"""Texts that wait to be said, in the order in which they should be."""

from dataclasses import dataclass, field
from uuid import UUID

from gateway.session.events import InjectionAsked

MOST = 32
"""More than anybody would listen to; further ones are dropped and said to be."""


@dataclass(slots=True)
class Injections:
    """A bounded queue: those that interrupt, then by priority, then by arrival; entries may expire."""

    _waiting: list[InjectionAsked] = field(default_factory=list)

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def has_answers(self) -> bool:
        """Whether something waits that belongs to a turn of the user."""
        return any(w.turn_id is not None for w in self._waiting)

    def add(self, asked: InjectionAsked) -> bool:
        """Queue it; False when the queue is full."""
        if len(self._waiting) >= MOST:
            return False
        self._waiting.append(asked)
        # Sorting is stable: equals stay in the order in which they came.
        self._waiting.sort(key=lambda w: (w.interrupt, w.priority), reverse=True)
        return True

    def expired(self, now: int) -> list[InjectionAsked]:
        """Take out those whose time has passed."""
        return self._remove([w for w in self._waiting if w.expires_at is not None and w.expires_at <= now])

    def withdrawn(self, turn_id: UUID) -> list[InjectionAsked]:
        """Take out those that belong to that turn of the user."""
        return self._remove([w for w in self._waiting if w.turn_id == turn_id])

    def fillers(self, turn_id: UUID) -> list[InjectionAsked]:
        """Take out what was to be said until that turn of the user has its answer."""
        return self._remove([w for w in self._waiting if w.source == "filler" and w.turn_id == turn_id])

    def answers(self) -> list[InjectionAsked]:
        """Take out those that belong to any turn of the user."""
        return self._remove([w for w in self._waiting if w.turn_id is not None])

    def next_urgent(self) -> InjectionAsked | None:
        """Take the first of those that interrupt."""
        return self._take(next((w for w in self._waiting if w.interrupt), None))

    def next_for(self, turn_id: UUID) -> InjectionAsked | None:
        """Take the first that belongs to that turn of the user."""
        return self._take(next((w for w in self._waiting if w.turn_id == turn_id), None))

    def next(self) -> InjectionAsked | None:
        """Take the first."""
        return self._take(next(iter(self._waiting), None))

    def drain(self) -> list[InjectionAsked]:
        """Take out all: the call ends."""
        rest, self._waiting = self._waiting, []
        return rest

    def _remove(self, found: list[InjectionAsked]) -> list[InjectionAsked]:
        self._waiting = [w for w in self._waiting if w not in found]
        return found

    def _take(self, found: InjectionAsked | None) -> InjectionAsked | None:
        if found is not None:
            self._waiting.remove(found)
        return found
