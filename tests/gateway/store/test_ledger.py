"""The ledger's promise: what has returned is committed, and one spoken intent has one row."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.ledger import Invocation, LedgerAway, LedgerStore, Status, amended, finished, started
from gateway.store import tables
from gateway.store.ledger import PostgresLedger
from gateway.store.outbox import Outbox
from gateway.store.rows import SessionRow, TurnRow
from services.base.ids import new_id
from tests.gateway.store.samples import START, Read, later

Make = Callable[..., Invocation]
WAIT_S = 30.0


@pytest.fixture
def ledger(engine: AsyncEngine) -> LedgerStore:
    return PostgresLedger(engine, "gateway-1", limit=WAIT_S)


def stored() -> Any:
    return select(tables.voice_tool_invocations)


async def test_a_request_is_written_whole(ledger: LedgerStore, read: Read, invocation: Make) -> None:
    row = invocation()
    assert await ledger.request(row) == row
    assert await read(stored()) == [asdict(row)]


async def test_the_same_key_again_gets_the_row_that_stands(
    ledger: LedgerStore, read: Read, invocation: Make
) -> None:
    first = invocation()
    again = replace(first, invocation_id=new_id(), arguments={"place": "Kyōto"}, requested_at=later(1))
    await ledger.request(first)
    running = started(first, later(2))
    await ledger.advance(running)

    assert await ledger.request(again) == running
    assert len(await read(stored())) == 1


async def test_of_many_requests_at_once_under_one_key_one_is_written(
    ledger: LedgerStore, read: Read, invocation: Make
) -> None:
    first = invocation()
    rows = [replace(first, invocation_id=new_id()) for _ in range(8)]
    standing = await asyncio.gather(*(ledger.request(row) for row in rows))
    [written] = await read(stored())
    assert {row.invocation_id for row in standing} == {written["invocation_id"]}


async def test_a_deed_goes_all_its_way(ledger: LedgerStore, read: Read, invocation: Make) -> None:
    row = await ledger.request(invocation(status=Status.AWAITING_APPROVAL))
    row = started(row, later(1))
    await ledger.advance(row)
    row = finished(row, Status.SUCCESS, later(1.25), result={"time": "12:00"})
    await ledger.advance(row)
    assert await read(stored()) == [asdict(row)]
    assert row.latency_ms == 250.0


async def test_a_failed_deed_has_no_result_at_all(ledger: LedgerStore, read: Read, invocation: Make) -> None:
    row = await ledger.request(invocation())
    await ledger.advance(finished(row, Status.ERROR, later(1), error={"code": "x", "message": "y"}))
    t = tables.voice_tool_invocations.c
    assert await read(select(t.result.is_(None).label("null"), t.error)) == [
        {"null": True, "error": {"code": "x", "message": "y"}}
    ]


async def test_a_deed_may_come_before_its_session_and_turn_which_then_fill_in(
    ledger: LedgerStore, outbox: Outbox, read: Read, invocation: Make
) -> None:
    row = await ledger.request(invocation())
    [session] = await read(select(tables.voice_sessions))
    assert (session["node"], session["mode"], session["is_active"]) == ("gateway-1", None, True)

    outbox.put(SessionRow(session_id=row.session_id, mode="local", node="gateway-1", started_at=START))
    outbox.put(
        TurnRow(turn_id=row.turn_id, session_id=row.session_id, speaker="user", seq=1, text="what time")
    )
    assert await outbox.flush(WAIT_S)
    [session] = await read(select(tables.voice_sessions))
    [turn] = await read(select(tables.voice_turns))
    assert (session["mode"], session["started_at"]) == ("local", START)
    assert (turn["seq"], turn["text"]) == (1, "what time")


async def test_a_deed_leaves_the_rows_of_its_session_and_turn_as_they_are(
    ledger: LedgerStore, outbox: Outbox, read: Read, invocation: Make
) -> None:
    row = invocation()
    outbox.put(SessionRow(session_id=row.session_id, mode="local", node="elsewhere", is_active=False))
    outbox.put(TurnRow(turn_id=row.turn_id, session_id=row.session_id, speaker="user", seq=7))
    assert await outbox.flush(WAIT_S)
    before = await read(select(tables.voice_sessions)), await read(select(tables.voice_turns))
    await ledger.request(row)
    assert (await read(select(tables.voice_sessions)), await read(select(tables.voice_turns))) == before


async def test_the_outbox_and_the_ledger_write_the_same_calls_at_once(
    ledger: LedgerStore, outbox: Outbox, read: Read, invocation: Make
) -> None:
    rows = [invocation() for _ in range(40)]
    for row in rows:
        outbox.put(SessionRow(session_id=row.session_id, mode="local"))
        outbox.put(TurnRow(turn_id=row.turn_id, session_id=row.session_id, speaker="user", seq=1))
    await asyncio.gather(outbox.flush(WAIT_S), *(ledger.request(row) for row in rows))
    assert len(await read(stored())) == 40
    assert {row["mode"] for row in await read(select(tables.voice_sessions))} == {"local"}


@pytest.mark.parametrize("was", [None, Status.REQUESTED])
async def test_advancing_what_was_never_requested_is_refused(
    ledger: LedgerStore, invocation: Make, was: Status | None
) -> None:
    with pytest.raises(LedgerAway, match="never requested"):
        await ledger.advance(invocation(), was)


async def test_a_row_that_is_still_requested_is_amended_whole(
    ledger: LedgerStore, read: Read, invocation: Make
) -> None:
    row = await ledger.request(invocation())
    row = amended(row, "shop", "order", {"item": "spawn", "bay": 2}, "write")
    assert await ledger.advance(row, Status.REQUESTED)
    assert await read(stored()) == [asdict(row)]


async def test_a_row_whose_deed_has_gone_out_is_not_amended(
    ledger: LedgerStore, read: Read, invocation: Make
) -> None:
    row = await ledger.request(invocation())
    running = started(row, later(1))
    assert await ledger.advance(running, Status.REQUESTED)
    late = amended(row, "shop", "order", {"item": "spawn", "bay": 2}, "write")
    assert not await ledger.advance(late, Status.REQUESTED)
    assert await read(stored()) == [asdict(running)]


async def test_of_all_who_start_and_amend_one_row_at_once_one_starts_it(
    ledger: LedgerStore, read: Read, invocation: Make
) -> None:
    row = await ledger.request(invocation())
    late = amended(row, "shop", "order", {"item": "spawn", "bay": 2}, "write")
    rows = [started(row, later(1)), late] * 4
    written = await asyncio.gather(*(ledger.advance(row, Status.REQUESTED) for row in rows))
    assert sum(won for row, won in zip(rows, written, strict=True) if row.status is Status.RUNNING) == 1
    # Whoever amends it after its start is turned away, so the row tells what ran.
    assert await read(stored()) == [asdict(rows[0])]


@pytest.mark.parametrize("fault", [{"risk": "mild"}, {"agent": None}])
async def test_a_row_that_cannot_be_written_is_not_acted_upon(
    ledger: LedgerStore, read: Read, invocation: Make, fault: dict[str, Any]
) -> None:
    with pytest.raises(LedgerAway, match="refused"):
        await ledger.request(invocation(**fault))
    assert await read(stored()) == []
    assert await read(select(tables.voice_sessions)) == []


async def test_a_ledger_that_does_not_answer_is_away_within_its_limit(
    engine: AsyncEngine, read: Read, invocation: Make
) -> None:
    ledger = PostgresLedger(engine, "gateway-1", limit=0.05)
    async with engine.begin() as locker:
        await locker.exec_driver_sql("LOCK TABLE voice_tool_invocations")
        async with asyncio.timeout(WAIT_S):
            with pytest.raises(LedgerAway, match=r"within 0\.05 s"):
                await ledger.request(invocation())
    assert await read(stored()) == []
