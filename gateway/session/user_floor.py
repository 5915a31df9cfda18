"""The user's side of the floor: when a turn of theirs begins, pauses and ends."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from gateway.session.clock import samples
from gateway.session.endpointing import LONGEST_TURN, patience

TRANSCRIPT_LIMIT = samples(2000)
"""A transcriber that has not said the final words by now is taken for dead; what it said so far counts."""


@dataclass(slots=True)
class UserTurn:
    """A stretch of the user's voice."""

    turn_id: UUID
    onset: int
    stopped: int | None = None
    """The last voiced sample, while the user is quiet."""
    text: str = ""
    announced: bool = False
    """Whether the client knows that the user has the floor."""
    discarded: bool = False
    """The client took it back."""
    asked_at: int = 0
    """When its final words were asked for."""

    @property
    def end(self) -> int:
        return self.stopped if self.stopped is not None else self.asked_at


class UserFloor:
    """Holds the running turn, and the one whose final words are awaited."""

    def __init__(self, new_id: Callable[[], UUID]) -> None:
        self._new_id = new_id
        self.turn: UserTurn | None = None
        self.closing: UserTurn | None = None

    @property
    def taken(self) -> bool:
        """Whether the user speaks, pauses, or has just ended."""
        return self.turn is not None or self.closing is not None

    def started(self, onset: int) -> UserTurn:
        """Voice began: a new turn, or the running one goes on."""
        if self.turn is None:
            self.turn = UserTurn(self._new_id(), onset)
        self.turn.stopped = None
        return self.turn

    def stopped(self, offset: int) -> None:
        """Voice ended; a pause begins."""
        if self.turn is not None:
            self.turn.stopped = offset

    def is_over(self, now: int) -> bool:
        """Whether the pause has outlasted what the words so far call for, and the turn before has its words."""
        turn = self.turn
        if turn is None or self.closing is not None:
            return False
        if turn.stopped is None:
            return now - turn.onset > LONGEST_TURN
        return now - turn.stopped >= patience(turn.text)

    def close(self, now: int) -> UserTurn:
        """End the running turn (or an empty one that begins and ends now); its final words are awaited."""
        turn = self.turn or UserTurn(self._new_id(), now, stopped=now)
        turn.asked_at = now
        self.turn, self.closing = None, turn
        return turn

    def is_transcript_lost(self, now: int) -> bool:
        """Whether the final words have been awaited for too long."""
        return self.closing is not None and now - self.closing.asked_at > TRANSCRIPT_LIMIT
