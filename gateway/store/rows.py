"""The rows that a session writes behind the sound, one dataclass a table.

What is left at `KEEP` stays as it is in the database (or gets the column's default), so that a row can be written
when its matter begins, and again when it ends. What a row can't be without comes every time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import Table

from gateway.store import tables
from gateway.store.tables import (
    BargeInKind,
    HeardBasis,
    InjectionSource,
    InjectionState,
    InputMode,
    Mode,
    Span,
    Speaker,
)


class Keep(Enum):
    """The one value `KEEP`; an enum, so that a type checker can tell it from a column's own values."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP
"""Leave the column as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A call: written when it is made, and when something about it changes."""

    TABLE: ClassVar[Table] = tables.voice_sessions

    session_id: UUID
    conversation_id: str | Keep = KEEP
    mode: Mode | Keep = KEEP
    """The one chosen, never `auto`."""
    input_mode: InputMode | Keep = KEEP
    persona: str | Keep = KEEP
    voice_prompt: str | Keep | None = KEEP
    language: str | Keep | None = KEEP
    client: str | Keep | None = KEEP
    user_id: str | Keep | None = KEEP
    owner: str | Keep | None = KEEP
    of_house: bool | Keep = KEEP
    node: str | Keep = KEEP
    started_at: datetime | Keep = KEEP
    ended_at: datetime | Keep | None = KEEP
    is_active: bool | Keep = KEEP
    end_reason: str | Keep | None = KEEP
    fallback_reason: str | Keep | None = KEEP
    allow_recording: bool | Keep = KEEP
    metadata: Mapping[str, Any] | Keep = KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRow:
    """A turn; its first row is put before any row that names the turn."""

    TABLE: ClassVar[Table] = tables.voice_turns

    turn_id: UUID
    session_id: UUID
    speaker: Speaker
    seq: int | Keep = KEEP
    text: str | Keep | None = KEEP
    heard_text: str | Keep | None = KEEP
    heard_basis: HeardBasis | Keep | None = KEEP
    words: list[dict[str, Any]] | Keep | None = KEEP
    """`{"text": …, "start": …, "end": …}`, samples."""
    start_samples: int | Keep | None = KEEP
    end_samples: int | Keep | None = KEEP
    """`duration_ms` follows from the two."""
    started_at: datetime | Keep | None = KEEP
    ended_at: datetime | Keep | None = KEEP
    engine: str | Keep | None = KEEP
    intent: str | Keep | None = KEEP
    intent_confidence: float | Keep | None = KEEP
    interrupted: bool | Keep | None = KEEP
    metadata: Mapping[str, Any] | Keep = KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionRow:
    """A text to be said, and where it has got to."""

    TABLE: ClassVar[Table] = tables.voice_injections

    injection_id: UUID
    session_id: UUID
    source: InjectionSource
    text: str
    state: InjectionState
    turn_id: UUID | Keep | None = KEEP
    """The agent's turn that says it."""
    invocation_id: UUID | Keep | None = KEEP
    idempotency_key: str | Keep = KEEP
    said: str | Keep | None = KEEP
    unsaid: str | Keep | None = KEEP
    heard_ms: float | Keep | None = KEEP
    how: str | Keep | None = KEEP
    created_at: datetime | Keep = KEEP
    started_at: datetime | Keep | None = KEEP
    ended_at: datetime | Keep | None = KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class BargeInRow:
    """What the user's sound over an agent's turn was."""

    TABLE: ClassVar[Table] = tables.voice_barge_in_events

    event_id: UUID
    session_id: UUID
    timestamp: datetime
    kind: BargeInKind
    turn_id: UUID | Keep | None = KEEP
    cancelled_text: str | Keep | None = KEEP
    heard_ms: float | Keep | None = KEEP
    stop_ms: float | Keep | None = KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChangeRow:
    """The call went to another engine."""

    TABLE: ClassVar[Table] = tables.voice_engine_changes

    change_id: UUID
    session_id: UUID
    from_engine: str | None
    to_engine: str
    reason: str
    gap_ms: float | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyRow:
    """A measured span."""

    TABLE: ClassVar[Table] = tables.voice_latencies

    latency_id: UUID
    session_id: UUID
    turn_id: UUID | None
    span: Span
    ms: float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One entry of a session's log; written once, never changed."""

    TABLE: ClassVar[Table] = tables.voice_events

    session_id: UUID
    seq: int
    at: datetime
    at_samples: int
    kind: str
    payload: Mapping[str, Any]


Row = SessionRow | TurnRow | InjectionRow | BargeInRow | EngineChangeRow | LatencyRow | EventRow


def values(row: Row) -> dict[str, object]:
    """The columns that `row` sets."""
    named = ((field.name, getattr(row, field.name)) for field in fields(row))
    return {name: value for name, value in named if value is not KEEP}


def key(row: Row) -> dict[str, object]:
    """The primary key of `row`."""
    return {column.name: getattr(row, column.name) for column in row.TABLE.primary_key}
