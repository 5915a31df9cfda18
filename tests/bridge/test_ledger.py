"""The rules of a row."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from bridge.ledger import FINISHED, Invocation, Status, finished, key_of, started

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TURN = UUID(int=7)
ROW = Invocation(
    invocation_id=UUID(int=1),
    session_id=UUID(int=2),
    turn_id=TURN,
    idempotency_key=key_of("talk", TURN),
    agent="time",
    action="clock",
    arguments={"place": "Tokyo"},
    risk="read",
    status=Status.REQUESTED,
    requested_at=NOON,
)


def test_a_turn_repeated_has_the_same_key_and_no_other_turn_has_it() -> None:
    assert key_of("talk", TURN) == key_of("talk", UUID(int=7))
    assert key_of("talk", TURN) != key_of("talk", UUID(int=8))
    assert key_of("talk", TURN) != key_of("another talk", TURN)


def test_a_key_is_safe_in_a_path_whatever_the_conversation_is_called() -> None:
    assert key_of("../../etc/passwd?x=ü" * 50, TURN).replace("-", "").isalnum()


def test_latency_counts_from_the_start_to_the_end() -> None:
    row = started(ROW, NOON + timedelta(seconds=1))
    done = finished(row, Status.SUCCESS, NOON + timedelta(seconds=3), result={"data": 1})
    assert (done.status, done.latency_ms, done.result) == (Status.SUCCESS, 2000.0, {"data": 1})


def test_a_deed_that_never_started_has_no_latency() -> None:
    done = finished(ROW, Status.DENIED, NOON, error={"code": "approval_needed", "message": ""})
    assert (done.started_at, done.latency_ms) == (None, None)


@pytest.mark.parametrize("status", sorted(FINISHED))
def test_what_is_over_stays_over(status: Status) -> None:
    over = replace(ROW, status=status)
    with pytest.raises(ValueError, match=f"is {status}"):
        started(over, NOON)
    with pytest.raises(ValueError, match=f"is {status}"):
        finished(over, Status.SUCCESS, NOON)


def test_a_running_deed_does_not_start_again_and_running_is_no_end() -> None:
    row = started(ROW, NOON)
    with pytest.raises(ValueError, match="cannot start"):
        started(row, NOON)
    with pytest.raises(ValueError, match="cannot become running"):
        finished(row, Status.RUNNING, NOON)
