"""Under which key timers and notes were asked for, and which calls are the house's; timers and notes of before are."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OWNER = "Name of the API key under which it was asked for; NULL: the house's"
OF_HOUSE = "Whether an operator made it, or whoever sits at the machine: they share timers and notes"


def upgrade() -> None:
    op.add_column(
        "voice_sessions",
        sa.Column(
            "of_house", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment=OF_HOUSE
        ),
    )
    op.execute("UPDATE voice_sessions SET of_house = true WHERE owner = 'local'")
    op.add_column("voice_timers", sa.Column("owner", sa.Text(), comment=OWNER))
    op.drop_index("ix_voice_timers_user_id", "voice_timers")
    op.create_index("ix_voice_timers_owner_user_id", "voice_timers", ["owner", "user_id"])
    op.add_column("voice_notes", sa.Column("owner", sa.Text(), comment=OWNER))
    op.drop_index("ix_voice_notes_user_id_made_at", "voice_notes")
    op.create_index("ix_voice_notes_owner_user_id_made_at", "voice_notes", ["owner", "user_id", "made_at"])


def downgrade() -> None:
    op.drop_index("ix_voice_notes_owner_user_id_made_at", "voice_notes")
    op.create_index("ix_voice_notes_user_id_made_at", "voice_notes", ["user_id", "made_at"])
    op.drop_column("voice_notes", "owner")
    op.drop_index("ix_voice_timers_owner_user_id", "voice_timers")
    op.create_index("ix_voice_timers_user_id", "voice_timers", ["user_id"])
    op.drop_column("voice_timers", "owner")
    op.drop_column("voice_sessions", "of_house")
