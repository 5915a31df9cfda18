"""Bring a database to the newest form of the tables, or tell which form it has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

import migrations
from migrations.metadata import METADATA
from services.base.database import new_engine

LOCK = 0x416E7469_70686F6E
"""`Antiphon` in ASCII: the advisory lock that one migration at a time holds."""


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config


async def upgrade(url: str, revision: str = "head") -> None:
    """Migrate upwards, all or nothing; of two starts at once the second waits and finds nothing to do."""
    await _migrate(url, lambda config: command.upgrade(config, revision))


async def downgrade(url: str, revision: str = "base") -> None:
    """Migrate downwards, all or nothing. What the dropped tables held is lost."""
    await _migrate(url, lambda config: command.downgrade(config, revision))


async def current(url: str) -> str | None:
    """The revision of the database; None for one without our tables."""
    engine = new_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_revision_of)
    finally:
        await engine.dispose()


async def check(url: str) -> list[Any]:
    """What `alembic revision --autogenerate` would change: empty where the database is as the metadata say."""
    engine = new_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_differences)
    finally:
        await engine.dispose()


def _differences(connection: Connection) -> list[Any]:
    # It takes several metadata, as alembic's own `target_metadata` does.
    return list(compare_metadata(MigrationContext.configure(connection), METADATA))  # type: ignore[arg-type]


def _revision_of(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def _migrate(url: str, run: Callable[[Config], None]) -> None:
    engine = new_engine(url)
    try:
        async with engine.begin() as connection:
            # Given back with the transaction, also when this process is killed.
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            await connection.run_sync(lambda c: run(_config(c)))
    finally:
        await engine.dispose()
