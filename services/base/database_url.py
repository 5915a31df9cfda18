"""The address of a database, in the spelling of whoever reads it: SQLAlchemy, psql and asyncpg, or a person."""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

ASYNC = "postgresql+asyncpg"
PLAIN = "postgresql"


def make_url(user: str, password: str, port: int, database: str) -> str:
    """The address of a database on this machine, for SQLAlchemy."""
    return f"{ASYNC}://{quote(user, safe='')}:{quote(password, safe='')}@127.0.0.1:{port}/{database}"


def for_sqlalchemy(url: str) -> str:
    """`url` as SQLAlchemy's asyncpg dialect wants it, which says `ssl` for libpq's `sslmode`."""
    return _spelled(url, ASYNC, {"sslmode": "ssl"})


def for_psql(url: str) -> str:
    """`url` as psql, and asyncpg by itself, want it."""
    return _spelled(url, PLAIN, {"ssl": "sslmode"})


def for_people(url: str) -> str:
    """`url` without its password."""
    parts = urlsplit(for_psql(url))
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}@{host}" if parts.username else host, query=""))


def with_database(url: str, database: str) -> str:
    """The address of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def _spelled(url: str, scheme: str, renamed: dict[str, str]) -> str:
    parts = urlsplit(url)
    query = urlencode([(renamed.get(key, key), value) for key, value in parse_qsl(parts.query)])
    return urlunsplit(parts._replace(scheme=scheme, query=query))
