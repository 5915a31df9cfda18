"""How the user was asked before a deed, and what they answered; about older deeds nobody was asked."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLE = "voice_tool_invocations"


def upgrade() -> None:
    asked = (
        "Where the user was asked: {approval_id, question, asked_at, expires_at, needs_clear_yes, tries, heard, "
        "answer, by, turn_id}; turn_id: of the words that answered"
    )
    op.add_column(TABLE, sa.Column("approval", JSONB(), comment=asked))


def downgrade() -> None:
    op.drop_column(TABLE, "approval")
