"""Sample rows for tests of the gateway."""

from datetime import UTC, datetime

from bridge.events import Utterance
from bridge.ledger import Invocation, Status
from services.base.ids import new_id


def finished_invocation(utterance: Utterance) -> Invocation:
    """A clock that told the time."""
    now = datetime.now(UTC)
    return Invocation(
        invocation_id=new_id(),
        session_id=utterance.session_id,
        turn_id=utterance.turn_id,
        idempotency_key=str(utterance.turn_id),
        agent="clock",
        action="tell_time",
        arguments={"place": "Tokyo"},
        risk="read",
        status=Status.SUCCESS,
        requested_at=now,
        started_at=now,
        completed_at=now,
        latency_ms=1.5,
        result={"response_text": "It is noon."},
    )
