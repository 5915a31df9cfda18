"""The way to the orchestrator's tables: every statement is tried again for a while, and a failure is plain."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy import Executable, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.base.database import UNDEFINED_TABLE, StoreAway, error_code, new_engine, transaction

POOL = 4
INSIST_S = 5.0
"""A person waits meanwhile; a restart of Postgres takes less."""
PAUSE_S = 0.2
READY_S = 1.5
"""Shorter than a readiness check may take, so that the reason is ours."""

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]


class Database:
    """A pool that connects when it is first used; the database need not be up yet."""

    def __init__(self, url: str, answer_s: float) -> None:
        """`answer_s` is what one try may take, connecting included."""
        self._engine = new_engine(url, POOL, "antiphon orchestrator")
        self._answer_s = answer_s

    async def do(self, work: Work[T]) -> T:
        """Run `work` in a transaction of its own; again, while the database is away, for `INSIST_S`.

        A try whose end got lost may have been committed, so `work` must find what it did before.

        Raises:
            StoreAway: it may be done all the same.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + INSIST_S
        while True:
            try:
                return await self._once(work)
            except StoreAway:
                if clock() + PAUSE_S >= end:
                    raise
                await asyncio.sleep(PAUSE_S)

    async def read(
        self, query: Executable | str, parameters: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """The rows of a query that can change nothing: its transaction is read only.

        Raises:
            StoreAway: the database cannot be reached, or did not answer in time.
        """

        async def look(connection: AsyncConnection) -> list[dict[str, Any]]:
            await connection.execute(text("SET TRANSACTION READ ONLY"))
            asked = text(query) if isinstance(query, str) else query
            found = await connection.execute(asked, parameters or {})
            return [dict(row) for row in found.mappings()]

        return await self._once(look)

    async def ready(self) -> str | None:
        """None when it can be asked, else what is missing."""
        try:
            async with transaction(self._engine, READY_S) as connection:
                tables = await connection.execute(text("SELECT to_regclass('voice_timers')"))
                missing = tables.scalar_one() is None
        except StoreAway as away:
            return f"{away.title}: {away.detail}"
        return "the tables are not there: run `antiphon migrate`" if missing else None

    async def close(self) -> None:
        await self._engine.dispose()

    async def _once(self, work: Work[T]) -> T:
        try:
            async with transaction(self._engine, self._answer_s) as connection:
                return await work(connection)
        except DBAPIError as error:
            # They are made while we start.
            if error_code(error) == UNDEFINED_TABLE:
                raise StoreAway("the tables are not there yet") from error
            raise
