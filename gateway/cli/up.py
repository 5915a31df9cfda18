"""`antiphon up`: the embedded default, under one supervisor."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM

import click

from gateway.cli.child import Child
from gateway.cli.database import Database, migrate
from gateway.cli.deployment import Ports, UpSettings, specs
from gateway.cli.home import Home, Running, RunningPart, Secrets
from gateway.cli.part import Part
from gateway.cli.postgres import EmbeddedPostgres
from gateway.cli.supervisor import Supervisor
from gateway.rest.page import find_page

LOCK_TRIES = 5
LOCK_PAUSE_S = 0.05
"""Another command that looks whether we run holds the lock for a moment."""


@click.command()
@click.option("--host", help="Where the gateway listens. Else GATEWAY_HOST, else this machine only.")
@click.option("--port", type=int, help="The gateway's port. Else GATEWAY_PORT, else 8999.")
@click.option("--lan", is_flag=True, help="Let other machines in: with TLS, and with a key.")
@click.option("--home", type=click.Path(path_type=Path), help="Where the data lie. Else ANTIPHON_HOME.")
def up(host: str | None, port: int | None, lan: bool, home: Path | None) -> None:
    """Start database, transcriber, synthesizer, orchestrator and gateway; Ctrl-C stops them."""
    given = {"gateway_host": host, "gateway_port": port}
    settings = UpSettings.load().model_copy(update={k: v for k, v in given.items() if v is not None})
    asyncio.run(run(Home(home.absolute()) if home else Home.find(), settings, lan))


async def run(home: Home, settings: UpSettings, lan: bool = False) -> None:
    """Run until a signal; when it runs already, say so and return.

    Args:
        lan: let other machines in, too.

    Raises:
        Problem: it can't start, or can't go on.
    """
    home.prepare()
    lock = await _take_lock(home)
    if lock is None:
        say(already(home.running()))
        return
    try:
        if lan:
            # Brings certificates along, 0.1 s for which no other start need wait.
            from gateway.cli.lan import invitation, opened

            settings = opened(settings, home)
        settings.check()
        await Up(home, settings, invitation(settings, home) if lan else ()).run()
    finally:
        home.state.unlink(missing_ok=True)
        os.close(lock)


class Up:
    """One run of the whole.

    Args:
        invitation: more to say, once all is ready.
    """

    def __init__(self, home: Home, settings: UpSettings, invitation: Sequence[str] = ()) -> None:
        self.home = home
        self.settings = settings
        self.invitation = invitation
        self.began = time.monotonic()
        self.since = datetime.now(UTC).isoformat(timespec="seconds")
        secrets = Secrets.load(home)
        server = EmbeddedPostgres(home.pg, secrets.postgres_password)
        self.database = None if settings.database_url else Database(server, migrate)
        ports = Ports.choose(settings, say)
        embedded = self.database is not None
        processes = specs(home, secrets, settings, ports, os.environ, self.database_address, embedded)
        children = [Child(spec, _under(spec.name)) for spec in processes]
        self.parts: list[Part] = [*([self.database] if self.database else []), *children]
        self.supervisor = Supervisor(self.parts, say, self.write_state)

    def database_url(self) -> str:
        return self.database.url if self.database else self.settings.database_url

    def database_address(self) -> str:
        return self.database.address if self.database else self.settings.database_url

    def write_state(self) -> None:
        """Tell later commands what runs."""
        parts = {part.name: RunningPart(part.pid, part.port) for part in self.parts}
        Running(
            pid=os.getpid(),
            since=self.since,
            address=self.settings.address,
            url=self.settings.url,
            certificate=str(self.settings.gateway_tls_cert or ""),
            database_url=self.database_url(),
            parts=parts,
        ).write(self.home.state)

    async def run(self) -> None:
        stop, hasten = asyncio.Event(), asyncio.Event()
        _on_signals(stop, hasten)
        if find_page(self.settings.web_folder) is None:
            say("the page is not built, so only programs can call: `make run` in the checkout builds it")
        self.write_state()
        if self.settings.database_url:
            await migrate(self.settings.database_url)
        telling = asyncio.create_task(self._tell())
        try:
            await self.supervisor.run(stop, hasten)
        finally:
            telling.cancel()
        say("stopped")

    async def _tell(self) -> None:
        """Say what becomes ready, and where to talk in the end."""

        async def one(part: Part) -> None:
            await self.supervisor.ready[part.name].wait()
            say(f"{part.name} is ready on port {part.port} after {self._seconds()}")

        await asyncio.gather(*map(one, self.parts))
        for line in self.invitation:
            say(line)
        say(f"ready after {self._seconds()}. Talk at {self.settings.address} · Ctrl-C stops everything")

    def _seconds(self) -> str:
        return f"{time.monotonic() - self.began:.1f} s"


def already(running: Running | None) -> str:
    """What to say to one who starts it again."""
    if running is None:
        return "another start is under way in this folder"
    parts = ", ".join(f"{name} (pid {part.pid}, port {part.port})" for name, part in running.parts.items())
    return f"already running at {running.address} since {running.since}, pid {running.pid}: {parts}"


def say(sentence: str) -> None:
    """Print a sentence of ours."""
    # The terminal may be gone; then stopping in order matters more than words.
    with suppress(OSError):
        click.echo(f"{'antiphon':12} | {sentence}")


def _under(name: str) -> Callable[[str], None]:
    """Print a line under the name of the part that said it."""

    def print_line(line: str) -> None:
        with suppress(OSError):
            click.echo(f"{name:12} | {line}")

    return print_line


def _on_signals(stop: asyncio.Event, hasten: asyncio.Event) -> None:
    """The first signal stops, the second hastens."""

    def signalled() -> None:
        if stop.is_set():
            hasten.set()
        else:
            say("stopping in order; Ctrl-C again hastens it")
            stop.set()

    for number in (SIGINT, SIGTERM, SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, signalled)


async def _take_lock(home: Home) -> int | None:
    for _ in range(LOCK_TRIES):
        if (lock := home.take_lock()) is not None:
            return lock
        await asyncio.sleep(LOCK_PAUSE_S)
    return None
