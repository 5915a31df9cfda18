"""The ledger in Postgres: what has returned is committed, so a deed is written before it is done."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields

from sqlalchemy import RowMapping, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bridge.ledger import FINISHED, Invocation, LedgerAway, RowRefused, Status
from gateway.store.tables import voice_sessions, voice_tool_invocations, voice_turns
from services.base.database import StoreAway, error_code, transaction

LIMIT_S = 2.0
"""A person waits for the answer meanwhile."""

NEVER_CHANGES = frozenset({"invocation_id", "session_id", "turn_id", "idempotency_key", "requested_at"})


class PostgresLedger:
    """`bridge.ledger.LedgerStore` on Postgres, past the outbox.

    The session's and the turn's own rows may still wait in the outbox when their first deed is asked for; then this
    writes placeholders, which hold the ids and little else, and the outbox fills them in
    (docs/adr/ledger-placeholders.md).

    Args:
        node: the gateway that holds the call, so that a placeholder whose gateway died is found.
        limit: seconds that a write may take, connecting included.
    """

    def __init__(self, engine: AsyncEngine, node: str, limit: float = LIMIT_S) -> None:
        self._engine = engine
        self._node = node
        self._limit = limit

    async def request(self, row: Invocation) -> Invocation:
        """Write a new row, or return the one that already stands under its idempotency key.

        Raises:
            LedgerAway: nothing may be done. Where the answer was lost on its way, the row may stand as requested.
        """
        table = voice_tool_invocations
        async with self._transaction() as connection:
            await self._place_parents(connection, row)
            written = await connection.execute(
                insert(table)
                .values(_columns(row))
                .on_conflict_do_nothing(index_elements=[table.c.idempotency_key])
                .returning(table.c.invocation_id)
            )
            if written.one_or_none():
                return row
            found = await connection.execute(
                select(table).where(table.c.idempotency_key == row.idempotency_key)
            )
            return invocation(found.mappings().one())

    async def advance(self, row: Invocation, was: Status | None = None) -> bool:
        """Write the row's new state over its old one, where that is still `was` if one is given; whether it did.

        Raises:
            LedgerAway: the row was never requested, or the new state may not have been written.
        """
        table = voice_tool_invocations
        changed = {f.name: getattr(row, f.name) for f in fields(row) if f.name not in NEVER_CHANGES}
        # One statement: a second writer waits for its lock, and then finds another status.
        writing = update(table).where(table.c.invocation_id == row.invocation_id).values(changed)
        if was is not None:
            writing = writing.where(table.c.status == was)
        async with self._transaction() as connection:
            written = await connection.execute(writing.returning(table.c.invocation_id))
            if written.one_or_none():
                return True
            found = await connection.execute(
                select(table.c.status).where(table.c.invocation_id == row.invocation_id)
            )
            if not found.one_or_none():
                raise LedgerAway(f"invocation {row.invocation_id} was never requested")
        return False

    async def restore(self, row: Invocation) -> None:
        """Let the row stand as it is given, whatever has come of earlier tries to write it; an end stays an end.

        Raises:
            LedgerAway: it may be written all the same.
        """
        table = voice_tool_invocations
        columns = _columns(row)
        changed = {name: value for name, value in columns.items() if name not in NEVER_CHANGES}
        async with self._transaction() as connection:
            await self._place_parents(connection, row)
            await connection.execute(
                insert(table)
                .values(columns)
                .on_conflict_do_update(
                    index_elements=[table.c.idempotency_key],
                    set_=changed,
                    where=(table.c.invocation_id == row.invocation_id) & table.c.status.not_in(FINISHED),
                )
            )

    async def _place_parents(self, connection: AsyncConnection, row: Invocation) -> None:
        """See to it that there is a row of the session and of the turn, parents before children."""
        for placeholder in (
            insert(voice_sessions).values(session_id=row.session_id, node=self._node),
            insert(voice_turns).values(turn_id=row.turn_id, session_id=row.session_id, speaker="user"),
        ):
            await connection.execute(placeholder.on_conflict_do_nothing())

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction of its own.

        Raises:
            LedgerAway: Postgres is away or slow.
            RowRefused: it is there, and does not take this row.
        """
        try:
            async with transaction(self._engine, self._limit) as connection:
                yield connection
        except StoreAway as away:
            raise LedgerAway(f"the database is away: {away.detail}") from away
        except SQLAlchemyError as error:
            raise RowRefused(f"the database refused the row: {error_code(error)}") from error


def invocation(row: RowMapping) -> Invocation:
    """A whole row of the table as the bridge knows it."""
    return Invocation(**{**row, "status": Status(row["status"])})


def _columns(row: Invocation) -> dict[str, object]:
    return {field.name: getattr(row, field.name) for field in fields(row)}
