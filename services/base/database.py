"""The connection pool to Postgres, and what its errors mean."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncpg import InterfaceError, PostgresError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from services.base.clean import dumps
from services.base.database_url import for_sqlalchemy
from services.base.problems import StoreAway as StoreAway

CONNECT_S = 5.0
POOL = 10
POOL_WAIT_S = 5.0
"""How long a query waits for a free connection of the pool."""

UNDEFINED_TABLE = "42P01"
"""The SQLSTATE."""

PASSING = ("08", "40", "53", "55", "57", "58")
"""SQLSTATE classes of what passes: connections, deadlocks, scarcity, locks, shutdown, its machine."""


def new_engine(url: str, pool: int = POOL, part: str = "antiphon") -> AsyncEngine:
    """A pool for `url`, in any of the spellings of a Postgres address; it connects when first used.

    Args:
        pool: connections at most.
        part: the name under which Postgres knows them.
    """
    return create_async_engine(
        for_sqlalchemy(url),
        pool_size=pool,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        # A restart of Postgres leaves dead connections in the pool.
        pool_pre_ping=True,
        json_serializer=dumps,
        # Else an error, and whoever listens to SQLAlchemy's log, is told every value of the statement.
        hide_parameters=True,
        connect_args={"timeout": CONNECT_S, "server_settings": {"application_name": part, "timezone": "UTC"}},
    )


@asynccontextmanager
async def transaction(engine: AsyncEngine, limit: float) -> AsyncIterator[AsyncConnection]:
    """A transaction that is committed at its end and takes `limit` seconds at most, connecting included.

    Raises:
        StoreAway: Postgres was away. When that showed at the very end, it may be committed all the same.
    """
    try:
        async with asyncio.timeout(limit), engine.begin() as connection:
            yield connection
    except TimeoutError as error:
        raise StoreAway(f"no answer within {limit:g} s") from error
    except Exception as error:
        if not is_away(error):
            raise
        raise StoreAway(error_code(error)) from error


def is_away(error: BaseException) -> bool:
    """Whether `error` says that Postgres is away or busy, and nothing about what was asked of it."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or error_code(error).startswith(PASSING)
    # While it connects, the driver's errors come as they are.
    return isinstance(error, OSError | NoneFree | PostgresError | InterfaceError)


def error_code(error: BaseException) -> str:
    """The SQLSTATE of a database's error, else the name of the error itself."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return getattr(error.orig, "sqlstate", None) or type(error.orig.__cause__ or error.orig).__name__
    return type(error).__name__
