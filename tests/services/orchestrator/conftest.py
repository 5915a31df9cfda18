"""A store on a fresh database."""

from collections.abc import AsyncIterator

import pytest_asyncio

from services.orchestrator.store.store import Store
from tests.services.orchestrator.store.samples import WAIT_S


@pytest_asyncio.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url, WAIT_S)
    yield store
    await store.close()
