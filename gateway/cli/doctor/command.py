"""`antiphon doctor`: looks at everything, and tells it."""

import logging
from collections.abc import Iterator

import click

from gateway.cli.deployment import UpSettings
from gateway.cli.doctor import content, database, door, machine, outside, speech, tools
from gateway.cli.home import Home
from services.base.findings import Finding, tell


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: an object a finding.")
def doctor(as_json: bool) -> None:
    """Say what this machine can run and what is missing; exit status 1 when `antiphon up` can't work."""
    # What the parts log while they are looked at is among the findings.
    logging.getLogger("services").addHandler(logging.NullHandler())
    tell(examine(Home.find(), UpSettings.load()), as_json)


def examine(home: Home, settings: UpSettings) -> Iterator[Finding]:
    """Look at everything, for real."""
    yield machine.python()
    yield machine.disk(home)
    yield machine.memory()
    yield machine.cores()
    yield machine.gpu()
    yield from speech.examine()
    yield database.database(settings)
    yield from content.examine(home, settings)
    yield from door.examine(home, settings)
    yield from outside.examine()
    yield from tools.examine()
