"""`antiphon sql`: psql, or one query, on the database in use."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import click

from gateway.cli.connecting import connected
from gateway.cli.database import database_in_use
from gateway.cli.home import Home
from gateway.cli.postgres import PostgresFailed, binaries
from services.base.database_url import for_psql
from services.base.problems import Problem


class NoPsql(Problem):
    """Only a single query can be run here."""

    code, title = "no_psql", "There is no psql on this machine"


class BadQuery(Problem):
    """The database does not take the query; `detail` is what it says."""

    code, title = "bad_query", "The query failed"


@click.command()
@click.argument("query", required=False)
def sql(query: str | None) -> None:
    """Open psql on the database in use, or run QUERY on it and print what it answers.

    That database is DATABASE_URL, else the one of what runs, else the embedded one, started for now.
    """
    sys.exit(asyncio.run(_sql(query)))


async def _sql(query: str | None) -> int:
    async with database_in_use(Home.find()) as url:
        if program := psql():
            return await _run_psql(program, url, query)
        if query is None:
            raise NoPsql("give a query: antiphon sql 'SELECT …'")
        click.echo(table(await _ask(url, query)))
        return 0


def psql() -> str | None:
    """The path of psql: the one beside the embedded server, else the machine's."""
    try:
        beside = binaries() / "psql"
    except PostgresFailed:
        return shutil.which("psql")
    return str(beside) if beside.exists() else shutil.which("psql")


async def _run_psql(program: str, url: str, query: str | None) -> int:
    """Run psql at our own terminal; answers its exit status."""
    parts = urlsplit(for_psql(url))
    # Arguments are seen by every user of the machine, the environment is not.
    environ = dict(os.environ)
    if parts.password is not None:
        environ["PGPASSWORD"] = unquote(parts.password)
    target = urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", "@")))
    process = await asyncio.create_subprocess_exec(
        program, target, *(("-c", query) if query else ()), env=environ
    )
    # In psql Ctrl-C ends a query; it must not end us, and with us the database.
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: None)
    return await process.wait()


async def _ask(url: str, query: str) -> Sequence[Any]:
    import asyncpg

    connection = await connected(url)
    try:
        return list(await connection.fetch(query))
    except asyncpg.PostgresError as error:
        raise BadQuery(str(error)) from error
    finally:
        await connection.close()


def table(rows: Sequence[Any]) -> str:
    """Rows as psql prints them, unaligned: names, then a line a row, fields parted by `|`."""
    lines = [list(rows[0].keys())] if rows else []
    lines += [["" if value is None else str(value) for value in row.values()] for row in rows]
    return "\n".join(
        ["|".join(line) for line in lines] + [f"({len(rows)} row{'' if len(rows) == 1 else 's'})"]
    )
