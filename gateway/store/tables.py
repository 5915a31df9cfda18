"""The tables, and the one source of them: migrations are checked against this, queries are built on it.

Names are public (contracts, 7). Times are `timestamptz`, durations milliseconds, positions samples of the session
clock (monotonic time since the start × 24,000). Lists of values stand here once, as types and as constraints.
"""

from typing import Any, Literal, get_args

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.type_api import TypeEngine

from gateway.store.clean import Words

Mode = Literal["personaplex", "realtime", "elevenlabs", "local"]
InputMode = Literal["duplex", "push_to_talk"]
Speaker = Literal["user", "agent", "system"]
HeardBasis = Literal["client", "synthesizer", "model", "estimate"]
Risk = Literal["read", "write", "dangerous"]
InvocationStatus = Literal[
    "requested",
    "awaiting_approval",
    "running",
    "success",
    "error",
    "cancelled",
    "denied",
    "superseded",
    "unknown",
]
InjectionSource = Literal["tool", "filler", "approval", "say", "notice", "mind"]
InjectionState = Literal["waiting", "speaking", "spoken", "heard", "cut", "dropped"]
BargeInKind = Literal["barge_in", "backchannel", "false_alarm", "echo"]
Span = Literal[
    "endpoint",
    "transcript",
    "intent",
    "dispatch",
    "tool",
    "injection_wait",
    "first_audio",
    "turn",
    "barge_in_stop",
    "connect",
    "engine_frame",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

AT = DateTime(timezone=True)
JSON = JSONB(none_as_null=True)
"""Python's None is SQL's NULL, not JSON's `null`."""


def _column(name: str, kind: TypeEngine[Any], meaning: str, *items: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, *items, comment=meaning, **options)


def _needed(name: str, kind: TypeEngine[Any], meaning: str, *items: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, *items, nullable=False, comment=meaning, **options)


def _key(name: str) -> Column[Any]:
    return Column(name, Uuid(), primary_key=True, comment="UUIDv7, made by the gateway")


def _session(**options: Any) -> Column[Any]:
    parent = ForeignKey("voice_sessions.session_id", ondelete="CASCADE")
    return _needed("session_id", Uuid(), "The call", parent, **options)


def _turn(meaning: str) -> Column[Any]:
    return _column("turn_id", Uuid(), meaning, ForeignKey("voice_turns.turn_id", ondelete="SET NULL"))


def _one_of(column: str, values: Any) -> CheckConstraint:
    """`column` is NULL or one of the values of a Literal."""
    return CheckConstraint(f"{column} IN ({', '.join(repr(v) for v in get_args(values))})", name=column)


voice_sessions = Table(
    "voice_sessions",
    metadata,
    _key("session_id"),
    _column("conversation_id", Words(), "The conversation that the call belongs to; it may span calls"),
    _column(
        "mode", Words(), "Engine of the call as chosen at its start; NULL until the session's own row is in"
    ),
    _column("input_mode", Words(), "How the user takes the floor"),
    _column("persona", Words(), "Name of the persona"),
    _column("voice_prompt", Words(), "Name of the voice"),
    _column("language", Words(), "BCP 47 tag, as asked for"),
    _column("client", Words(), "What the caller uses, as it named itself"),
    _column("user_id", Words(), "The caller, as whoever made the session named them"),
    _column("node", Words(), "The gateway that holds the call"),
    _needed("started_at", AT, "When the session was made", server_default=text("now()")),
    _column("ended_at", AT, "When it ended; after a lost gateway, the last sign of life"),
    _needed("is_active", Boolean(), "Whether it goes on", server_default=text("true")),
    _column("end_reason", Words(), "Why it ended; gateway_lost: its gateway died"),
    _column("fallback_reason", Words(), "Why the mode is not the one asked for"),
    _needed("allow_recording", Boolean(), "Whether the sound may be kept", server_default=text("false")),
    _needed(
        "metadata", JSON, "What the maker of the session put beside it", server_default=text("'{}'::jsonb")
    ),
    _one_of("mode", Mode),
    _one_of("input_mode", InputMode),
    Index(None, "is_active", "started_at", "session_id"),
    Index(None, "conversation_id"),
    Index(None, "user_id"),
    comment="One call",
)

voice_turns = Table(
    "voice_turns",
    metadata,
    _key("turn_id"),
    _session(),
    _column("seq", Integer(), "Place in the session, both speakers counted together"),
    _needed("speaker", Words(), "Who spoke"),
    _column("text", Words(), "User: the words recognised or typed. Agent: all words given by the engine"),
    _column("heard_text", Words(), "Of an agent's words, those that sounded at the user's side"),
    _column("heard_basis", Words(), "How heard_text is known"),
    _column(
        "words",
        JSON,
        "List of {text, start, end} in samples: user's on the session clock, agent's from its first sample",
    ),
    _column("start_samples", BigInteger(), "First sound, samples of the session clock"),
    _column("end_samples", BigInteger(), "End of the sound, samples of the session clock"),
    _column("started_at", AT, "When it started"),
    _column("ended_at", AT, "When it ended"),
    _column(
        "duration_ms",
        Double(),
        "Milliseconds from start_samples to end_samples",
        Computed("(end_samples - start_samples) / 24.0::double precision", persisted=True),
    ),
    _column("engine", Words(), "The engine that spoke, or that the user spoke to"),
    _column("intent", Words(), "What the user wanted: chitchat, action, control, approval, unclear"),
    _column("intent_confidence", Double(), "0 to 1"),
    _column("interrupted", Boolean(), "Whether an agent's turn was cut short; NULL while it goes on"),
    _needed("metadata", JSON, "More about the turn", server_default=text("'{}'::jsonb")),
    _one_of("speaker", Speaker),
    _one_of("heard_basis", HeardBasis),
    UniqueConstraint("session_id", "seq"),
    comment="One stretch of speech of either side",
)

voice_tool_invocations = Table(
    "voice_tool_invocations",
    metadata,
    _key("invocation_id"),
    _session(index=True),
    _turn("The user's turn that asked for it"),
    _needed("idempotency_key", Words(), "Made from the turn: a repetition never runs twice", unique=True),
    _needed("agent", Words(), "The agent that does it"),
    _needed("action", Words(), "The tool's name"),
    _needed("arguments", JSON, "What it is called with"),
    _needed("risk", Words(), "What it can do"),
    _needed("status", Words(), "How far it got; unknown: it ran when somebody died"),
    _column("result", JSON, "What it answered"),
    _column("error", JSON, "{code, message} where it failed"),
    _needed("requested_at", AT, "When the intent was written down"),
    _column("started_at", AT, "When the call went out"),
    _column("completed_at", AT, "When it was over"),
    _column("latency_ms", Double(), "Milliseconds from started_at to completed_at"),
    _one_of("risk", Risk),
    _one_of("status", InvocationStatus),
    Index(None, "turn_id"),
    Index(None, "agent", "action"),
    comment="One tool call a spoken intent, written before it is done",
)

voice_injections = Table(
    "voice_injections",
    metadata,
    _key("injection_id"),
    _session(index=True),
    _turn("The agent's turn that says it"),
    _column(
        "invocation_id",
        Uuid(),
        "The tool call it tells of",
        ForeignKey("voice_tool_invocations.invocation_id", ondelete="SET NULL"),
    ),
    _needed("source", Words(), "Who wants it said"),
    _needed("text", Words(), "What is to be said"),
    _needed("state", Words(), "How far it got"),
    _column("said", Words(), "Of the text, what sounded"),
    _column("unsaid", Words(), "Of the text, what did not"),
    _column("heard_ms", Double(), "Milliseconds of its sound that the user heard"),
    _column("how", Words(), "How the engine was made to say it, or why it was dropped"),
    _needed("created_at", AT, "When it was asked for", server_default=text("now()")),
    _column("started_at", AT, "When it began to sound"),
    _column("ended_at", AT, "When it was over: heard, cut or dropped"),
    _one_of("source", InjectionSource),
    _one_of("state", InjectionState),
    Index(None, "turn_id"),
    Index(None, "invocation_id"),
    comment="A text that the agent is to say",
)

voice_barge_in_events = Table(
    "voice_barge_in_events",
    metadata,
    _key("event_id"),
    _session(index=True),
    _turn("The agent's turn that was spoken over"),
    _needed("timestamp", AT, "When it was decided what it was"),
    _needed("kind", Words(), "What the sound over the agent was"),
    _column("cancelled_text", Words(), "Words of the agent that were never heard"),
    _column("heard_ms", Double(), "Milliseconds of the agent's turn that were heard"),
    _column("stop_ms", Double(), "Milliseconds from the user's onset to the agent's silence"),
    _one_of("kind", BargeInKind),
    Index(None, "turn_id"),
    comment="The user's sound over the agent's",
)

voice_engine_changes = Table(
    "voice_engine_changes",
    metadata,
    _key("change_id"),
    _session(index=True),
    _column("from_engine", Words(), "Engine before; NULL at the start"),
    _needed("to_engine", Words(), "Engine after"),
    _needed("reason", Words(), "Why it was changed"),
    _column("gap_ms", Double(), "Milliseconds in which no engine was there"),
    _needed("at", AT, "When the new engine had the call"),
    comment="A call went from one engine to another",
)

voice_latencies = Table(
    "voice_latencies",
    metadata,
    _key("latency_id"),
    _session(index=True),
    _turn("The turn it was measured in, where it belongs to one"),
    _needed("span", Words(), "What was measured; turn: the user's words end to the agent's first sound"),
    _needed("ms", Double(), "Milliseconds"),
    _needed("at", AT, "When the span ended"),
    _one_of("span", Span),
    Index(None, "turn_id"),
    Index(None, "span", "at"),
    comment="One measured span",
)

voice_events = Table(
    "voice_events",
    metadata,
    _session(primary_key=True),
    _needed(
        "seq", BigInteger(), "Place in the session, without gaps unless some were dropped", primary_key=True
    ),
    _needed("at", AT, "When it happened"),
    _needed("at_samples", BigInteger(), "The same on the session clock, samples"),
    _needed("kind", Words(), "The event's name"),
    _needed("payload", JSON, "The event's fields"),
    comment="All that happened in a session, in order; never changed",
)

OUTBOX_ORDER = (
    voice_sessions,
    voice_turns,
    voice_injections,
    voice_barge_in_events,
    voice_engine_changes,
    voice_latencies,
    voice_events,
)
"""The tables written behind the sound, parents before children; invocations are the ledger's."""
