"""The tables refuse what the contracts don't allow, and go with their session."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
from sqlalchemy import Table, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.ledger import Invocation, Status
from gateway.store import tables
from gateway.store.ledger import PostgresLedger
from gateway.store.outbox import Outbox
from gateway.store.rows import (
    BargeInRow,
    EngineChangeRow,
    EventRow,
    InjectionRow,
    LatencyRow,
    SessionRow,
    TurnRow,
)
from services.base.ids import new_id
from tests.gateway.store.samples import START, Read

WAIT_S = 30.0
SESSION, TURN = new_id(), new_id()

ROWS: dict[Table, dict[str, Any]] = {
    tables.voice_sessions: {"session_id": SESSION},
    tables.voice_turns: {"turn_id": TURN, "session_id": SESSION, "speaker": "user"},
    tables.voice_tool_invocations: {
        "invocation_id": new_id(),
        "session_id": SESSION,
        "idempotency_key": "k",
        "agent": "a",
        "action": "b",
        "arguments": {},
        "risk": "read",
        "status": "requested",
        "requested_at": START,
    },
    tables.voice_injections: {
        "injection_id": new_id(),
        "session_id": SESSION,
        "source": "say",
        "text": "t",
        "state": "waiting",
    },
    tables.voice_barge_in_events: {
        "event_id": new_id(),
        "session_id": SESSION,
        "timestamp": START,
        "kind": "echo",
    },
    tables.voice_latencies: {
        "latency_id": new_id(),
        "session_id": SESSION,
        "span": "turn",
        "ms": 1.0,
        "at": START,
    },
}
LISTS: list[tuple[Table, str, Any]] = [
    (tables.voice_sessions, "mode", tables.Mode),
    (tables.voice_sessions, "input_mode", tables.InputMode),
    (tables.voice_turns, "speaker", tables.Speaker),
    (tables.voice_turns, "heard_basis", tables.HeardBasis),
    (tables.voice_tool_invocations, "risk", tables.Risk),
    (tables.voice_tool_invocations, "status", tables.InvocationStatus),
    (tables.voice_injections, "source", tables.InjectionSource),
    (tables.voice_injections, "state", tables.InjectionState),
    (tables.voice_barge_in_events, "kind", tables.BargeInKind),
    (tables.voice_latencies, "span", tables.Span),
]


@pytest.mark.parametrize(("table", "column", "values"), LISTS, ids=[f"{t.name}.{c}" for t, c, _ in LISTS])
async def test_a_value_is_taken_when_it_is_in_the_list_and_refused_when_not(
    engine: AsyncEngine, table: Table, column: str, values: Any
) -> None:
    async with engine.connect() as connection:
        for value in (*get_args(values), "Nonsense"):
            async with connection.begin() as attempt:
                if table is not tables.voice_sessions:
                    await connection.execute(insert(tables.voice_sessions).values(session_id=SESSION))
                write = connection.execute(insert(table).values(ROWS[table] | {column: value}))
                if value == "Nonsense":
                    with pytest.raises(IntegrityError, match=f"ck_{table.name}_{column}"):
                        await write
                else:
                    await write
                await attempt.rollback()


def test_the_ledger_and_the_table_know_the_same_states() -> None:
    assert set(get_args(tables.InvocationStatus)) == set(Status)


async def test_nothing_of_a_session_outlives_it(
    engine: AsyncEngine, outbox: Outbox, read: Read, invocation: Callable[..., Invocation]
) -> None:
    deed = invocation()
    ids: dict[str, Any] = {"session_id": deed.session_id, "turn_id": deed.turn_id}
    await PostgresLedger(engine, "node", limit=WAIT_S).request(deed)
    for row in (
        SessionRow(session_id=deed.session_id),
        TurnRow(**ids, speaker="user"),
        InjectionRow(
            **ids,
            injection_id=new_id(),
            source="tool",
            text="t",
            state="spoken",
            invocation_id=deed.invocation_id,
        ),
        BargeInRow(**ids, event_id=new_id(), timestamp=START, kind="echo"),
        LatencyRow(**ids, latency_id=new_id(), span="tool", ms=1.0, at=START),
        EngineChangeRow(
            session_id=deed.session_id,
            change_id=new_id(),
            from_engine=None,
            to_engine="local",
            reason="start",
            gap_ms=None,
            at=START,
        ),
        EventRow(session_id=deed.session_id, seq=1, at=START, at_samples=0, kind="x", payload={}),
    ):
        outbox.put(row)
    assert await outbox.flush(WAIT_S)
    for table in tables.metadata.tables.values():
        assert len(await read(select(table))) == 1, table.name

    async with engine.begin() as connection:
        await connection.execute(delete(tables.voice_sessions))
    for table in tables.metadata.tables.values():
        assert await read(select(table)) == [], table.name
