"""Whose call it is, so that a key reads its own calls alone; of older calls that is not known."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INDEX = "ix_voice_sessions_owner_is_active_started_at_session_id"


def upgrade() -> None:
    meaning = "Whose call it is: the name of the key that made it, or local; NULL: not known"
    op.add_column("voice_sessions", sa.Column("owner", sa.Text(), comment=meaning))
    op.create_index(INDEX, "voice_sessions", ["owner", "is_active", "started_at", "session_id"])


def downgrade() -> None:
    op.drop_index(INDEX, "voice_sessions")
    op.drop_column("voice_sessions", "owner")
