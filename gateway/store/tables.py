"""The tables, and the one source of them: migrations are checked against this, queries are built on it.

Names are public (contracts, 7). Times are `timestamptz`, durations milliseconds, positions samples of the session
clock (monotonic time since the start × 24,000). Lists of values stand here once, as types and as constraints.
"""

from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
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

from services.base.clean import Words
from services.base.columns import AT, JSON, NAMES, column, key, needed, one_of

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
Arrival = Literal["late", "duplicate", "stale"]
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

metadata = MetaData(naming_convention=NAMES)


def _session(**options: Any) -> Column[Any]:
    parent = ForeignKey("voice_sessions.session_id", ondelete="CASCADE")
    return needed("session_id", Uuid(), "The call", parent, **options)


def _turn(meaning: str) -> Column[Any]:
    return column("turn_id", Uuid(), meaning, ForeignKey("voice_turns.turn_id", ondelete="SET NULL"))


voice_sessions = Table(
    "voice_sessions",
    metadata,
    key("session_id", "gateway"),
    column("conversation_id", Words(), "The conversation that the call belongs to; it may span calls"),
    column(
        "mode", Words(), "Engine of the call as chosen at its start; NULL until the session's own row is in"
    ),
    column("input_mode", Words(), "How the user takes the floor"),
    column("persona", Words(), "Name of the persona"),
    column("voice_prompt", Words(), "Name of the voice"),
    column("language", Words(), "BCP 47 tag, as asked for"),
    column("client", Words(), "What the caller uses, as it named itself"),
    column("user_id", Words(), "The caller, as whoever made the session named them"),
    column("owner", Words(), "Whose call it is: the name of the key that made it, or local; NULL: not known"),
    needed(
        "of_house",
        Boolean(),
        "Whether an operator made it, or whoever sits at the machine: they share timers and notes",
        server_default=text("false"),
    ),
    column("node", Words(), "The gateway that holds the call"),
    needed("started_at", AT, "When the session was made", server_default=text("now()")),
    column("ended_at", AT, "When it ended; after a lost gateway, the last sign of life"),
    needed("is_active", Boolean(), "Whether it goes on", server_default=text("true")),
    column("end_reason", Words(), "Why it ended; gateway_lost: its gateway died"),
    column("fallback_reason", Words(), "Why the mode is not the one asked for"),
    needed("allow_recording", Boolean(), "Whether the sound may be kept", server_default=text("false")),
    needed(
        "metadata", JSON, "What the maker of the session put beside it", server_default=text("'{}'::jsonb")
    ),
    one_of("mode", Mode),
    one_of("input_mode", InputMode),
    Index(None, "is_active", "started_at", "session_id"),
    Index(None, "conversation_id"),
    Index(None, "user_id"),
    Index(None, "owner", "is_active", "started_at", "session_id"),
    comment="One call",
)

voice_turns = Table(
    "voice_turns",
    metadata,
    key("turn_id", "gateway"),
    _session(),
    column("seq", Integer(), "Place in the session, both speakers counted together"),
    needed("speaker", Words(), "Who spoke"),
    column("text", Words(), "User: the words recognised or typed. Agent: all words given by the engine"),
    column("heard_text", Words(), "Of an agent's words, those that sounded at the user's side"),
    column("heard_basis", Words(), "How heard_text is known"),
    column(
        "words",
        JSON,
        "List of {text, start, end} in samples: user's on the session clock, agent's from its first sample",
    ),
    column("start_samples", BigInteger(), "First sound, samples of the session clock"),
    column("end_samples", BigInteger(), "End of the sound, samples of the session clock"),
    column("started_at", AT, "When it started"),
    column("ended_at", AT, "When it ended"),
    column(
        "duration_ms",
        Double(),
        "Milliseconds from start_samples to end_samples",
        Computed("(end_samples - start_samples) / 24.0::double precision", persisted=True),
    ),
    column("engine", Words(), "The engine that spoke, or that the user spoke to"),
    column("intent", Words(), "What the user wanted: chitchat, action, control, approval, unclear"),
    column("intent_confidence", Double(), "0 to 1"),
    column("interrupted", Boolean(), "Whether an agent's turn was cut short; NULL while it goes on"),
    needed("metadata", JSON, "More about the turn", server_default=text("'{}'::jsonb")),
    one_of("speaker", Speaker),
    one_of("heard_basis", HeardBasis),
    UniqueConstraint("session_id", "seq"),
    comment="One stretch of speech of either side",
)

