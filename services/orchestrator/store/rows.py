"""What the store holds, apart from the way there: a tool names these long before the database is asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.orchestrator.whose import Whose

Kind = Literal["timer", "reminder"]
TimerState = Literal["waiting", "saying", "said", "cancelled", "missed"]

MOST_WAITING = 100
"""Timers and reminders of one user under one key: more than one keeps in mind, and no way to fill the disk by voice."""
MOST_KEPT = 1000
"""Notes of one user under one key."""


class TooManyTimers(Exception):
    """The user has as many waiting as one may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A timer or a reminder."""

    timer_id: UUID
    kind: Kind
    label: str | None
    duration_s: float | None
    due_at: datetime
    timezone: str | None
    idempotency_key: str
    owner: str | None = None
    user_id: str | None = None
    conversation_id: str | None = None
    session_id: UUID | None = None
    state: TimerState = "waiting"
    attempt: int = 0
    said_in: UUID | None = None
    injection_id: UUID | None = None

    @property
    def whose(self) -> Whose:
        return Whose(self.owner, self.user_id)


class TooManyNotes(Exception):
    """The user has as many as one may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that was noted."""

    note_id: UUID
    text: str
    made_at: datetime
    idempotency_key: str
    owner: str | None = None
    user_id: str | None = None
    conversation_id: str | None = None
    session_id: UUID | None = None

    @property
    def whose(self) -> Whose:
        return Whose(self.owner, self.user_id)
