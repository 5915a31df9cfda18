"""Rows put into the outbox end in Postgres once, in order, and don't stand in each other's way."""

import asyncio
import logging
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store import tables
from gateway.store.outbox import BATCH, Outbox
from gateway.store.rows import (
    BargeInRow,
    EngineChangeRow,
    EventRow,
    InjectionRow,
    LatencyRow,
    Row,
    SessionRow,
    TurnRow,
)
from services.base.ids import new_id
from tests.gateway.store.samples import START, Read, later

WAIT_S = 30.0


def event(session: SessionRow, seq: int, kind: str = "tick") -> EventRow:
    return EventRow(
        session_id=session.session_id,
        seq=seq,
        at=later(seq),
        at_samples=24_000 * seq,
        kind=kind,
        payload={"n": seq},
    )


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"antiphon_outbox_{name}_total", labels) or 0.0


def events_of(session: SessionRow) -> Select[Any]:
    e = tables.voice_events.c
    return select(e.seq, e.kind).where(e.session_id == session.session_id).order_by(e.seq)


async def test_a_row_of_every_table_comes_back_as_it_was_put(outbox: Outbox, read: Read) -> None:
    session, turn = new_id(), new_id()
    put: list[Row] = [
        SessionRow(
            session_id=session,
            conversation_id="c1",
            mode="local",
            input_mode="duplex",
            persona="myca",
            voice_prompt="NATF2",
            language="en",
            client="page",
            user_id=None,
            owner="ann",
            of_house=True,
            node="gateway-1",
            started_at=START,
            ended_at=later(60),
            is_active=False,
            end_reason="client",
            fallback_reason=None,
            allow_recording=True,
            metadata={"from": "test"},
        ),
        TurnRow(
            turn_id=turn,
            session_id=session,
            speaker="agent",
            seq=1,
            text="It is noon.",
            heard_text="It is",
            heard_basis="synthesizer",
            words=[{"text": "It", "start": 0, "end": 2_400}],
            start_samples=24_000,
            end_samples=48_000,
            started_at=later(1),
            ended_at=later(2),
            engine="local",
            intent=None,
            intent_confidence=None,
            interrupted=True,
            metadata={},
        ),
        InjectionRow(
            injection_id=new_id(),
            session_id=session,
            source="say",
            text="Hello",
            state="cut",
            turn_id=turn,
            idempotency_key="wish 1",
            invocation_id=None,
            said="Hel",
            unsaid="lo",
            heard_ms=80.5,
            how="synthesizer",
            created_at=START,
            started_at=later(1),
            ended_at=later(2),
        ),
        BargeInRow(
            event_id=new_id(),
            session_id=session,
            timestamp=later(2),
            kind="barge_in",
            turn_id=turn,
            cancelled_text="noon.",
            heard_ms=1_000.0,
            stop_ms=140.0,
        ),
        EngineChangeRow(
            change_id=new_id(),
            session_id=session,
            from_engine="personaplex",
            to_engine="local",
            reason="lost",
            gap_ms=300.0,
            at=later(3),
        ),
        LatencyRow(latency_id=new_id(), session_id=session, turn_id=turn, span="turn", ms=420.5, at=later(1)),
        EventRow(
            session_id=session,
            seq=1,
            at=later(1),
            at_samples=24_000,
            kind="agent_started",
            payload={"text": "ā"},
        ),
    ]
    for row in put:
        outbox.put(row)
    assert await outbox.flush(WAIT_S)

    for row in put:
        [found] = await read(select(row.TABLE))
        duration = found.pop("duration_ms", None)
        assert found == {name: getattr(row, name) for name in found}
        assert duration == (1_000.0 if isinstance(row, TurnRow) else None)


async def test_what_a_later_row_leaves_open_stays_as_it_was(outbox: Outbox, read: Read) -> None:
    session, turn = new_id(), new_id()
    outbox.put(SessionRow(session_id=session, mode="local", persona="myca", metadata={"a": 1}))
    outbox.put(TurnRow(turn_id=turn, session_id=session, speaker="user", seq=1, start_samples=10))
    assert await outbox.flush(WAIT_S)
    outbox.put(TurnRow(turn_id=turn, session_id=session, speaker="user", text="hello", end_samples=2_410))
    outbox.put(TurnRow(turn_id=turn, session_id=session, speaker="user", intent="chitchat"))
    outbox.put(SessionRow(session_id=session, persona=None, is_active=False))  # type: ignore[arg-type]
    assert await outbox.flush(WAIT_S)

    [found] = await read(select(tables.voice_turns))
    assert (found["seq"], found["start_samples"], found["text"]) == (1, 10, "hello")
    assert (found["duration_ms"], found["intent"]) == (100.0, "chitchat")
    [found] = await read(select(tables.voice_sessions))
    assert (found["mode"], found["persona"], found["is_active"]) == ("local", None, False)
    assert found["metadata"] == {"a": 1}


async def test_the_last_of_many_rows_of_one_key_wins(outbox: Outbox, read: Read) -> None:
    session = SessionRow(session_id=new_id())
    turn = new_id()
    outbox.put(session)
    for n in range(2 * BATCH + 7):
        outbox.put(TurnRow(turn_id=turn, session_id=session.session_id, speaker="user", text=str(n)))
    assert await outbox.flush(WAIT_S)
    assert [row["text"] for row in await read(select(tables.voice_turns))] == [str(2 * BATCH + 6)]