voice_tool_invocations = Table(
    "voice_tool_invocations",
    metadata,
    key("invocation_id", "gateway"),
    _session(index=True),
    _turn("The user's turn that asked for it"),
    needed("idempotency_key", Words(), "Made from the turn: a repetition never runs twice", unique=True),
    needed("agent", Words(), "The agent that does it"),
    needed("action", Words(), "The tool's name"),
    needed("arguments", JSON, "What it is called with"),
    needed("risk", Words(), "What it can do"),
    needed("status", Words(), "How far it got; unknown: it ran when somebody died"),
    column("result", JSON, "What it answered"),
    column("error", JSON, "{code, message} where it failed"),
    needed("requested_at", AT, "When the intent was written down"),
    column("started_at", AT, "When the call went out"),
    column("completed_at", AT, "When it was over"),
    column("latency_ms", Double(), "Milliseconds from started_at to completed_at"),
    needed(
        "idempotent",
        Boolean(),
        "Whether it may be asked for again under its key: that does it once all the same",
        server_default=text("false"),
    ),
    column("request", JSON, "{message, conversation_id, context}: what else it was asked for with"),
    column("amends", Uuid(), "The invocation that this one corrects or takes the place of"),
    column(
        "arrival",
        Words(),
        "How its result came, where not in time and once; late: after we had given it up; stale: nobody wanted it; "
        "duplicate: another came after it",
    ),
    column(
        "approval",
        JSON,
        "Where the user was asked: {approval_id, question, asked_at, expires_at, needs_clear_yes, tries, heard, "
        "answer, by, turn_id}; turn_id: of the words that answered",
    ),
    one_of("risk", Risk),
    one_of("status", InvocationStatus),
    one_of("arrival", Arrival),
    Index(None, "turn_id"),
    Index(None, "amends"),
    Index(None, "agent", "action"),
    comment="One tool call a spoken intent, written before it is done",
)

voice_injections = Table(
    "voice_injections",
    metadata,
    key("injection_id", "gateway"),
    _session(index=True),
    _turn("The agent's turn that says it"),
    column(
        "invocation_id",
        Uuid(),
        "The tool call it tells of",
        ForeignKey("voice_tool_invocations.invocation_id", ondelete="SET NULL"),
    ),
    column(
        "idempotency_key", Words(), "Of whoever had it said: the same again in this call is not said again"
    ),
    needed("source", Words(), "Who wants it said"),
    needed("text", Words(), "What is to be said"),
    needed("state", Words(), "How far it got"),
    column("said", Words(), "Of the text, what sounded"),
    column("unsaid", Words(), "Of the text, what did not"),
    column("heard_ms", Double(), "Milliseconds of its sound that the user heard"),
    column("how", Words(), "How the engine was made to say it, or why it was dropped"),
    needed("created_at", AT, "When it was asked for", server_default=text("now()")),
    column("started_at", AT, "When it began to sound"),
    column("ended_at", AT, "When it was over: heard, cut or dropped"),
    one_of("source", InjectionSource),
    one_of("state", InjectionState),
    Index(None, "turn_id"),
    Index(None, "invocation_id"),
    comment="A text that the agent is to say",
)

voice_barge_in_events = Table(
    "voice_barge_in_events",
    metadata,
    key("event_id", "gateway"),
    _session(index=True),
    _turn("The agent's turn that was spoken over"),
    needed("timestamp", AT, "When it was decided what it was"),
    needed("kind", Words(), "What the sound over the agent was"),
    column("cancelled_text", Words(), "Words of the agent that were never heard"),
    column("heard_ms", Double(), "Milliseconds of the agent's turn that were heard"),
    column("stop_ms", Double(), "Milliseconds from the user's onset to the agent's silence"),
    one_of("kind", BargeInKind),
    Index(None, "turn_id"),
    comment="The user's sound over the agent's",
)

voice_engine_changes = Table(
    "voice_engine_changes",
    metadata,
    key("change_id", "gateway"),
    _session(index=True),
    column("from_engine", Words(), "Engine before; NULL at the start"),
    needed("to_engine", Words(), "Engine after"),
    needed("reason", Words(), "Why it was changed"),
    column("gap_ms", Double(), "Milliseconds in which no engine was there"),
    needed("at", AT, "When the new engine had the call"),
    comment="A call went from one engine to another",
)

voice_latencies = Table(
    "voice_latencies",
    metadata,
    key("latency_id", "gateway"),
    _session(index=True),
    _turn("The turn it was measured in, where it belongs to one"),
    needed("span", Words(), "What was measured; turn: the user's words end to the agent's first sound"),
    needed("ms", Double(), "Milliseconds"),
    needed("at", AT, "When the span ended"),
    one_of("span", Span),
    Index(None, "turn_id"),
    Index(None, "span", "at"),
    comment="One measured span",
)

voice_events = Table(
    "voice_events",
    metadata,
    _session(primary_key=True),
    needed(
        "seq", BigInteger(), "Place in the session, without gaps unless some were dropped", primary_key=True
    ),
    needed("at", AT, "When it happened"),
    needed("at_samples", BigInteger(), "The same on the session clock, samples"),
    needed("kind", Words(), "The event's name"),
    needed("payload", JSON, "The event's fields"),
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
