"""The store: a pool for what calls write, with the outbox and the ledger over it, and one for what is read of them."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.ledger import Invocation, LedgerStore
from gateway.store import orphans
from gateway.store.journaled import JournaledLedger
from gateway.store.ledger import LIMIT_S, PostgresLedger
from gateway.store.outbox import Outbox
from gateway.store.queries import Queries
from gateway.store.totals import Totals, totals
from migrations.newest import newest
from services.base.database import UNDEFINED_TABLE, StoreAway, error_code, new_engine, transaction
from services.base.journal import JournalAway

log = logging.getLogger(__name__)

READY_S = 1.5
"""Shorter than a readiness check may take, so that the reason is ours."""

REVISION = text("SELECT version_num FROM alembic_version")

CARRIED_S = 30.0
"""What the journal of a former life may take to be carried into Postgres."""

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
    ledger: LedgerStore
    queries: Queries
    journaled: JournaledLedger | None = None
    """The ledger, where it has a journal."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, node: str, ledger_limit: float = LIMIT_S, journal: Path | None = None
    ) -> AsyncIterator[Self]:
        """A store on the database at `url`, which need not be up yet; at the end the outbox is written out.

        Args:
            ledger_limit: seconds that a write to the ledger in Postgres may take.
            journal: where deeds are written down while Postgres is away; None: then nothing is done.
        """
        engine, readers = new_engine(url), new_engine(url, READERS)
        try:
            async with AsyncExitStack() as stack:
                outbox = await stack.enter_async_context(Outbox(engine))
                postgres = PostgresLedger(engine, node, ledger_limit)
                journaled = await _journaled(postgres, journal) if journal else None
                if journaled:
                    await stack.enter_async_context(journaled)
                yield cls(node, engine, readers, outbox, journaled or postgres, Queries(readers), journaled)
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
        if self.journaled and not await self.journaled.carried(CARRIED_S):
            raise StoreAway("the journal of the ledger could not be carried over")
        return await orphans.close_orphans(self.engine, self.node)

    async def unfinished(self) -> list[Invocation]:
        """The deeds of a former life whose end may be found out yet; to be called after `close_orphans`.

        Raises:
            StoreAway
        """
        return await orphans.unfinished(self.engine, self.node)


async def _journaled(postgres: PostgresLedger, path: Path) -> JournaledLedger | None:
    try:
        return await JournaledLedger.open(postgres, path)
    except JournalAway as away:
        # Calls go on without it, and it is missed only while Postgres is away.
        log.error("no journal for the ledger", extra={"why": str(away)})
        return None
