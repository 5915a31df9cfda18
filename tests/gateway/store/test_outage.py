"""Postgres is killed under the store's feet, and comes back."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select

from bridge.ledger import Invocation, LedgerAway
from gateway.cli.postgres import EmbeddedPostgres
from gateway.store import migrate, outbox, tables
from gateway.store.outbox import LIMIT, Outbox
from gateway.store.rows import EventRow, SessionRow
from gateway.store.store import Store
from services.base.database import StoreAway
from services.base.ids import new_id
from tests.gateway.store.samples import later, until_ready

WAIT_S = 60.0


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server of this test alone, durable as at home."""
    server = EmbeddedPostgres(tmp_path / "postgres", password="of one test")
    await server.start()
    await migrate.upgrade(server.url())
    yield server
    await server.stop()


async def kill(server: EmbeddedPostgres) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    async with asyncio.timeout(WAIT_S):
        await server.wait()


async def written(store: Store, session: SessionRow, after: int = -1) -> list[int]:
    log = await store.queries.events(session.session_id, after=after, limit=10_000)
    return [event["seq"] for event in json.loads(log)["events"]] if log else []


def put_events(to: Outbox, session: SessionRow, seqs: range) -> None:
    for seq in seqs:
        to.put(
            EventRow(
                session_id=session.session_id, seq=seq, at=later(0), at_samples=seq, kind="tick", payload={}
            )
        )


async def test_a_kill_in_mid_write_loses_nothing_and_doubles_nothing(server: EmbeddedPostgres) -> None:
    session = SessionRow(session_id=new_id())
    async with Store.open(server.url(), "node", ledger_limit=WAIT_S) as store:
        store.outbox.put(session)
        put_events(store.outbox, session, range(2_000))
        async with asyncio.timeout(WAIT_S):
            while not await written(store, session):
                pass  # Each look is a query, so the writer has its turns.
        await kill(server)
        put_events(store.outbox, session, range(2_000, 4_000))
        assert store.outbox.depth >= 2_000

        await server.start()
        assert await store.outbox.flush(WAIT_S)
        assert await written(store, session) == list(range(4_000))


async def test_an_outage_that_outlasts_the_outbox_leaves_one_gap_that_is_counted(
    server: EmbeddedPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    session = SessionRow(session_id=new_id())
    async with Store.open(server.url(), "node", ledger_limit=WAIT_S) as store:
        store.outbox.put(session)
        assert await store.outbox.flush(WAIT_S)
        await kill(server)
        before = outbox.DROPPED.labels("voice_events")._value.get()
        put_events(store.outbox, session, range(LIMIT + 2_000))
        assert store.outbox.depth == LIMIT
        assert outbox.DROPPED.labels("voice_events")._value.get() == before + 2_000
        assert [record.message for record in caplog.records].count("outbox full, rows are dropped") == 1

        await server.start()
        assert await store.outbox.flush(WAIT_S)
        put_events(store.outbox, session, range(LIMIT + 2_000, LIMIT + 2_010))
        assert await store.outbox.flush(WAIT_S)
        first, second = await written(store, session), await written(store, session, after=LIMIT - 1)
        assert first == list(range(LIMIT))
        assert second == list(range(LIMIT + 2_000, LIMIT + 2_010))


async def test_the_ledger_says_that_it_is_away_and_serves_again(
    server: EmbeddedPostgres, invocation: Callable[..., Invocation]
) -> None:
    row = invocation()
    async with Store.open(server.url(), "node", ledger_limit=WAIT_S) as store:
        await store.ledger.request(invocation())
        await kill(server)
        async with asyncio.timeout(WAIT_S):
            with pytest.raises(LedgerAway):
                await store.ledger.request(row)
        await server.start()
        assert await store.ledger.request(row) == row


async def test_an_outage_shows_in_readiness_and_in_queries(server: EmbeddedPostgres) -> None:
    async with Store.open(server.url(), "node", ledger_limit=WAIT_S) as store:
        await until_ready(store.ready)
        await kill(server)
        await until_ready(store.ready, "cannot be reached")
        with pytest.raises(StoreAway):
            await store.queries.list_sessions()
        await server.start()
        await until_ready(store.ready)


async def test_a_store_may_be_opened_before_its_database_is_up(server: EmbeddedPostgres) -> None:
    await kill(server)
    async with Store.open(server.url(), "node", ledger_limit=WAIT_S) as store:
        store.outbox.put(SessionRow(session_id=new_id()))
        assert not await store.outbox.flush(0.3)
        await server.start()
        assert await store.outbox.flush(WAIT_S)
        async with store.engine.connect() as connection:
            assert len((await connection.execute(select(tables.voice_sessions))).all()) == 1
