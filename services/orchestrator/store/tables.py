"""The orchestrator's own tables. They stand in the gateway's database, and no row of either names the other's by key.

Deleting a call does not delete what was asked for in it: a reminder outlives its call.
"""

from sqlalchemy import ColumnElement, Double, Index, Integer, MetaData, Table, Uuid, text

from services.base.clean import Words
from services.base.columns import AT, NAMES, column, key, needed, one_of
from services.orchestrator.store.rows import Kind, TimerState
from services.orchestrator.whose import Whose

metadata = MetaData(naming_convention=NAMES)

voice_timers = Table(
    "voice_timers",
    metadata,
    key("timer_id", "orchestrator"),
    needed("kind", Words(), "What it is"),
    column("label", Words(), "What it is for, as it is told to the user; NULL for a timer without a name"),
    column("duration_s", Double(), "Seconds that were asked for; NULL where a moment was named"),
    needed("due_at", AT, "When it is to be said"),
    column("timezone", Words(), "IANA name of the zone in which its time is told"),
    needed("state", Words(), "How far it got; missed: for a day there was no call to say it in"),
    needed("made_at", AT, "When it was asked for", server_default=text("now()")),
    column("ended_at", AT, "When it was said, cancelled or given up"),
    column("owner", Words(), "Name of the API key under which it was asked for; NULL: the house's"),
    column("user_id", Words(), "Whose it is; NULL: of whoever calls without a name"),
    column("conversation_id", Words(), "The conversation in which it was asked for"),
    column("session_id", Uuid(), "The call in which it was asked for"),
    needed("idempotency_key", Words(), "Of the wish: a repetition finds this row", unique=True),
    column("cancelled_by", Words(), "Idempotency key of the wish that cancelled it"),
    needed("attempt", Integer(), "How often it was taken up to be said", server_default=text("0")),
    column("said_in", Uuid(), "The call in which it is said, or was said last"),
    column("injection_id", Uuid(), "The text there that says it, in voice_injections"),
    one_of("kind", Kind),
    one_of("state", TimerState),
    Index(None, "state", "due_at"),
    Index(None, "owner", "user_id"),
    comment="A timer or a reminder, which the agent says by itself when it is due",
)

voice_notes = Table(
    "voice_notes",
    metadata,
    key("note_id", "orchestrator"),
    needed("text", Words(), "What was noted; empty once it is deleted"),
    needed("made_at", AT, "When it was noted", server_default=text("now()")),
    column("deleted_at", AT, "When it was deleted; only the keys stay, so that a repeated wish finds them"),
    column("owner", Words(), "Name of the API key under which it was asked for; NULL: the house's"),
    column("user_id", Words(), "Whose it is; NULL: of whoever calls without a name"),
    column("conversation_id", Words(), "The conversation in which it was noted"),
    column("session_id", Uuid(), "The call in which it was noted"),
    needed("idempotency_key", Words(), "Of the wish: a repetition finds this row", unique=True),
    column("deleted_by", Words(), "Idempotency key of the wish that deleted it"),
    Index(None, "owner", "user_id", "made_at"),
    comment="Something that the user wanted to be remembered",
)


def of(whose: Whose, table: Table) -> ColumnElement[bool]:
    """Whether a row of `table` is theirs; `== None` becomes IS NULL, which an index can answer."""
    return (table.c.owner == whose.owner) & (table.c.user_id == whose.user_id)
