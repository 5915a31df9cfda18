"""The database of this installation: as a part of a deployment, and for a command that needs it for a moment."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from gateway.cli.child import how_it_ended
from gateway.cli.connecting import NoDatabase, connected, trouble
from gateway.cli.home import Home, Secrets
from gateway.cli.postgres import EmbeddedPostgres, PostgresFailed, last_lines
from migrations.newest import newest
from services.base.database_url import for_sqlalchemy
from services.base.problems import Problem


class MigrationFailed(Problem):
    """The tables cannot be brought to the form that this code needs."""

    code, title = "migration_failed", "The database cannot be migrated"


class Database:
    """Embedded Postgres, and its tables, as a part. It is ready once it is migrated."""

    name = "postgres"
    after = ()
    uses = ()

    def __init__(self, server: EmbeddedPostgres, migrate: Callable[[str], Awaitable[None]]) -> None:
        self.server = server
        self.migrate = migrate
        self.url = ""
        """For SQLAlchemy; empty until it is ready for the first time."""

    @property
    def pid(self) -> int | None:
        return self.server.pid

    @property
    def port(self) -> int | None:
        return self.server.port

    async def start(self) -> None:
        promised = self.address
        url = await self.server.start()
        if url != promised:
            raise PostgresFailed("another program took its port while it was away; start Antiphon again")
        await self.migrate(url)
        self.url = url

    @property
    def address(self) -> str:
        """Where it is, or will be, for SQLAlchemy: known from the start, since its port is kept."""
        if self.server.port is None:
            self.server.reserve()
        return self.server.url()

    async def wait(self) -> str:
        return how_it_ended(await self.server.wait())

    async def stop(self, hasten: asyncio.Event) -> None:
        await self.server.stop(hasten)

    def last_words(self) -> str:
        return last_lines(self.server.log.read_text(errors="replace"))


async def migrate(url: str) -> None:
    """Bring the tables behind `url` to the form that this code needs.

    Raises:
        NoDatabase: it can't be reached or entered.
        MigrationFailed: what the database said.
    """
    if await is_newest(url):
        return
    from alembic.util.exc import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from gateway.store.migrate import upgrade

    try:
        await upgrade(for_sqlalchemy(url))
    except CommandError as error:
        # "Can't locate revision": alembic knows no other way to say it.
        raise MigrationFailed(
            f"{error}. A newer Antiphon made these tables; install that one again"
        ) from error
    except (SQLAlchemyError, OSError) as error:
        raise MigrationFailed(trouble(url, _cause(error))) from error


def _cause(error: BaseException) -> BaseException:
    """What the driver said, under SQLAlchemy's wrapping."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


async def is_newest(url: str) -> bool:
    """Whether the tables are of the newest form.

    Raises:
        NoDatabase: it can't be asked.
    """
    import asyncpg

    connection = await connected(url)
    try:
        found: object = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return False
    except asyncpg.PostgresError as error:
        raise NoDatabase(trouble(url, error)) from error
    finally:
        await connection.close()
    return found == newest()


@asynccontextmanager
async def database_in_use(home: Home) -> AsyncIterator[str]:
    """The address of the database: `DATABASE_URL`, else that of what runs, else the embedded one's, started for now.

    Raises:
        HomeUnusable, PostgresFailed: the embedded one can't be started.
    """
    if url := os.environ.get("DATABASE_URL"):
        yield url
    elif (running := home.running()) and running.database_url:
        yield running.database_url
    else:
        home.prepare()
        server = EmbeddedPostgres(home.pg, Secrets.load(home).postgres_password)
        try:
            yield await server.start()
        finally:
            await server.stop()
