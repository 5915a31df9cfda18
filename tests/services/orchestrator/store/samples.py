"""Timers and notes of one house."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.base.ids import new_id
from services.orchestrator.store.rows import Note, Timer
from services.orchestrator.whose import Whose

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CALL = new_id()
WAIT_S = 30.0
"""What Postgres may take in tests: on a loaded machine it has been away for seconds."""
HOUSE = Whose()
"""Whoever calls the house without a name."""


def timer(minutes: float = 10, **changed: Any) -> Timer:
    """A timer that is due so long after noon."""
    fields: dict[str, Any] = {
        "timer_id": new_id(),
        "kind": "timer",
        "label": None,
        "duration_s": 60.0 * minutes,
        "due_at": NOON + timedelta(minutes=minutes),
        "timezone": "Europe/Berlin",
        "idempotency_key": str(new_id()),
        "conversation_id": "talk",
        "session_id": CALL,
    }
    return Timer(**fields | changed)


def note(text: str, **changed: Any) -> Note:
    fields: dict[str, Any] = {
        "note_id": new_id(),
        "text": text,
        "made_at": NOON,
        "idempotency_key": str(new_id()),
        "conversation_id": "talk",
        "session_id": CALL,
    }
    return Note(**fields | changed)
