"""The store as a whole: ready or not, and what a dead gateway left behind."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import AsyncAdaptedQueuePool

from bridge.ledger import Invocation, Status, finished, started
from gateway.store import migrate
from gateway.store.rows import EventRow, InjectionRow, SessionRow
from gateway.store.store import Store
from services.base.ids import new_id
from tests.gateway.store.samples import later, until_ready, whole

WAIT_S = 30.0


async def test_a_database_that_was_not_migrated_is_not_ready(empty_database_url: str) -> None:
    async with Store.open(empty_database_url, "gateway-1") as store:
        await until_ready(store.ready, "antiphon migrate")
        await migrate.upgrade(empty_database_url)
        await until_ready(store.ready)


async def test_rows_wait_until_the_database_is_migrated(empty_database_url: str) -> None:
    session = SessionRow(session_id=new_id())
    async with Store.open(empty_database_url, "gateway-1") as store:
        store.outbox.put(session)
        assert not await store.outbox.flush(0.2)
        await migrate.upgrade(empty_database_url)
        assert await store.outbox.flush(WAIT_S)
        assert await store.queries.session(session.session_id) is not None


async def test_what_a_dead_gateway_left_open_is_closed(
    database_url: str, invocation: Callable[..., Invocation]
) -> None:
    running, asked, over = invocation(), invocation(status=Status.AWAITING_APPROVAL), new_id()
    elsewhere = new_id()
    async with Store.open(database_url, "gateway-1", ledger_limit=WAIT_S) as dying:
        for session_id in (running.session_id, asked.session_id):
            dying.outbox.put(SessionRow(session_id=session_id, node="gateway-1", started_at=later(0)))
        dying.outbox.put(
            SessionRow(
                session_id=over, node="gateway-1", is_active=False, ended_at=later(5), end_reason="client"
            )
        )
        dying.outbox.put(SessionRow(session_id=elsewhere, node="gateway-2"))
        for seq in (1, 2):
            dying.outbox.put(
                EventRow(
                    session_id=running.session_id,
                    seq=seq,
                    at=later(seq),
                    at_samples=seq,
                    kind="x",
                    payload={},
                )
            )
        for state in ("waiting", "speaking", "spoken"):
            dying.outbox.put(
                InjectionRow(
                    injection_id=new_id(), session_id=asked.session_id, source="say", text="t", state=state
                )
            )
        assert await dying.outbox.flush(WAIT_S)
        await dying.ledger.request(running)
        await dying.ledger.advance(started(running, later(1)))
        await dying.ledger.request(asked)

    async with Store.open(database_url, "gateway-1", ledger_limit=WAIT_S) as store:
        assert set(await store.close_orphans()) == {running.session_id, asked.session_id}
        first = await whole(store.queries, running.session_id)
        second = await whole(store.queries, asked.session_id)
        assert (first["is_active"], first["end_reason"]) == (False, "gateway_lost")
        assert (first["ended_at"], second["ended_at"]) == (later(2).isoformat(), later(0).isoformat())
        assert [deed["status"] for deed in first["tool_invocations"]] == ["unknown"]
        assert [deed["status"] for deed in second["tool_invocations"]] == ["cancelled"]
        assert [text["state"] for text in second["injections"]] == ["dropped", "cut", "spoken"]

        other = await whole(store.queries, over)
        assert (other["end_reason"], other["ended_at"]) == ("client", later(5).isoformat())
        living = await whole(store.queries, elsewhere)
        assert living["is_active"]
        assert await store.close_orphans() == []


async def test_however_long_is_read_deeds_are_written_down(
    database_url: str, invocation: Callable[..., Invocation]
) -> None:
    deed = invocation()
    async with Store.open(database_url, "gateway-1", ledger_limit=WAIT_S) as store:
        pool = store.readers.pool
        assert isinstance(pool, AsyncAdaptedQueuePool)
        async with AsyncExitStack() as reading:
            for _ in range(pool.size()):
                await reading.enter_async_context(store.readers.connect())
            assert await store.ledger.request(deed) == deed


async def test_what_is_shown_takes_no_connection_of_the_calls(database_url: str) -> None:
    taken: list[object] = []
    async with Store.open(database_url, "gateway-1") as store:
        event.listen(store.engine.sync_engine, "engine_connect", taken.append)
        assert await store.queries.session(new_id()) is None
        assert (await store.totals()).sessions == 0
        assert taken == []
        await store.ready()
        assert taken != []


READY = """
import asyncio, sys
from gateway.store.store import Store

async def main():
    async with Store.open(sys.argv[1], "gateway-1") as store:
        print(await store.ready(), "alembic" in sys.modules)

asyncio.run(main())
"""


async def test_to_be_ready_it_need_not_load_what_migrates(database_url: str) -> None:
    """A start waits for that answer, and calls wait while something is loaded."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", READY, database_url, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    assert said == b"None False\n"


async def test_a_session_known_by_its_deed_alone_is_closed_too(
    database_url: str, invocation: Callable[..., Invocation]
) -> None:
    deed = invocation()
    async with Store.open(database_url, "gateway-1", ledger_limit=WAIT_S) as dying:
        await dying.ledger.request(deed)
    async with Store.open(database_url, "gateway-1", ledger_limit=WAIT_S) as store:
        assert await store.close_orphans() == [deed.session_id]


async def test_of_what_a_dead_gateway_left_open_that_is_told_whose_end_may_be_found_out(
    database_url: str, invocation: Callable[..., Invocation]
) -> None:
    now = datetime.now(UTC)
    lost = {"code": "orchestrator_timeout", "message": ""}

    def deed(**changed: Any) -> Invocation:
        return invocation(**({"requested_at": now, "risk": "write"} | changed))

    def ended(status: Status, after: timedelta = timedelta(), **how: Any) -> Invocation:
        return finished(started(deed(), now - after), status, now - after, **how)

    running, idempotent = started(deed(), now), started(deed(idempotent=True), now)
    to_be_sent = deed(idempotent=True, request={"message": "x"}, amends=new_id())
    given_up = ended(Status.UNKNOWN, error=lost)
    others = [
        deed(),
        deed(idempotent=True, status=Status.AWAITING_APPROVAL),
        deed(idempotent=True, risk="dangerous"),
        deed(idempotent=True, approval={"question": "Shall I?", "answer": None}),
        deed(idempotent=True, requested_at=now - timedelta(minutes=5)),
        ended(Status.SUCCESS, result={"response_text": "x"}),
        ended(Status.UNKNOWN, timedelta(hours=1), error=lost),
        ended(Status.UNKNOWN, result={"response_text": "in doubt"}),
    ]
    async with Store.open(database_url, "gateway-1", ledger_limit=WAIT_S) as dying:
        for row in (running, idempotent, to_be_sent, given_up, *others):
            await dying.ledger.request(row)
    async with Store.open(database_url, "gateway-2", ledger_limit=WAIT_S) as elsewhere:
        await elsewhere.ledger.request(started(deed(), now))

    async with Store.open(database_url, "gateway-1", ledger_limit=WAIT_S) as store:
        await store.close_orphans()
        told = {row.invocation_id: row for row in await store.unfinished()}
    assert set(told) == {row.invocation_id for row in (running, idempotent, to_be_sent, given_up)}
    assert told[to_be_sent.invocation_id] == to_be_sent
    assert told[given_up.invocation_id] == given_up
    for row in (running, idempotent):
        found = told[row.invocation_id]
        assert (found.status, found.error and found.error["code"]) == (Status.UNKNOWN, "gateway_lost")
