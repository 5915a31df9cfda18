"""Rows of one session, which are written behind the sound: tests wait for them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import asyncpg

PATIENCE_S = 20.0
POLL_S = 0.1


async def rows(
    database: asyncpg.Connection, table: str, session_id: UUID, order: str = "1"
) -> Sequence[asyncpg.Record]:
    """All rows of a session in one table."""
    found: Sequence[asyncpg.Record] = await database.fetch(
        f"SELECT * FROM {table} WHERE session_id = $1 ORDER BY {order}", session_id
    )
    return found


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait until `check` holds: Postgres tells nobody of a row."""
    async with asyncio.timeout(PATIENCE_S):
        while not await check():  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
