"""The product as its users start it: `antiphon up` in a process of its own, with a home and ports of its own."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from gateway.cli.home import Home, Running, RunningPart, Secrets
from gateway.cli.ports import free_port
from services.base.database_url import for_psql

READY_S = 180.0
"""The first start compiles every module and makes a database, beside other tests on two cores."""

STOP_S = 60.0
TAIL = 40
"""Lines of a log that a failure shows."""

ANTIPHON = (sys.executable, "-P", "-m", "gateway.cli.main")
UP = (*ANTIPHON, "up")


class Deployment:
    """A running `antiphon up`."""

    def __init__(
        self, home: Path, environment: Mapping[str, str] | None = None, command: Sequence[str] = UP
    ) -> None:
        """Start it; it is ready once it says where to talk."""
        self.home = Home(home)
        ports = ("GATEWAY_PORT", "ORCHESTRATOR_PORT", "SYNTHESIZER_PORT", "TRANSCRIBER_PORT")
        self.environment = {
            **os.environ,
            **{name: str(free_port()) for name in ports},
            "ANTIPHON_HOME": str(home),
            # On a busy machine a tool is slow now and then; what is then said meanwhile, other tests listen to.
            "FILLER_AFTER_S": "60",
            **(environment or {}),
        }
        self.lines: list[str] = []
        self._fresh: queue.Queue[str | None] = queue.Queue()
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A Ctrl-C that ends the tests leaves it to the fixture.
            start_new_session=True,
        )
        threading.Thread(target=self._read, name="antiphon up", daemon=True).start()

    @classmethod
    def started(
        cls, home: Path, environment: Mapping[str, str] | None = None, command: Sequence[str] = UP
    ) -> Self:
        """Start it and wait until it says where to talk."""
        deployment = cls(home, environment, command)
        try:
            deployment.wait_for_line(r"Talk at http", READY_S)
        except BaseException:
            deployment.kill()
            raise
        return deployment

    @property
    def running(self) -> Running:
        """As it writes itself down for other commands."""
        state = Running.read(self.home.state)
        assert state is not None, f"it does not run\n{self.tail()}"
        return state

    @property
    def url(self) -> str:
        """The gateway, where a browser finds it."""
        return self.running.address

    @property
    def wire_url(self) -> str:
        return f"{self.url.replace('http', 'ws', 1)}/v1/realtime"

    @property
    def database_url(self) -> str:
        """For asyncpg."""
        return for_psql(self.running.database_url)

    @property
    def internal_key(self) -> str:
        return Secrets.load(self.home).internal_key

    def part(self, name: str) -> RunningPart:
        return self.running.parts[name]

    def part_url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.part(name).port}"

    def kill_part(self, name: str) -> None:
        """As the kernel kills what eats too much memory."""
        pid = self.part(name).pid
        assert pid is not None, f"{name} does not run\n{self.tail()}"
        os.kill(pid, signal.SIGKILL)

    def wait_for_line(self, pattern: str, seconds: float = READY_S) -> str:
        """The next line, of those nobody waited for yet, that holds `pattern`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._fresh.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(
                    f"no line with {pattern!r} within {seconds:g} s\n{self.tail()}"
                ) from None
            if line is None:
                raise AssertionError(f"it ended with status {self.process.wait()}\n{self.tail()}")
            if re.search(pattern, line):
                return line

    def stop(self) -> int:
        """End it as Ctrl-C does; returns its exit status.

        Raises:
            AssertionError: it took too long, or left processes behind.
        """
        self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it had not stopped after {STOP_S:g} s\n{self.tail()}") from None
        left = {pid: command_of(pid) for pid in self.processes()}
        assert not left, f"it left processes behind: {left}\n{self.tail()}"
        return status

    def kill(self) -> None:
        """End it, and all that is left of it, by force."""
        self.process.kill()
        self.process.wait()
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)

    def processes(self) -> list[int]:
        """Every process of it, whoever its parent is: each has its home in the environment, or works below it."""
        return [pid for pid in _pids() if _belongs(pid, str(self.home.root))]

    def proportional_mb(self) -> dict[str, float]:
        """Memory by process (PSS: shared pages are shared out), in MB."""
        sizes: dict[str, float] = {}
        for pid in self.processes():
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
            assert found is not None
            sizes[f"{pid} {command_of(pid)[:60]}"] = int(found[1]) / 1000
        return sizes

    def tail(self) -> str:
        """The end of what it said, for whoever must find out what went wrong."""
        return "\n".join(["--- antiphon up ---", *self.lines[-3 * TAIL :]])

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip("\n"))
                self._fresh.put(line)
        self._fresh.put(None)


def run_command(
    deployment_environment: Mapping[str, str], *arguments: str
) -> "subprocess.CompletedProcess[str]":
    """Run `antiphon …` to its end."""
    return subprocess.run(
        (*ANTIPHON, *arguments),
        env=dict(deployment_environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )


def command_of(pid: int) -> str:
    """Its command line; empty when it is gone."""
    return _quietly(lambda: Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip())


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _belongs(pid: int, home: str) -> bool:
    if _quietly(lambda: Path(f"/proc/{pid}/stat").read_text()).rpartition(")")[2].split()[:1] == ["Z"]:
        return False
    environment = _quietly(lambda: Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace"))
    # Postgres writes its title over its environment.
    folder = _quietly(lambda: os.readlink(f"/proc/{pid}/cwd"))
    return f"ANTIPHON_HOME={home}" in environment.split("\0") or folder.startswith(home)


def _quietly(read: Callable[[], str]) -> str:
    """What `read` finds; empty when the process is gone, or not ours to look at."""
    try:
        return read()
    except OSError:
        return ""
