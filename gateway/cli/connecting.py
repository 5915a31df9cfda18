"""A connection to the database in use; where there is none, why, and what to do, in words."""

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from services.base.database_url import for_people, for_psql
from services.base.problems import Problem

if TYPE_CHECKING:
    import asyncpg

OLDEST = 15
"""The oldest Postgres on which the tables and views are tried."""
CONNECT_S = 15.0

UNREADABLE = (
    "DATABASE_URL can't be read; expected postgresql://user:password@host:5432/database, "
    "with %40 for an @ in the password, and so on"
)
"""It quotes nothing: what can't be read may well be a password."""


class NoDatabase(Problem):
    """The database can't be reached or entered, or won't do; `detail` says what to do."""

    code, title = "no_database", "The database cannot be used"


async def connected(url: str) -> "asyncpg.Connection":
    """A connection to the database at `url`, in anybody's spelling.

    Raises:
        NoDatabase: there is none, or it is too old.
    """
    import asyncpg  # Takes 0.1 s, which most commands don't need.

    if not _readable(url):
        raise NoDatabase(UNREADABLE)
    try:
        connection = await asyncpg.connect(for_psql(url), timeout=CONNECT_S)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise NoDatabase(trouble(url, error)) from error
    version = connection.get_server_version().major
    if version < OLDEST:
        await connection.close()
        raise NoDatabase(f"{for_people(url)} is Postgres {version}; Antiphon needs {OLDEST} or newer")
    return connection


def _readable(url: str) -> bool:
    try:
        return urlsplit(url).scheme.startswith("postgres") and urlsplit(url).port != 0
    except ValueError:  # A port that is no number, or half a bracket.
        return False


def trouble(url: str, error: BaseException) -> str:
    """What `error` means to the one who set `url`, and what to do."""
    import asyncpg

    name, parts = for_people(url), urlsplit(url)
    match error:
        case asyncpg.InvalidAuthorizationSpecificationError():
            return f"{name}: the server refuses this user or password; check both in DATABASE_URL"
        case asyncpg.InvalidCatalogNameError():
            return f"{name}: the server has no such database; create it, or correct DATABASE_URL"
        case asyncpg.InsufficientPrivilegeError():
            return f"{name}: {error}; make {parts.username} the owner of the database, or GRANT CREATE ON SCHEMA public"
        case asyncpg.InterfaceError() | ValueError():
            return UNREADABLE
        case socket.gaierror():
            return f"{name}: no host is called {parts.hostname}; correct DATABASE_URL"
        case TimeoutError():
            return f"{name}: no answer within {CONNECT_S:g} s; check the host in DATABASE_URL, and firewalls"
        case OSError():
            return f"{name}: nothing answers there; is the server up? Without DATABASE_URL it is the embedded one"
        case _:
            return f"{name}: {error}"
