"""`antiphon eval tasks`: wishes spoken to the whole deployment; did the right tool run, with the right arguments?"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import click

from bridge.intent.evaluation import Share
from gateway.cli.address import gateway_url
from gateway.cli.bench.deployment import deployment_at
from gateway.cli.bench.machine import load_average, machine
from gateway.cli.bench.performing import Trial, perform, show
from gateway.cli.bench.scenario import VOICES, Expect, Scenario
from gateway.cli.bench.voices import Voices, own_synthesizer
from gateway.cli.caller import CallBroke, CallRefused
from gateway.cli.eval.task import OURS, Called, Task, is_right, load

ENOUGH = 0.60
"""The share that is asked for."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One task, spoken once."""

    task: Task
    voice: str
    trial: Trial
    right: bool

    def line(self) -> str:
        """For the terminal."""
        heard = " / ".join(self.trial.reading.turns) or "(nothing)"
        done = (
            ", ".join(f"{each.tool} {json.dumps(each.arguments)}" for each in called(self.trial)) or "nothing"
        )
        if self.right:
            return f"right  {show(self.task.say)}"
        return (
            f"wrong  {show(self.task.say)}\n         heard {heard}\n         did   {self.trial.lost or done}"
        )


@dataclass
class Run:
    """What was spoken, and on what."""

    url: str
    attempts: list[Attempt] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Voices that could not be had, and why."""
    broken: str = ""
    """Why it was not gone through to its end."""
    load_before: list[float] = field(default_factory=load_average)

    def shares(self) -> dict[str, Share]:
        """Of all, and of both kinds."""
        kinds = {
            "all": self.attempts,
            "in one go": [each for each in self.attempts if not each.task.is_corrected],
            "corrected": [each for each in self.attempts if each.task.is_corrected],
        }
        return {name: Share(sum(each.right for each in some), len(some)) for name, some in kinds.items()}

    def told(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "url": self.url,
            "machine": machine(),
            "load_before": self.load_before,
            "load_after": load_average(),
            "notes": self.notes,
            "broken": self.broken,
            "shares": {
                name: {"share": share.value, "interval": share.interval, "n": share.of}
                for name, share in self.shares().items()
            },
            "attempts": [
                {
                    "said": show(each.task.say),
                    "voice": each.voice,
                    "wanted": each.task.model_dump(mode="json"),
                    "heard": each.trial.reading.turns,
                    "called": [asdict(one) for one in called(each.trial)],
                    "right": each.right,
                    "lost": each.trial.lost,
                    "session_id": each.trial.session_id,
                }
                for each in self.attempts
            ],
        }


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--first", type=click.IntRange(1), help="Only so many.")
@click.option("--corrected", is_flag=True, help="Only those that are corrected in mid-sentence.")
@click.option("--voice", "voices", multiple=True, help="Who speaks: espeak:NAME or flite:NAME.")
@click.option("--url", help="The gateway; else ANTIPHON_URL, else the one that runs here.")
@click.option("--start", is_flag=True, help="With a deployment of its own, that is gone afterwards.")
@click.option(
    "--json", "out", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Each attempt."
)
def tasks(
    file: Path | None,
    first: int | None,
    corrected: bool,
    voices: tuple[str, ...],
    url: str | None,
    start: bool,
    out: Path | None,
) -> None:
    """Speak wishes to a running deployment, each in a call of its own, and tell how many were done as they were meant.

    A hundred of ours, 20 of them corrected in mid-sentence, or your own FILE. Right is: that tool ran, with these
    arguments, and no other tool did. It takes ten seconds a wish, and what is wished for is done.
    """
    if start and url:
        raise click.UsageError("--start and --url: one of them")
    chosen = [task for task in load(file or OURS) if task.is_corrected or not corrected][:first]
    run = asyncio.run(_run(None if start else gateway_url(url), chosen, voices or VOICES))
    click.echo()
    for name, share in run.shares().items():
        if share.value is not None and share.interval is not None:
            bar = f"   (at least {ENOUGH:.2f} is asked for)" if name == "all" else ""
            low, high = share.interval
            click.echo(f"{name:10} {share.value:.2f}   95 %: {low:.2f} to {high:.2f}   n {share.of}{bar}")
    for note in run.notes:
        click.echo(note)
    if out is not None:
        out.write_text(json.dumps(run.told(), indent=2) + "\n")
    if run.broken:
        raise CallBroke(run.broken)


async def _run(url: str | None, chosen: Sequence[Task], voices: Sequence[str]) -> Run:
    async with deployment_at(url) as there:
        return await speak(there, chosen, voices)


async def speak(url: str, chosen: Sequence[Task], voices: Sequence[str]) -> Run:
    """Go through all, one call at a time, the voices in turn.

    Raises:
        NoVoice: none of them can be had.
    """
    run = Run(url)
    async with own_synthesizer() as speaking:
        there, run.notes = await speaking.those_here(voices)
        for task, voice in zip(chosen, cycle(there), strict=False):
            try:
                attempt = await _attempt(url, speaking, task, voice)
            except (CallRefused, CallBroke) as error:
                # What was measured so far is still worth telling.
                run.broken = str(error)
                break
            run.attempts.append(attempt)
            click.echo(f"{len(run.attempts):4}  {attempt.line()}")
    return run


async def _attempt(url: str, speaking: Voices, task: Task, voice: str) -> Attempt:
    scenario = Scenario(title=show(task.say), lines=(task.say,), expect=Expect(tool="any"))
    said_at = datetime.now().astimezone()
    trials = [trial async for trial in perform(scenario, url, speaking, voice, scenario.lines, {})]
    trial = trials[0]
    return Attempt(task, voice, trial, not trial.lost and is_right(task, called(trial), said_at))


def called(trial: Trial) -> list[Called]:
    """The tools that succeeded, with their arguments."""
    reading = trial.reading
    return [Called(tool, arguments) for tool, arguments in zip(reading.tools, reading.arguments, strict=True)]
