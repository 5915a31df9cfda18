"""The tables and views of the first release."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.views import create_view, drop_view

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

VIEWS = (
    "voice_session_overview",
    "voice_latency_by_day",
    "voice_tool_reliability",
    "voice_barge_in_rate",
    "voice_turn_taking",
    "voice_intent_mix",
)


def upgrade() -> None:
    op.create_table(
        "voice_sessions",
        sa.Column("session_id", sa.Uuid(), nullable=False, comment="UUIDv7, made by the gateway"),
        sa.Column(
            "conversation_id",
            sa.Text(),
            comment="The conversation that the call belongs to; it may span calls",
        ),
        sa.Column(
            "mode",
            sa.Text(),
            comment="Engine of the call as chosen at its start; NULL until the session's own row is in",
        ),
        sa.Column("input_mode", sa.Text(), comment="How the user takes the floor"),
        sa.Column("persona", sa.Text(), comment="Name of the persona"),
        sa.Column("voice_prompt", sa.Text(), comment="Name of the voice"),
        sa.Column("language", sa.Text(), comment="BCP 47 tag, as asked for"),
        sa.Column("client", sa.Text(), comment="What the caller uses, as it named itself"),
        sa.Column("user_id", sa.Text(), comment="The caller, as whoever made the session named them"),
        sa.Column("node", sa.Text(), comment="The gateway that holds the call"),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When the session was made",
        ),
        sa.Column(
            "ended_at",
            sa.DateTime(timezone=True),
            comment="When it ended; after a lost gateway, the last sign of life",
        ),
        sa.Column(
            "is_active",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="Whether it goes on",
        ),
        sa.Column("end_reason", sa.Text(), comment="Why it ended; gateway_lost: its gateway died"),
        sa.Column("fallback_reason", sa.Text(), comment="Why the mode is not the one asked for"),
        sa.Column(
            "allow_recording",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Whether the sound may be kept",
        ),
        sa.Column(
            "metadata",
            JSONB(),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="What the maker of the session put beside it",
        ),
        sa.CheckConstraint(
            "input_mode IN ('duplex', 'push_to_talk')", name=op.f("ck_voice_sessions_input_mode")
        ),
        sa.CheckConstraint(
            "mode IN ('personaplex', 'realtime', 'elevenlabs', 'local')", name=op.f("ck_voice_sessions_mode")
        ),
        sa.PrimaryKeyConstraint("session_id", name="pk_voice_sessions"),
        comment="One call",
    )
    op.create_index("ix_voice_sessions_conversation_id", "voice_sessions", ["conversation_id"])
    op.create_index(
        "ix_voice_sessions_is_active_started_at_session_id",
        "voice_sessions",
        ["is_active", "started_at", "session_id"],
    )
    op.create_index("ix_voice_sessions_user_id", "voice_sessions", ["user_id"])
    op.create_table(
        "voice_engine_changes",
        sa.Column("change_id", sa.Uuid(), nullable=False, comment="UUIDv7, made by the gateway"),
        sa.Column("session_id", sa.Uuid(), nullable=False, comment="The call"),
        sa.Column("from_engine", sa.Text(), comment="Engine before; NULL at the start"),
        sa.Column("to_engine", sa.Text(), nullable=False, comment="Engine after"),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it was changed"),
        sa.Column("gap_ms", sa.Double(), comment="Milliseconds in which no engine was there"),
        sa.Column(
            "at", sa.DateTime(timezone=True), nullable=False, comment="When the new engine had the call"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["voice_sessions.session_id"],
            name="fk_voice_engine_changes_session_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("change_id", name="pk_voice_engine_changes"),
        comment="A call went from one engine to another",
    )
    op.create_index("ix_voice_engine_changes_session_id", "voice_engine_changes", ["session_id"])
    op.create_table(
        "voice_events",
        sa.Column("session_id", sa.Uuid(), nullable=False, comment="The call"),
        sa.Column(
            "seq",
            sa.BigInteger(),
            nullable=False,
            comment="Place in the session, without gaps unless some were dropped",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="When it happened"),
        sa.Column(
            "at_samples", sa.BigInteger(), nullable=False, comment="The same on the session clock, samples"
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="The event's name"),
        sa.Column(
            "payload",
            JSONB(),
            nullable=False,
            comment="The event's fields",
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["voice_sessions.session_id"],
            name="fk_voice_events_session_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("session_id", "seq", name="pk_voice_events"),
        comment="All that happened in a session, in order; never changed",
    )
    op.create_table(
        "voice_turns",
        sa.Column("turn_id", sa.Uuid(), nullable=False, comment="UUIDv7, made by the gateway"),
        sa.Column("session_id", sa.Uuid(), nullable=False, comment="The call"),
        sa.Column("seq", sa.Integer(), comment="Place in the session, both speakers counted together"),
        sa.Column("speaker", sa.Text(), nullable=False, comment="Who spoke"),
        sa.Column(
            "text",
            sa.Text(),
            comment="User: the words recognised or typed. Agent: all words given by the engine",
        ),
        sa.Column(
            "heard_text",
            sa.Text(),
            comment="Of an agent's words, those that sounded at the user's side",
        ),
        sa.Column("heard_basis", sa.Text(), comment="How heard_text is known"),
        sa.Column(
            "words",
            JSONB(),
            comment="List of {text, start, end} in samples: user's on the session clock, agent's from its first sample",
        ),
        sa.Column(
            "start_samples",
            sa.BigInteger(),
            comment="First sound, samples of the session clock",
        ),
        sa.Column(
            "end_samples",
            sa.BigInteger(),
            comment="End of the sound, samples of the session clock",
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), comment="When it started"),
        sa.Column("ended_at", sa.DateTime(timezone=True), comment="When it ended"),
        sa.Column(
            "duration_ms",
            sa.Double(),
            sa.Computed("(end_samples - start_samples) / 24.0::double precision", persisted=True),
            comment="Milliseconds from start_samples to end_samples",
        ),
        sa.Column("engine", sa.Text(), comment="The engine that spoke, or that the user spoke to"),
        sa.Column(
            "intent",
            sa.Text(),
            comment="What the user wanted: chitchat, action, control, approval, unclear",
        ),
        sa.Column("intent_confidence", sa.Double(), comment="0 to 1"),
        sa.Column(
            "interrupted",
            sa.Boolean(),
            comment="Whether an agent's turn was cut short; NULL while it goes on",
        ),
        sa.Column(
            "metadata",
            JSONB(),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="More about the turn",
        ),
        sa.CheckConstraint(
            "heard_basis IN ('client', 'synthesizer', 'model', 'estimate')",
            name=op.f("ck_voice_turns_heard_basis"),
        ),
        sa.CheckConstraint("speaker IN ('user', 'agent', 'system')", name=op.f("ck_voice_turns_speaker")),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["voice_sessions.session_id"],
            name="fk_voice_turns_session_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("turn_id", name="pk_voice_turns"),
        sa.UniqueConstraint("session_id", "seq", name="uq_voice_turns_session_id_seq"),
        comment="One stretch of speech of either side",
    )
    op.create_table(
        "voice_barge_in_events",
        sa.Column("event_id", sa.Uuid(), nullable=False, comment="UUIDv7, made by the gateway"),
        sa.Column("session_id", sa.Uuid(), nullable=False, comment="The call"),
        sa.Column("turn_id", sa.Uuid(), comment="The agent's turn that was spoken over"),
        sa.Column(
            "timestamp", sa.DateTime(timezone=True), nullable=False, comment="When it was decided what it was"
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="What the sound over the agent was"),
        sa.Column("cancelled_text", sa.Text(), comment="Words of the agent that were never heard"),
        sa.Column("heard_ms", sa.Double(), comment="Milliseconds of the agent's turn that were heard"),
        sa.Column(
            "stop_ms",
            sa.Double(),
            comment="Milliseconds from the user's onset to the agent's silence",
        ),
        sa.CheckConstraint(
            "kind IN ('barge_in', 'backchannel', 'false_alarm', 'echo')",
            name=op.f("ck_voice_barge_in_events_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["voice_sessions.session_id"],
            name="fk_voice_barge_in_events_session_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["turn_id"],
            ["voice_turns.turn_id"],
            name="fk_voice_barge_in_events_turn_id",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("event_id", name="pk_voice_barge_in_events"),
        comment="The user's sound over the agent's",
    )
    op.create_index("ix_voice_barge_in_events_session_id", "voice_barge_in_events", ["session_id"])
    op.create_index("ix_voice_barge_in_events_turn_id", "voice_barge_in_events", ["turn_id"])
    op.create_table(
        "voice_latencies",
        sa.Column("latency_id", sa.Uuid(), nullable=False, comment="UUIDv7, made by the gateway"),
        sa.Column("session_id", sa.Uuid(), nullable=False, comment="The call"),
        sa.Column(
            "turn_id",
            sa.Uuid(),
            comment="The turn it was measured in, where it belongs to one",
        ),
        sa.Column(
            "span",
            sa.Text(),
            nullable=False,
            comment="What was measured; turn: the user's words end to the agent's first sound",
        ),
        sa.Column("ms", sa.Double(), nullable=False, comment="Milliseconds"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="When the span ended"),
        sa.CheckConstraint(
            "span IN ('endpoint', 'transcript', 'intent', 'dispatch', 'tool', 'injection_wait', 'first_audio', 'turn', "
            "'barge_in_stop', 'connect', 'engine_frame')",
            name=op.f("ck_voice_latencies_span"),
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["voice_sessions.session_id"],
            name="fk_voice_latencies_session_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["turn_id"], ["voice_turns.turn_id"], name="fk_voice_latencies_turn_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("latency_id", name="pk_voice_latencies"),
        comment="One measured span",
    )
    op.create_index("ix_voice_latencies_session_id", "voice_latencies", ["session_id"])
    op.create_index("ix_voice_latencies_span_at", "voice_latencies", ["span", "at"])
    op.create_index("ix_voice_latencies_turn_id", "voice_latencies", ["turn_id"])
    op.create_table(
        "voice_tool_invocations",
        sa.Column("invocation_id", sa.Uuid(), nullable=False, comment="UUIDv7, made by the gateway"),
        sa.Column("session_id", sa.Uuid(), nullable=False, comment="The call"),
        sa.Column("turn_id", sa.Uuid(), comment="The user's turn that asked for it"),
        sa.Column(
            "idempotency_key",
            sa.Text(),
            nullable=False,
            comment="Made from the turn: a repetition never runs twice",
        ),
        sa.Column("agent", sa.Text(), nullable=False, comment="The agent that does it"),
        sa.Column("action", sa.Text(), nullable=False, comment="The tool's name"),
        sa.Column(
            "arguments",
            JSONB(),
            nullable=False,
            comment="What it is called with",
        ),
        sa.Column("risk", sa.Text(), nullable=False, comment="What it can do"),
        sa.Column(
            "status", sa.Text(), nullable=False, comment="How far it got; unknown: it ran when somebody died"
        ),
        sa.Column(
            "result",
            JSONB(),
            comment="What it answered",
        ),
        sa.Column(
            "error",
            JSONB(),
            comment="{code, message} where it failed",
        ),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When the intent was written down",
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), comment="When the call went out"),
        sa.Column("completed_at", sa.DateTime(timezone=True), comment="When it was over"),
        sa.Column("latency_ms", sa.Double(), comment="Milliseconds from started_at to completed_at"),
        sa.CheckConstraint(
            "risk IN ('read', 'write', 'dangerous')", name=op.f("ck_voice_tool_invocations_risk")
        ),
        sa.CheckConstraint(
            "status IN ('requested', 'awaiting_approval', 'running', 'success', 'error', 'cancelled', 'denied', "
            "'superseded', 'unknown')",
            name=op.f("ck_voice_tool_invocations_status"),
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["voice_sessions.session_id"],
            name="fk_voice_tool_invocations_session_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["turn_id"],
            ["voice_turns.turn_id"],
            name="fk_voice_tool_invocations_turn_id",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("invocation_id", name="pk_voice_tool_invocations"),
        sa.UniqueConstraint("idempotency_key", name="uq_voice_tool_invocations_idempotency_key"),
        comment="One tool call a spoken intent, written before it is done",
    )
    op.create_index(
        "ix_voice_tool_invocations_agent_action",
        "voice_tool_invocations",
        ["agent", "action"],
    )
    op.create_index("ix_voice_tool_invocations_session_id", "voice_tool_invocations", ["session_id"])
    op.create_index("ix_voice_tool_invocations_turn_id", "voice_tool_invocations", ["turn_id"])
    op.create_table(
        "voice_injections",
        sa.Column("injection_id", sa.Uuid(), nullable=False, comment="UUIDv7, made by the gateway"),
        sa.Column("session_id", sa.Uuid(), nullable=False, comment="The call"),
        sa.Column("turn_id", sa.Uuid(), comment="The agent's turn that says it"),
        sa.Column("invocation_id", sa.Uuid(), comment="The tool call it tells of"),
        sa.Column("source", sa.Text(), nullable=False, comment="Who wants it said"),
        sa.Column("text", sa.Text(), nullable=False, comment="What is to be said"),
        sa.Column("state", sa.Text(), nullable=False, comment="How far it got"),
        sa.Column("said", sa.Text(), comment="Of the text, what sounded"),
        sa.Column("unsaid", sa.Text(), comment="Of the text, what did not"),
        sa.Column("heard_ms", sa.Double(), comment="Milliseconds of its sound that the user heard"),
        sa.Column(
            "how",
            sa.Text(),
            comment="How the engine was made to say it, or why it was dropped",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was asked for",
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), comment="When it began to sound"),
        sa.Column(
            "ended_at",
            sa.DateTime(timezone=True),
            comment="When it was over: heard, cut or dropped",
        ),
        sa.CheckConstraint(
            "source IN ('tool', 'filler', 'approval', 'say', 'notice', 'mind')",
            name=op.f("ck_voice_injections_source"),
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'speaking', 'spoken', 'heard', 'cut', 'dropped')",
            name=op.f("ck_voice_injections_state"),
        ),
        sa.ForeignKeyConstraint(
            ["invocation_id"],
            ["voice_tool_invocations.invocation_id"],
            name="fk_voice_injections_invocation_id",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["voice_sessions.session_id"],
            name="fk_voice_injections_session_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["turn_id"],
            ["voice_turns.turn_id"],
            name="fk_voice_injections_turn_id",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("injection_id", name="pk_voice_injections"),
        comment="A text that the agent is to say",
    )
    op.create_index("ix_voice_injections_invocation_id", "voice_injections", ["invocation_id"])
    op.create_index("ix_voice_injections_session_id", "voice_injections", ["session_id"])
    op.create_index("ix_voice_injections_turn_id", "voice_injections", ["turn_id"])
    for name in VIEWS:
        create_view(name, 1)


def downgrade() -> None:
    for name in reversed(VIEWS):
        drop_view(name)
    op.drop_table("voice_injections")
    op.drop_table("voice_tool_invocations")
    op.drop_table("voice_latencies")
    op.drop_table("voice_barge_in_events")
    op.drop_table("voice_turns")
    op.drop_table("voice_events")
    op.drop_table("voice_engine_changes")
    op.drop_table("voice_sessions")
