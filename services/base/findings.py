"""What was found of one thing that something needs, in words one can act on; and how commands tell it."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal, NoReturn

import click

Verdict = Literal["good", "note", "bad"]
MARKS: dict[Verdict, str] = {"good": "✓", "note": "·", "bad": "✗"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    """`bad`: what was asked about will not work as things are. `note`: something else will not."""
    what: str
    advice: str = ""
    """What to do about it."""


def tell(found: Iterable[Finding], as_json: bool) -> NoReturn:
    """Print what was found, for people or for programs. The exit status is 1 where anything is `bad`."""
    findings = list(found)
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
