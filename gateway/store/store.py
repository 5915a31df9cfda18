"""The store: a pool for what calls write, with the outbox and the ledger over it, and one for what is read of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store import orphans
from gateway.store.ledger import LIMIT_S, PostgresLedger
from gateway.store.outbox import Outbox
from gateway.store.queries import Queries
from gateway.store.totals import Totals, totals
from migrations.newest import newest
from services.base.database import UNDEFINED_TABLE, StoreAway, error_code, new_engine, transaction

READY_S = 1.5
"""Shorter than a readiness check may take, so that the reason is ours."""

REVISION = text("SELECT version_num FROM alembic_version")

READERS = 3
"""Connections for what is shown. A query may take seconds, and must not keep a call from writing down a deed."""


@dataclass(frozen=True, slots=True)
class Store:
    """Where everything about the calls is written and read.

    `node` names this gateway, and no other that uses the same database.
    """

    node: str
    engine: AsyncEngine
    readers: AsyncEngine
    """The pool for what is shown."""
    outbox: Outbox
    ledger: PostgresLedger
    queries: Queries

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, node: str, ledger_limit: float = LIMIT_S) -> AsyncIterator[Self]:
        """A store on the database at `url`, which need not be up yet; at the end the outbox is written out.

        Args:
            ledger_limit: seconds that a write to the ledger may take.
        """
        engine, readers = new_engine(url), new_engine(url, READERS)
        try:
            async with Outbox(engine) as outbox:
                ledger = PostgresLedger(engine, node, ledger_limit)
                yield cls(node, engine, readers, outbox, ledger, Queries(readers))
        finally:
            await readers.dispose()
            await engine.dispose()

    async def ready(self) -> str | None:
        """None when calls can be written down, else what is missing (`services.base.health.Check`)."""
        try:
            async with transaction(self.engine, READY_S) as connection:
                revision = await connection.scalar(REVISION)
        except StoreAway as away:
            return f"{away.title}: {away.detail}"
        except DBAPIError as error:
            if error_code(error) != UNDEFINED_TABLE:
                raise
            revision = None
        if revision != newest():
            return f"the database is at revision {revision}, not at {newest()}: run `antiphon migrate`"
        if self.outbox.full:
            return "rows come faster than they can be written; events are being dropped"
        return None

    async def totals(self) -> Totals:
        """What all calls came to, and how long things took lately.

        Raises:
            StoreAway: Postgres does not answer.
        """
        return await totals(self.readers)

    async def close_orphans(self) -> list[UUID]:
        """End what a former life of this gateway left open; to be called once, before the first session.

        Raises:
            StoreAway: nothing was changed.
        """
        return await orphans.close_orphans(self.engine, self.node)
