"""What all calls came to, and how long things took lately."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.ledger import Invocation, Status, finished, started
from gateway.store.ledger import PostgresLedger
from gateway.store.outbox import Outbox
from gateway.store.rows import LatencyRow, SessionRow, TurnRow
from gateway.store.tables import Span
from gateway.store.totals import Latency, totals
from services.base.ids import new_id

WAIT_S = 30.0


def latency(session_id: UUID, span: Span, ms: float, ago: timedelta) -> LatencyRow:
    at = datetime.now(UTC) - ago
    return LatencyRow(latency_id=new_id(), session_id=session_id, turn_id=None, span=span, ms=ms, at=at)


async def test_without_a_call_all_is_nothing(engine: AsyncEngine) -> None:
    found = await totals(engine)
    assert (found.sessions, found.turns, found.tools, found.tool_failures) == (0, 0, 0, 0)
    assert found.hour == found.day == ()


async def test_calls_turns_and_tools_are_counted_and_so_are_failures(
    engine: AsyncEngine, outbox: Outbox, invocation: Callable[..., Invocation]
) -> None:
    session_id, turn_id = new_id(), new_id()
    outbox.put(SessionRow(session_id=session_id, started_at=datetime.now(UTC)))
    outbox.put(SessionRow(session_id=new_id(), started_at=datetime.now(UTC), is_active=False))
    outbox.put(TurnRow(turn_id=turn_id, session_id=session_id, speaker="user"))
    assert await outbox.flush(WAIT_S)
    ledger = PostgresLedger(engine, "here", WAIT_S)
    for nth, status in enumerate((Status.SUCCESS, Status.ERROR, Status.CANCELLED)):
        row = invocation(session_id=session_id, turn_id=turn_id, idempotency_key=f"key {nth}")
        await ledger.request(row)
        at = row.requested_at
        await ledger.advance(finished(started(row, at), status, at, {}, {}))
    found = await totals(engine)
    assert (found.sessions, found.turns, found.tools, found.tool_failures) == (2, 1, 3, 1)


async def test_percentiles_are_of_the_last_hour_and_of_the_last_day(
    engine: AsyncEngine, outbox: Outbox
) -> None:
    session_id = new_id()
    outbox.put(SessionRow(session_id=session_id, started_at=datetime.now(UTC)))
    for ms in (100.0, 200.0, 300.0):
        outbox.put(latency(session_id, "turn", ms, timedelta(minutes=5)))
    outbox.put(latency(session_id, "turn", 1000.0, timedelta(hours=5)))
    outbox.put(latency(session_id, "tool", 7.0, timedelta(hours=5)))
    outbox.put(latency(session_id, "tool", 9000.0, timedelta(days=2)))
    assert await outbox.flush(WAIT_S)
    found = await totals(engine)
    assert [rounded(each) for each in found.hour] == [Latency("turn", 3, 200.0, 290.0)]
    assert [rounded(each) for each in found.day] == [
        Latency("tool", 1, 7.0, 7.0),
        Latency("turn", 4, 250.0, 895.0),
    ]


def rounded(latency: Latency) -> Latency:
    return replace(latency, p50=round(latency.p50, 3), p95=round(latency.p95, 3))
