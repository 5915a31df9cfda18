"""`antiphon bench conversation`: scripted callers, and how the conversation went, read off the sound."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

import click

from gateway.cli.address import gateway_url
from gateway.cli.bench.deployment import deployment_at
from gateway.cli.bench.machine import load_average, machine
from gateway.cli.bench.performing import Trial, cast, perform
from gateway.cli.bench.scenario import Line, Scenario, load, ours
from gateway.cli.bench.summary import Row, rows, table
from gateway.cli.bench.voices import Voices, own_synthesizer
from gateway.cli.caller import CallBroke, CallRefused


@click.command()
@click.argument(
    "files",
    nargs=-1,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="[SCENARIO.yaml]...",
)
@click.option("--only", multiple=True, help="Of ours, the scenario of this name; more than once for several.")
@click.option(
    "--rounds",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How often each line is said, by voices in turn.",
)
@click.option("--lines", type=click.IntRange(1), help="Of each scenario, so many lines at most.")
@click.option("--voice", "voices", multiple=True, help="Who speaks: espeak:NAME or flite:NAME.")
@click.option("--persona", help="Who answers.")
@click.option("--mode", default="auto", show_default=True, help="Which engine.")
@click.option("--url", help="The gateway; else ANTIPHON_URL, else the one that runs here.")
@click.option("--start", is_flag=True, help="With a deployment of its own, that is gone afterwards.")
@click.option(
    "--json", "out", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Each trial."
)
@click.option("--strict", is_flag=True, help="Exit status 1 when a bar is missed.")
def conversation(
    files: tuple[Path, ...],
    only: tuple[str, ...],
    rounds: int,
    lines: int | None,
    voices: tuple[str, ...],
    persona: str | None,
    mode: str,
    url: str | None,
    start: bool,
    out: Path | None,
    strict: bool,
) -> None:
    """Hold scripted conversations in real time with a running deployment, and tell how they went.

    Who speaks when, and what must happen, stands in scenarios: ours, or your own files (docs/bench.md). All figures
    are read off the sound that came and went.
    """
    chosen = [load(path) for path in files] or named(ours(), only)
    asked = {name: value for name, value in (("persona", persona), ("mode", mode)) if value is not None}
    if start and url:
        raise click.UsageError("--start and --url: one of them")
    run = asyncio.run(_run(None if start else gateway_url(url), chosen, rounds, lines, voices, asked))
    click.echo()
    click.echo(table(run.rows()))
    for note in run.notes:
        click.echo(note)
    if out is not None:
        out.write_text(json.dumps(run.told(), indent=2))
    if run.broken:
        raise run.broken
    if strict and not all(row.met for row in run.rows()):
        sys.exit(1)


async def _run(url: str | None, *how: Any) -> "Run":
    """Hold them with the gateway at `url`; where that is None, with one of our own."""
    async with deployment_at(url) as there:
        return await hold(there, *how)


@dataclass
class Run:
    """What was performed, and on what."""

    url: str
    rounds: int
    scenarios: Sequence[Scenario]
    trials: list[Trial] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What could not be measured, and why."""
    broken: CallRefused | CallBroke | None = None
    """Why it was not performed to its end."""
    began: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    load_before: list[float] = field(default_factory=load_average)

    def rows(self) -> list[Row]:
        """A line for each bar."""
        return [row for scenario in self.scenarios for row in rows(scenario, self._trials(scenario))]

    def told(self) -> dict[str, Any]:
        """All of it, for JSON. A figure that is infinite, for what never came, is written as "never"."""
        body = {
            "began": self.began,
            "url": self.url,
            "rounds": self.rounds,
            "machine": machine(),
            "load_before": self.load_before,
            "load_after": load_average(),
            "notes": self.notes,
            "broken": self.broken and str(self.broken),
            "rows": [asdict(row) for row in self.rows()],
            "trials": [asdict(trial) for trial in self.trials],
        }
        plain: dict[str, Any] = _without_infinity(body)
        return plain

    def _trials(self, scenario: Scenario) -> list[Trial]:
        return [trial for trial in self.trials if trial.scenario == scenario.name]


async def hold(
    url: str,
    scenarios: Sequence[Scenario],
    rounds: int,
    most: int | None,
    voices: Sequence[str],
    asked: dict[str, Any],
) -> Run:
    """Perform all, one call at a time, so that none disturbs another.

    Args:
        most: lines of each scenario.
        voices: who speaks; where empty, whom each scenario names.

    Raises:
        NoVoice, PartFailed
    """
    run = Run(url, rounds, scenarios)
    async with own_synthesizer() as speaking:
        for scenario in scenarios:
            there = await _there(run, speaking, voices or scenario.voices)
            for voice, lines in cast(scenario, there, rounds, most):
                try:
                    await _call(run, scenario, speaking, voice, lines, asked)
                except (CallRefused, CallBroke) as refused:
                    # What was measured so far is still worth telling.
                    run.broken = refused
                    return run
    return run


async def _call(
    run: Run, scenario: Scenario, speaking: Voices, voice: str, lines: Sequence[Line], asked: dict[str, Any]
) -> None:
    """Have all lines said, in as many calls as it takes.

    Raises:
        CallRefused, CallBroke, NoVoice
    """
    while lines:
        async for trial in perform(scenario, run.url, speaking, voice, lines, asked):
            run.trials.append(trial)
            click.echo(_line(trial))
            lines = lines[1:]


def named(scenarios: Sequence[Scenario], names: Sequence[str]) -> list[Scenario]:
    """Those of these names; all where none is named."""
    known = {scenario.name: scenario for scenario in scenarios}
    for name in names:
        if name not in known:
            raise click.BadParameter(f"no scenario {name}; there are {', '.join(known)}", param_hint="--only")
    return [known[name] for name in names] or list(scenarios)


async def _there(run: Run, speaking: Voices, voices: Sequence[str]) -> list[str]:
    """Those voices that can be had here; of the others it is told once why not."""
    there, notes = await speaking.those_here(voices)
    run.notes += [note for note in notes if note not in run.notes]
    return there


def _line(trial: Trial) -> str:
    """How one trial went."""
    reading = trial.reading
    figures = [
        f"{name} {value:.0f} ms"
        for name, value in (
            ("turn", reading.turn_ms),
            ("quiet", reading.quiet_ms),
            ("decided", reading.decided_ms),
        )
        if value is not None and isfinite(value)
    ]
    missed = [name for name, held in trial.met.items() if not held]
    how = (
        f"lost: {trial.lost.splitlines()[0]}"
        if trial.lost
        else f"not {', '.join(missed)}"
        if missed
        else "good"
    )
    heard = f' as "{" / ".join(reading.turns)}"' if reading.turns else ""
    return f"{trial.scenario:14} {trial.voice:20} {trial.line}{heard}: {', '.join([*figures, how])}"


def _without_infinity(body: Any) -> Any:
    match body:
        case dict():
            return {key: _without_infinity(value) for key, value in body.items()}
        case list() | tuple():
            return [_without_infinity(value) for value in body]
        case float() if not isfinite(body):
            return "never"
        case _:
            return body
