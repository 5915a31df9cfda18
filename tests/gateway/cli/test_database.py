"""The tables of the database in use."""

from gateway.cli.database import is_newest, migrate
from gateway.store.migrate import current, downgrade
from migrations.newest import newest


async def test_an_empty_database_is_migrated_to_the_head_that_alembic_knows(empty_database_url: str) -> None:
    assert not await is_newest(empty_database_url)
    await migrate(empty_database_url)
    assert await is_newest(empty_database_url)
    assert await current(empty_database_url) == newest()


async def test_a_database_of_an_older_form_is_not_the_newest(database_url: str) -> None:
    assert await is_newest(database_url)
    await downgrade(database_url)
    assert not await is_newest(database_url)
