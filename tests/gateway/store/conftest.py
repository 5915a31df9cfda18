"""A store's parts on a fresh database, and rows to put in."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.ledger import Invocation, Status
from gateway.store.outbox import Outbox
from services.base.database import new_engine
from services.base.ids import new_id
from tests.gateway.store.samples import START, Read


@pytest_asyncio.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = new_engine(database_url)
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture
async def outbox(engine: AsyncEngine) -> AsyncIterator[Outbox]:
    async with Outbox(engine) as outbox:
        yield outbox


@pytest.fixture
def read(engine: AsyncEngine) -> Read:
    """Runs a query; its rows as dicts."""

    async def run(query: Select[Any]) -> list[dict[str, Any]]:
        async with engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    return run


@pytest.fixture
def invocation() -> Callable[..., Invocation]:
    """Makes a requested deed of a session and turn of its own."""

    def make(**changed: Any) -> Invocation:
        turn_id: UUID = changed.get("turn_id") or new_id()
        columns: dict[str, Any] = {
            "invocation_id": new_id(),
            "session_id": new_id(),
            "turn_id": turn_id,
            "idempotency_key": f"key of {turn_id}",
            "agent": "clock",
            "action": "time_in",
            "arguments": {"place": "Tōkyō"},
            "risk": "read",
            "status": Status.REQUESTED,
            "requested_at": START,
        }
        return Invocation(**(columns | changed))

    return make
