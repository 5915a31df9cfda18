"""The connection pool to Postgres."""

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.cli.database_url import for_sqlalchemy

CONNECT_S = 5.0
POOL = 10
POOL_WAIT_S = 5.0
"""How long a query waits for a free connection of the pool."""


def new_engine(url: str) -> AsyncEngine:
    """A pool for `url`, in any of the spellings of a Postgres address; it connects when first used."""
    return create_async_engine(
        for_sqlalchemy(url),
        pool_size=POOL,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        # A restart of Postgres leaves dead connections in the pool; asking first costs 0.1 ms.
        pool_pre_ping=True,
        connect_args={"timeout": CONNECT_S, "server_settings": {"application_name": "antiphon"}},
    )


def error_code(error: BaseException) -> str:
    """The SQLSTATE of a database's error, else the name of the error itself."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return getattr(error.orig, "sqlstate", None) or type(error.orig.__cause__ or error.orig).__name__
    return type(error).__name__
