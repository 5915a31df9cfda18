"""`antiphon bench gateway`: what the gateway itself adds to a frame, on one core, beside a bare relay."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from gateway.cli.bench.load.generator import Load
from gateway.cli.bench.load.process import Cores
from gateway.cli.bench.load.report import Report, SoakReport
from gateway.cli.bench.load.servers import database, relay
from gateway.cli.bench.load.servers import gateway as echoing_gateway
from gateway.cli.bench.load.soak import Soak

RELAY_S = 10.0
"""The relay's figures settle sooner."""

SHORT = (200, 30.0)
LONG = (100, 600.0)
"""Calls and seconds where none are asked for, without and with `--soak`."""


@click.command()
@click.option("--calls", type=click.IntRange(1), help="Calls at once (200; 100 with --soak).")
@click.option("--seconds", type=float, help="How long they talk (30; 600 with --soak).")
@click.option(
    "--frame-ms", default=80, show_default=True, type=click.IntRange(10, 500), help="Sound a message."
)
@click.option("--relay/--no-relay", "with_relay", default=True, help="Measure a bare aiohttp relay as well.")
@click.option("--soak", "soaks", is_flag=True, help="The long run: half of the calls come and go; no relay.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def gateway(
    calls: int | None, seconds: float | None, frame_ms: int, with_relay: bool, soaks: bool, as_json: bool
) -> None:
    """Load a gateway of its own, whose engine echoes, and check every byte that comes back.

    The gateway runs alone on one core, with wire, session, bridge and store; the transcriber is off. Callers and
    database share the other cores. The exit status is 1 when a byte was wrong or lost, a row refused, a session
    left open or, in the long run, the memory grew; figures fail nothing.
    """
    import uvloop

    say = (lambda line: None) if as_json else (lambda line: click.echo(line, err=True))
    usual_calls, usual_seconds = LONG if soaks else SHORT
    count, length = calls or usual_calls, seconds or usual_seconds
    with TemporaryDirectory(prefix="antiphon-bench-") as folder:
        report: Report | SoakReport
        if soaks:
            report = uvloop.run(endure(Path(folder), count, length, frame_ms, say))
        else:
            report = uvloop.run(measure(Path(folder), count, length, frame_ms, with_relay, say))
    click.echo(report.json() if as_json else "\n".join(report.lines()))
    sys.exit(0 if report.right else 1)


async def measure(
    folder: Path, calls: int, seconds: float, frame_ms: int, with_relay: bool, say: Callable[[str], None]
) -> Report:
    """Run the load on the gateway, then on the relay. `say` is told what the processes print.

    Raises:
        ConnectionError, TimeoutError: a call could not be opened.
        PartFailed, PostgresFailed: what is measured could not be started.
    """
    cores = take_cores()
    async with database(folder) as data:
        async with echoing_gateway(folder, data, cores, calls, say) as target:
            ours = await Load(target, frame_ms).run(calls, seconds)
            written = await data.read(target)
        theirs = None
        if with_relay:
            async with relay(folder, cores, say) as target:
                theirs = await Load(target, frame_ms).run(calls, min(seconds, RELAY_S))
    return Report(frame_ms, seconds, cores.apart, ours, theirs, written)


async def endure(
    folder: Path, calls: int, seconds: float, frame_ms: int, say: Callable[[str], None]
) -> SoakReport:
    """The long run on the gateway alone. It raises what `measure` does."""
    cores = take_cores()
    async with database(folder) as data, echoing_gateway(folder, data, cores, calls, say) as target:
        endured = await Soak(target, frame_ms, calls, say).run(seconds)
        return SoakReport(frame_ms, endured, await data.read(target))


def take_cores() -> Cores:
    """Leave the core of the process under test to it."""
    cores = Cores.divide()
    if cores.others:
        os.sched_setaffinity(0, cores.others)
    return cores
