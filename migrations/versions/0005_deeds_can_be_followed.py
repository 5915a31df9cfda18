"""What a deed needs to be followed after its call or its gateway has ended; of older deeds nothing is known."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "voice_tool_invocations"


def upgrade() -> None:
    may_repeat = "Whether it may be asked for again under its key: that does it once all the same"
    op.add_column(
        TABLE,
        sa.Column(
            "idempotent", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment=may_repeat
        ),
    )
    asked = "{message, conversation_id, context}: what else it was asked for with"
    op.add_column(TABLE, sa.Column("request", JSONB(), comment=asked))
    corrected = "The invocation that this one corrects or takes the place of"
    op.add_column(TABLE, sa.Column("amends", sa.Uuid(), comment=corrected))
    how = "How its result came, where not in time and once; late: after we had given it up; stale: nobody wanted it"
    op.add_column(TABLE, sa.Column("arrival", sa.Text(), comment=f"{how}; duplicate: another came after it"))
    op.create_check_constraint(
        op.f("ck_voice_tool_invocations_arrival"), TABLE, "arrival IN ('late', 'duplicate', 'stale')"
    )
    op.create_index("ix_voice_tool_invocations_amends", TABLE, ["amends"])


def downgrade() -> None:
    op.drop_index("ix_voice_tool_invocations_amends", TABLE)
    op.drop_constraint(op.f("ck_voice_tool_invocations_arrival"), TABLE)
    for name in ("arrival", "amends", "request", "idempotent"):
        op.drop_column(TABLE, name)
