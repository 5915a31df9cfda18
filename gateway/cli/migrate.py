"""`antiphon migrate`: bring the tables of the database in use to the newest form."""

import asyncio

import click

from gateway.cli.database import database_in_use
from gateway.cli.database import migrate as migrate_database
from gateway.cli.home import Home
from services.base.database_url import for_people


@click.command()
def migrate() -> None:
    """Bring the tables of DATABASE_URL, else of the embedded database, to the newest form."""
    asyncio.run(_migrate())


async def _migrate() -> None:
    async with database_in_use(Home.find()) as url:
        await migrate_database(url)
        click.echo(f"{for_people(url)} is up to date")
