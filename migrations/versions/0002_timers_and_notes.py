"""The orchestrator's timers and notes, and the key under which a text is said once."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "voice_injections",
        sa.Column(
            "idempotency_key",
            sa.Text(),
            comment="Of whoever had it said: the same again in this call is not said again",
        ),
    )
    op.create_table(
        "voice_timers",
        sa.Column("timer_id", sa.Uuid(), nullable=False, comment="UUIDv7, made by the orchestrator"),
        sa.Column("kind", sa.Text(), nullable=False, comment="What it is"),
        sa.Column(
            "label",
            sa.Text(),
            comment="What it is for, as it is told to the user; NULL for a timer without a name",
        ),
        sa.Column(
            "duration_s",
            sa.Double(),
            comment="Seconds that were asked for; NULL where a moment was named",
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="When it is to be said"),
        sa.Column("timezone", sa.Text(), comment="IANA name of the zone in which its time is told"),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="How far it got; missed: for a day there was no call to say it in",
        ),
        sa.Column(
            "made_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was asked for",
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), comment="When it was said, cancelled or given up"),
        sa.Column("user_id", sa.Text(), comment="Whose it is; NULL: of whoever calls without a name"),
        sa.Column("conversation_id", sa.Text(), comment="The conversation in which it was asked for"),
        sa.Column("session_id", sa.Uuid(), comment="The call in which it was asked for"),
        sa.Column(
            "idempotency_key",
            sa.Text(),
            nullable=False,
            comment="Of the wish: a repetition finds this row",
        ),
        sa.Column("cancelled_by", sa.Text(), comment="Idempotency key of the wish that cancelled it"),
        sa.Column(
            "attempt",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="How often it was taken up to be said",
        ),
        sa.Column("said_in", sa.Uuid(), comment="The call in which it is said, or was said last"),
        sa.Column("injection_id", sa.Uuid(), comment="The text there that says it, in voice_injections"),
        sa.CheckConstraint("kind IN ('timer', 'reminder')", name=op.f("ck_voice_timers_kind")),
        sa.CheckConstraint(
            "state IN ('waiting', 'saying', 'said', 'cancelled', 'missed')",
            name=op.f("ck_voice_timers_state"),
        ),
        sa.PrimaryKeyConstraint("timer_id", name="pk_voice_timers"),
        sa.UniqueConstraint("idempotency_key", name="uq_voice_timers_idempotency_key"),
        comment="A timer or a reminder, which the agent says by itself when it is due",
    )
    op.create_index("ix_voice_timers_state_due_at", "voice_timers", ["state", "due_at"])
    op.create_index("ix_voice_timers_user_id", "voice_timers", ["user_id"])
    op.create_table(
        "voice_notes",
        sa.Column("note_id", sa.Uuid(), nullable=False, comment="UUIDv7, made by the orchestrator"),
        sa.Column("text", sa.Text(), nullable=False, comment="What was noted; empty once it is deleted"),
        sa.Column(
            "made_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was noted",
        ),
        sa.Column(
            "deleted_at",
            sa.DateTime(timezone=True),
            comment="When it was deleted; only the keys stay, so that a repeated wish finds them",
        ),
        sa.Column("user_id", sa.Text(), comment="Whose it is; NULL: of whoever calls without a name"),
        sa.Column("conversation_id", sa.Text(), comment="The conversation in which it was noted"),
        sa.Column("session_id", sa.Uuid(), comment="The call in which it was noted"),
        sa.Column(
            "idempotency_key",
            sa.Text(),
            nullable=False,
            comment="Of the wish: a repetition finds this row",
        ),
        sa.Column("deleted_by", sa.Text(), comment="Idempotency key of the wish that deleted it"),
        sa.PrimaryKeyConstraint("note_id", name="pk_voice_notes"),
        sa.UniqueConstraint("idempotency_key", name="uq_voice_notes_idempotency_key"),
        comment="Something that the user wanted to be remembered",
    )
    op.create_index("ix_voice_notes_user_id_made_at", "voice_notes", ["user_id", "made_at"])


def downgrade() -> None:
    op.drop_table("voice_notes")
    op.drop_table("voice_timers")
    op.drop_column("voice_injections", "idempotency_key")
