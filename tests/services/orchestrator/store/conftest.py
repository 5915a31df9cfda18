"""A store on a fresh database, and timers and notes to put in."""

from collections.abc import AsyncIterator

import pytest_asyncio

from services.orchestrator.store.store import Store


@pytest_asyncio.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url)
    yield store
    await store.close()
