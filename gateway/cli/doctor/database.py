"""The database: one's own, or the embedded one."""

import asyncio
import subprocess

from gateway.cli.connecting import NoDatabase, connected
from gateway.cli.deployment import UpSettings
from gateway.cli.doctor.finding import ASK_S
from gateway.cli.postgres import PostgresFailed, binaries
from services.base.database_url import for_people
from services.base.findings import Finding


def database(settings: UpSettings) -> Finding:
    if settings.database_url:
        return asyncio.run(foreign(settings.database_url))
    try:
        answer = subprocess.run(
            [binaries() / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=ASK_S
        )
    except (PostgresFailed, OSError, subprocess.SubprocessError) as error:
        advice = "install again with `make run`, or set DATABASE_URL to a Postgres of yours"
        return Finding("bad", f"embedded Postgres does not run: {error}", advice)
    return Finding("good", f"embedded Postgres: {answer.stdout.strip()}")


async def foreign(url: str) -> Finding:
    """A database of the user's own: whether it lets us in, and whether we may make tables there."""
    try:
        connection = await connected(url)
    except NoDatabase as error:
        what, _, advice = error.detail.partition("; ")
        return Finding("bad", what, advice)
    try:
        version, name = connection.get_server_version(), for_people(url)
        if not await connection.fetchval("SELECT has_schema_privilege('public', 'CREATE')"):
            advice = (
                "make the user of DATABASE_URL the owner of the database, or GRANT CREATE ON SCHEMA public"
            )
            return Finding("bad", f"{name}: its user may not make tables", advice)
    finally:
        await connection.close()
    return Finding("good", f"{name}: Postgres {version.major}.{version.minor}")
