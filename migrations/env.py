"""Alembic's entry: runs what was asked for on the connection that `gateway.store.migrate` hands over.

Alembic's own command line works too, on the database of `DATABASE_URL`.
"""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from migrations.metadata import METADATA
from services.base.database import new_engine


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=METADATA)
    with context.begin_transaction():
        context.run_migrations()


async def run_alone() -> None:
    engine = new_engine(os.environ["DATABASE_URL"])
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(run_alone())
