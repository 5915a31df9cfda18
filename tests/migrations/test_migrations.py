"""Migrations lead from nothing to the metadata and back, on a real Postgres."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store import migrate
from migrations.metadata import METADATA
from migrations.newest import newest
from services.base.database import new_engine

ROOT = Path(__file__).parents[2]

CATALOG = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable, column_default, generation_expression,
            col_description(table_name::regclass, ordinal_position::int) AS meaning
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ANY (:tables)
    """,
    "constraints": """
        SELECT conrelid::regclass::text AS of, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conrelid::regclass::text = ANY (:tables)
    """,
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE tablename = ANY (:tables)",
    "tables": "SELECT relname, obj_description(oid) FROM pg_class WHERE relname = ANY (:tables)",
}


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = new_engine(url)
    try:
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


async def catalog(url: str) -> dict[str, set[tuple[object, ...]]]:
    """All that Postgres knows of our tables."""
    names = [name for metadata in METADATA for name in metadata.tables]
    async with connected(url) as connection:
        return {
            what: {tuple(row) for row in await connection.execute(text(query), {"tables": names})}
            for what, query in CATALOG.items()
        }


async def relations(url: str) -> set[str]:
    """The names of all tables and views but alembic's own."""
    query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    async with connected(url) as connection:
        return set((await connection.execute(text(query))).scalars()) - {"alembic_version"}


async def test_an_empty_database_comes_to_the_head_and_back_and_up_again(empty_database_url: str) -> None:
    assert await migrate.current(empty_database_url) is None

    await migrate.upgrade(empty_database_url)
    assert await migrate.current(empty_database_url) == newest()
    full = await relations(empty_database_url)

    await migrate.downgrade(empty_database_url)
    assert await migrate.current(empty_database_url) is None
    assert await relations(empty_database_url) == set()

    await migrate.upgrade(empty_database_url)
    assert await relations(empty_database_url) == full


async def test_the_head_holds_the_tables_and_views_that_the_contracts_name(database_url: str) -> None:
    assert await relations(database_url) == {
        "voice_sessions",
        "voice_turns",
        "voice_tool_invocations",
        "voice_injections",
        "voice_barge_in_events",
        "voice_engine_changes",
        "voice_latencies",
        "voice_events",
        "voice_timers",
        "voice_notes",
        "voice_session_overview",
        "voice_latency_by_day",
        "voice_tool_reliability",
        "voice_barge_in_rate",
        "voice_turn_taking",
        "voice_intent_mix",
    }


async def test_alembic_finds_nothing_to_change_at_the_head(database_url: str) -> None:
    assert await migrate.check(database_url) == []


async def test_alembic_finds_what_was_changed_by_hand(database_url: str) -> None:
    async with connected(database_url) as connection:
        await connection.execute(text("ALTER TABLE voice_turns RENAME COLUMN engine TO motor"))

    assert {change[0] for change in await migrate.check(database_url)} == {"add_column", "remove_column"}


async def test_migrations_make_what_the_metadata_make_down_to_the_comments(
    database_url: str, empty_database_url: str
) -> None:
    async with connected(empty_database_url) as connection:
        for metadata in METADATA:
            await connection.run_sync(metadata.create_all)

    by_migration, by_metadata = await catalog(database_url), await catalog(empty_database_url)
    for what in CATALOG:
        assert by_migration[what] == by_metadata[what], what
    assert all(meaning for *_, meaning in by_migration["columns"])


async def test_an_upgrade_at_the_head_changes_nothing(database_url: str) -> None:
    before = await catalog(database_url)
    await migrate.upgrade(database_url)
    assert await catalog(database_url) == before


async def test_two_processes_that_migrate_at_once_both_succeed(empty_database_url: str) -> None:
    program = (
        "import asyncio, sys; from gateway.store import migrate; asyncio.run(migrate.upgrade(sys.argv[1]))"
    )
    async with asyncio.timeout(100):
        starts = [
            await asyncio.create_subprocess_exec(sys.executable, "-c", program, empty_database_url, cwd=ROOT)
            for _ in range(2)
        ]
        assert [await start.wait() for start in starts] == [0, 0]
    assert await migrate.check(empty_database_url) == []


async def test_a_migration_that_fails_leaves_nothing_behind(empty_database_url: str) -> None:
    async with connected(empty_database_url) as connection:
        await connection.execute(text("CREATE VIEW voice_intent_mix AS SELECT 1 AS one"))

    with pytest.raises(Exception, match="voice_intent_mix"):
        await migrate.upgrade(empty_database_url)
    assert await relations(empty_database_url) == {"voice_intent_mix"}