async def test_an_event_is_never_written_over(outbox: Outbox, read: Read) -> None:
    session = SessionRow(session_id=new_id())
    for row in (session, event(session, 1, "first"), event(session, 1, "second")):
        outbox.put(row)
    assert await outbox.flush(WAIT_S)
    assert await read(events_of(session)) == [{"seq": 1, "kind": "first"}]


async def test_a_parent_put_in_the_same_moment_goes_first(outbox: Outbox, read: Read) -> None:
    session, turn = SessionRow(session_id=new_id()), new_id()
    outbox.put(event(session, 1))
    outbox.put(
        LatencyRow(
            latency_id=new_id(), session_id=session.session_id, turn_id=turn, span="intent", ms=1.0, at=START
        )
    )
    outbox.put(TurnRow(turn_id=turn, session_id=session.session_id, speaker="user"))
    outbox.put(session)
    assert await outbox.flush(WAIT_S)
    assert len(await read(events_of(session))) == 1
    assert len(await read(select(tables.voice_latencies))) == 1


async def test_a_row_with_a_fault_is_set_apart_and_the_others_are_written(
    outbox: Outbox, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    session, unknown, turn = SessionRow(session_id=new_id()), SessionRow(session_id=new_id()), new_id()
    faults: list[tuple[Row, str]] = [
        (SessionRow(session_id=new_id(), mode="telepathy"), "23514"),  # type: ignore[arg-type]
        (event(unknown, 1), "23503"),
        (TurnRow(turn_id=turn, session_id=session.session_id, speaker="user", seq="one"), "22000"),  # type: ignore[arg-type]
        (SessionRow(session_id=new_id(), metadata={"x": object()}), "StatementError"),
    ]
    before = [counted("failed", table=row.TABLE.name, code=code) for row, code in faults]
    outbox.put(session)
    for n, (row, _) in enumerate(faults):
        outbox.put(event(session, 2 * n))
        outbox.put(row)
        outbox.put(event(session, 2 * n + 1))
    assert await outbox.flush(WAIT_S)

    assert [row["seq"] for row in await read(events_of(session))] == list(range(2 * len(faults)))
    after = [counted("failed", table=row.TABLE.name, code=code) for row, code in faults]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1.0] * len(faults)
    said = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert {(record.table, record.code) for record in said} == {(r.TABLE.name, code) for r, code in faults}  # type: ignore[attr-defined]
    assert not any("telepathy" in record.getMessage() for record in said)


async def test_when_full_new_events_are_dropped_and_counted_and_said_once(
    engine: AsyncEngine, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    session = SessionRow(session_id=new_id())
    before = counted("dropped", table="voice_events")
    async with Outbox(engine, limit=10) as outbox:
        outbox.put(session)
        for seq in range(1, 15):  # The writer has no turn before we await.
            outbox.put(event(session, seq))
        assert (outbox.depth, outbox.full) == (10, True)
    assert [row["seq"] for row in await read(events_of(session))] == list(range(1, 10))
    assert counted("dropped", table="voice_events") - before == 5
    assert [record.getMessage() for record in caplog.records] == ["outbox full, rows are dropped"]


async def test_when_full_a_turn_takes_the_place_of_the_newest_event(engine: AsyncEngine, read: Read) -> None:
    session = SessionRow(session_id=new_id())
    before = counted("dropped", table="voice_events")
    async with Outbox(engine, limit=10) as outbox:
        outbox.put(session)
        for seq in range(1, 10):
            outbox.put(event(session, seq))
        for _ in range(3):
            outbox.put(TurnRow(turn_id=new_id(), session_id=session.session_id, speaker="user"))
        assert outbox.depth == 10
    assert [row["seq"] for row in await read(events_of(session))] == list(range(1, 7))
    assert len(await read(select(tables.voice_turns))) == 3
    assert counted("dropped", table="voice_events") - before == 3


async def test_when_full_of_calls_alone_the_new_row_is_dropped_and_counted(
    engine: AsyncEngine, read: Read
) -> None:
    before = counted("dropped", table="voice_sessions")
    async with Outbox(engine, limit=10) as outbox:
        for _ in range(12):
            outbox.put(SessionRow(session_id=new_id()))
    assert await read(select(func.count().label("n")).select_from(tables.voice_sessions)) == [{"n": 10}]
    assert counted("dropped", table="voice_sessions") - before == 2


async def test_an_overflow_after_the_outbox_was_empty_is_said_again(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    async with Outbox(engine, limit=2) as outbox:
        for _ in range(2):
            for _ in range(5):
                outbox.put(SessionRow(session_id=new_id()))
            assert await outbox.flush(WAIT_S)
    assert len(caplog.records) == 2


async def test_closing_writes_what_waits(engine: AsyncEngine, read: Read) -> None:
    session = SessionRow(session_id=new_id())
    async with Outbox(engine) as outbox:
        outbox.put(session)
        for seq in range(3 * BATCH):
            outbox.put(event(session, seq))
    assert len(await read(events_of(session))) == 3 * BATCH
    assert await outbox.close() == 0


async def test_closing_waits_no_longer_than_told_and_says_what_is_lost(
    engine: AsyncEngine, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    async with engine.begin() as locker:
        await locker.exec_driver_sql("LOCK TABLE voice_sessions")
        async with Outbox(engine) as outbox:
            outbox.put(SessionRow(session_id=new_id()))
            async with asyncio.timeout(WAIT_S):
                assert not await outbox.flush(0.01)
                assert await outbox.close(0.01) == 1
    assert "outbox closed with rows unwritten" in [record.getMessage() for record in caplog.records]
    assert await read(select(tables.voice_sessions)) == []
