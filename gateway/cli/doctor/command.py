"""`antiphon doctor`: looks at everything, and tells it."""

import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import asdict

import click

from gateway.cli.deployment import UpSettings
from gateway.cli.doctor import content, database, door, machine, outside, speech, tools
from gateway.cli.doctor.finding import Finding, Verdict
from gateway.cli.home import Home

MARKS: dict[Verdict, str] = {"good": "✓", "note": "·", "bad": "✗"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: an object a finding.")
def doctor(as_json: bool) -> None:
    """Say what this machine can run and what is missing; exit status 1 when `antiphon up` can't work."""
    # What the parts log while they are looked at is among the findings.
    logging.getLogger("services").addHandler(logging.NullHandler())
    findings = list(examine(Home.find(), UpSettings.load()))
    works = all(finding.verdict != "bad" for finding in findings)
    if as_json:
        body = {"works": works, "findings": [asdict(finding) for finding in findings]}
        click.echo(json.dumps(body, indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            click.echo(f"{MARKS[finding.verdict]} {finding.what}")
            if finding.advice:
                click.echo(f"    {finding.advice}")
    sys.exit(not works)


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
