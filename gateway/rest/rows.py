"""The rows that REST shows, in the tables' words: names and types stand here, what each means in the tables."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from sqlalchemy import Table

from gateway.store import tables
from gateway.store.tables import (
    Arrival,
    BargeInKind,
    HeardBasis,
    InjectionSource,
    InjectionState,
    InputMode,
    InvocationStatus,
    Mode,
    Risk,
    Span,
    Speaker,
)


class Row(BaseModel):
    """A row as JSON; what its columns mean is taken from the table."""

    TABLE: ClassVar[Table]

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core))
        for column in cls.TABLE.columns:
            schema["properties"][column.name].setdefault("description", column.comment)
        return schema


class SessionRow(Row):
    """One call."""

    TABLE = tables.voice_sessions

    session_id: UUID
    conversation_id: str | None
    mode: Mode | None
    input_mode: InputMode | None
    persona: str | None
    voice_prompt: str | None
    language: str | None
    client: str | None
    user_id: str | None
    owner: str | None
    of_house: bool
    node: str | None
    started_at: datetime
    ended_at: datetime | None
    is_active: bool
    end_reason: str | None
    fallback_reason: str | None
    allow_recording: bool
    metadata: dict[str, Any]


class Word(BaseModel):
    """A word and where it sounds, in samples."""

    text: str
    start: int
    end: int


class Turn(Row):
    """One stretch of speech of either side."""

    TABLE = tables.voice_turns

    turn_id: UUID
    session_id: UUID
    seq: int | None
    speaker: Speaker
    text: str | None
    heard_text: str | None
    heard_basis: HeardBasis | None
    words: list[Word] | None
    start_samples: int | None
    end_samples: int | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: float | None
    engine: str | None
    intent: str | None
    intent_confidence: float | None
    interrupted: bool | None
    metadata: dict[str, Any]


class ToolInvocation(Row):
    """One tool call a spoken intent, written before it is done."""

    TABLE = tables.voice_tool_invocations

    invocation_id: UUID
    session_id: UUID
    turn_id: UUID | None
    idempotency_key: str
    agent: str
    action: str
    arguments: dict[str, Any]
    risk: Risk
    status: InvocationStatus
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    requested_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    latency_ms: float | None
    idempotent: bool
    request: dict[str, Any] | None
    amends: UUID | None
    arrival: Arrival | None
    approval: dict[str, Any] | None


class Injection(Row):
    """A text that the agent is to say."""

    TABLE = tables.voice_injections

    injection_id: UUID
    session_id: UUID
    turn_id: UUID | None
    invocation_id: UUID | None
    idempotency_key: str | None
    source: InjectionSource
    text: str
    state: InjectionState
    said: str | None
    unsaid: str | None
    heard_ms: float | None
    how: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class BargeIn(Row):
    """The user's sound over the agent's."""

    TABLE = tables.voice_barge_in_events

    event_id: UUID
    session_id: UUID
    turn_id: UUID | None
    timestamp: datetime
    kind: BargeInKind
    cancelled_text: str | None
    heard_ms: float | None
    stop_ms: float | None


class EngineChange(Row):
    """A call went from one engine to another."""

    TABLE = tables.voice_engine_changes

    change_id: UUID
    session_id: UUID
    from_engine: str | None
    to_engine: str
    reason: str
    gap_ms: float | None
    at: datetime


class Latency(Row):
    """One measured span."""

    TABLE = tables.voice_latencies

    latency_id: UUID
    session_id: UUID
    turn_id: UUID | None
    span: Span
    ms: float
    at: datetime


class Event(Row):
    """Something that happened in a session."""

    TABLE = tables.voice_events

    session_id: UUID
    seq: int
    at: datetime
    at_samples: int
    kind: str
    payload: dict[str, Any]
