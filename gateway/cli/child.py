"""A part that is a process of its own: started, asked for readiness, its lines passed on, ended with its group."""

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import IO

import aiohttp

from gateway.cli.part import PartFailed, ends
from gateway.cli.tether import tethered
from services.base.tls import pinned

READY_S = 60.0
"""The first start on a loaded machine compiles every module."""
STOP_S = 10.0
"""A service gives open requests 5 s."""
ASK_S = 3.0
POLL_S = 0.05
LAST_LINES = 20
LONGEST_LINE = 2**20
LONGEST_LOG = 5 * 2**20
"""Bytes; a longer log is set aside (one is kept) when its part starts."""
DRAIN_S = 1.0


async def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Spec:
    """How to run one process."""

    name: str
    command: Sequence[str]
    port: int
    log: Path
    environment: Callable[[], Mapping[str, str]]
    """Asked at each start, when the parts that this one comes after are ready."""
    host: str = "127.0.0.1"
    after: Collection[str] = ()
    uses: Collection[str] = ()
    before: Callable[[], Awaitable[None]] = _nothing
    """What has to be done before each start."""
    ready_path: str = "/ready"
    """Answers 200 once the start is done."""
    certificate: Path | None = None
    """What it shows where it speaks TLS."""

    @property
    def ready_url(self) -> str:
        scheme = "https" if self.certificate else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}{self.ready_path}"


class Child:
    """The process of `spec`.

    Args:
        say: takes each line that it prints.
    """

    def __init__(self, spec: Spec, say: Callable[[str], None]) -> None:
        self.spec = spec
        self.say = say
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._lines: deque[str] = deque(maxlen=LAST_LINES)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def after(self) -> Collection[str]:
        return self.spec.after

    @property
    def uses(self) -> Collection[str]:
        return self.spec.uses

    @property
    def port(self) -> int:
        return self.spec.port

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    def last_words(self) -> str:
        return "\n".join(self._lines)

    async def start(self) -> None:
        await self.spec.before()
        self._lines.clear()
        # A pipe of our own: asyncio takes a process for running while its worker holds a pipe of asyncio's.
        ours, theirs = os.pipe()
        reader = self._pass_on(os.fdopen(ours, "rb"))
        self._reader = asyncio.create_task(reader, name=f"{self.name} lines")
        try:
            self._process = await asyncio.create_subprocess_exec(
                *tethered(self.spec.command, SIGKILL),
                env=dict(self.spec.environment()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,  # Ctrl-C in the terminal is the supervisor's business.
            )
        finally:
            os.close(theirs)
        await self._until_ready()

    async def wait(self) -> str:
        assert self._process is not None, "it was never started"
        return how_it_ended(await self._process.wait())

    async def stop(self, hasten: asyncio.Event) -> None:
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.send_signal(SIGTERM)
            await ends(self._process.wait(), STOP_S, hasten)
        # Its group: workers that it left behind would hold ports and memory.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, SIGKILL)
        await self._process.wait()
        if self._reader is not None:
            # What it said last is still in the pipe.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._reader, DRAIN_S)
        self._process = self._reader = None

    async def _until_ready(self) -> None:
        assert self._process is not None
        waiter = asyncio.create_task(self._process.wait())
        why = "it doesn't listen"
        timeout = aiohttp.ClientTimeout(total=ASK_S)
        try:
            connector = pinned(self.spec.certificate)
            session = aiohttp.ClientSession(timeout=timeout, connector=connector)
            async with asyncio.timeout(READY_S), session as http:
                while (missing := await self._missing(http)) is not None:
                    why = missing
                    done, _ = await asyncio.wait((waiter,), timeout=POLL_S)
                    if done:
                        raise PartFailed(f"{self.name} {how_it_ended(waiter.result())} while it started")
        except TimeoutError as error:
            raise PartFailed(f"{self.name} was not ready within {READY_S:g} s: {why}") from error
        finally:
            waiter.cancel()

    async def _missing(self, http: aiohttp.ClientSession) -> str | None:
        """None once it is ready, else what is missing."""
        try:
            async with http.get(self.spec.ready_url) as answer:
                return None if answer.status == 200 else await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            return str(error) or type(error).__name__

    async def _pass_on(self, pipe: IO[bytes]) -> None:
        """Give what it prints to the log, to `say` and to `last_words`, until it has ended."""
        stream = asyncio.StreamReader(limit=LONGEST_LINE)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), pipe
        )
        with closing(transport), open_log(self.spec.log) as log:
            while True:
                try:
                    raw = await stream.readline()
                except ValueError:
                    raw = b"(a line of more than 1 MiB was left out)\n"
                if not raw:
                    return
                line = raw.decode(errors="replace").rstrip("\n")
                self._lines.append(line)
                log.write(f"{line}\n")
                self.say(line)


def open_log(path: Path) -> IO[str]:
    """Open `path` to be appended to, line by line; one that has grown long is set aside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LONGEST_LOG:
        path.replace(path.with_suffix(".old.log"))
    return path.open("a", buffering=1, encoding="utf-8")


def how_it_ended(status: int) -> str:
    """An exit status in words."""
    return f"was killed by {Signals(-status).name}" if status < 0 else f"ended with status {status}"
