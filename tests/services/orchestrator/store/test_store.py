"""The way to the tables: read only where it reads, plain where it fails."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.base.database import StoreAway
from services.base.database_url import make_url
from services.orchestrator.store import database
from services.orchestrator.store.store import Store
from tests.gateway.store.samples import until_ready
from tests.services.orchestrator.store.samples import HOUSE, WAIT_S, timer


async def test_a_query_sees_every_table_and_can_change_none(store: Store) -> None:
    await store.timers.add(timer())
    query = text(
        "SELECT (SELECT count(*) FROM voice_timers) AS timers, :x AS x, count(*) FROM voice_sessions"
    )
    assert await store.read(query, {"x": "y"}) == [{"timers": 1, "x": "y", "count": 0}]
    with pytest.raises(DBAPIError, match="read-only"):
        await store.read(text("DELETE FROM voice_timers RETURNING 1"))
    assert len(await store.timers.waiting(HOUSE)) == 1


async def test_it_is_ready_once_the_tables_are_there(database_url: str, empty_database_url: str) -> None:
    ready, bare = Store(database_url, WAIT_S), Store(empty_database_url, WAIT_S)
    await until_ready(ready.ready)
    await until_ready(bare.ready, "the tables are not there: run `antiphon migrate`")
    with pytest.raises(StoreAway, match="not there yet"):
        await bare.timers.waiting(HOUSE)
    await ready.close()
    await bare.close()


async def test_a_database_that_is_away_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setattr(database, "INSIST_S", 0.3)
    monkeypatch.setattr(database, "PAUSE_S", 0.01)
    store = Store(make_url("antiphon", "x", unused_tcp_port, "antiphon"))
    with pytest.raises(StoreAway):
        await store.timers.add(timer())
    assert "cannot be reached" in (await store.ready() or "")
    await store.close()
