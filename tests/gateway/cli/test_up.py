"""`antiphon up`, as a process of its own, over parts that the tests make up and a real Postgres."""

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from signal import SIGINT, SIGKILL

import asyncpg
import pytest

from gateway.cli.ports import free_port
from services.base.database_url import for_psql

Gone = Callable[[int], Awaitable[None]]
"""The fixture `gone`."""

FAKE = Path(__file__).with_name("fake_part.py")

ANTIPHON = """
import os, sys
from dataclasses import replace
from gateway.cli import deployment, main, up

story, manners = os.environ["STORY"], os.environ.get("MANNERS", "").split()

def specs(*args):
    for spec in deployment.specs(*args):
        command = (sys.executable, {fake!r}, spec.name, str(spec.port), story)
        mine = manners if spec.name == "synthesizer" else []
        # `before` asks the true orchestrator for its tools.
        yield replace(spec, command=(*command, *mine), before=nothing)

async def nothing():
    pass

async def migrated(url):
    pass

up.specs, up.migrate = specs, migrated
main.main()
"""

EXIT_S = 60


class Antiphon:
    """The command in a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.story = folder / "story"
        self.script = folder / "antiphon.py"
        self.script.write_text(ANTIPHON.format(fake=str(FAKE)))
        self.story.touch()
        self.port = free_port()
        self.processes: list[Process] = []

    async def start(self, *arguments: str, **environ: str) -> Process:
        ports = {f"{name}_PORT": str(free_port()) for name in ("ORCHESTRATOR", "SYNTHESIZER", "TRANSCRIBER")}
        own = {"ANTIPHON_HOME": str(self.home), "GATEWAY_PORT": str(self.port), "STORY": str(self.story)}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(self.script),
            *arguments,
            stdout=PIPE,
            stderr=STDOUT,
            env={**os.environ, "PYTHONPATH": os.getcwd(), "HOME": str(self.home), **own, **ports, **environ},
        )
        self.processes.append(process)
        return process

    def state(self) -> dict[str, object]:
        state: dict[str, object] = json.loads((self.home / "run/state.json").read_text())
        return state

    def told(self) -> list[str]:
        return self.story.read_text().splitlines()


@pytest.fixture
async def antiphon(tmp_path: Path) -> AsyncIterator[Antiphon]:
    antiphon = Antiphon(tmp_path)
    yield antiphon
    for process in antiphon.processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_with(process: Process, words: str) -> str:
    """The next line that has `words` in it."""
    seen = []
    assert process.stdout is not None
    async with asyncio.timeout(90):
        while raw := await process.stdout.readline():
            seen.append(raw.decode())
            if words in seen[-1]:
                return seen[-1]
    raise AssertionError(f"{words!r} was not said:\n{''.join(seen)}")


async def the_end(process: Process) -> tuple[int | None, str]:
    """Exit status and what it still said."""
    async with asyncio.timeout(EXIT_S):
        said, _ = await process.communicate()
    return process.returncode, said.decode()


def pids(state: dict[str, object]) -> list[int]:
    parts = state["parts"]
    assert isinstance(parts, dict)
    return [part["pid"] for part in parts.values()]


async def test_it_starts_everything_and_ctrl_c_stops_everything_in_order(
    antiphon: Antiphon, gone: Gone
) -> None:
    process = await antiphon.start("up")
    assert f"http://localhost:{antiphon.port}" in await line_with(process, "Talk at")
    state = antiphon.state()
    assert set(state["parts"]) == {"postgres", "orchestrator", "synthesizer", "transcriber", "gateway"}  # type: ignore[call-overload]

    process.send_signal(SIGINT)
    status, said = await the_end(process)
    assert status == 0
    assert said.splitlines()[-1].endswith("| stopped")
    stops = [line.split()[0] for line in antiphon.told() if line.endswith("was asked to stop")]
    assert stops[0] == "gateway"
    assert sorted(stops[1:]) == ["orchestrator", "synthesizer", "transcriber"]
    for pid in pids(state):
        await gone(pid)
    assert not (antiphon.home / "run/state.json").exists()


async def test_a_second_up_says_what_runs(antiphon: Antiphon) -> None:
    process = await antiphon.start("up")
    await line_with(process, "Talk at")
    status, said = await the_end(await antiphon.start("up"))
    assert status == 0
    assert f"already running at http://localhost:{antiphon.port}" in said
    assert f"pid {process.pid}" in said


async def test_another_command_reaches_the_running_database(antiphon: Antiphon) -> None:
    process = await antiphon.start("up")
    await line_with(process, "Talk at")
    url = antiphon.state()["database_url"]
    connection = await asyncpg.connect(for_psql(str(url)))
    await connection.execute("CREATE TABLE kept AS SELECT 4242 AS answer")
    await connection.close()
    status, said = await the_end(await antiphon.start("sql", "SELECT answer FROM kept"))
    assert (status, "4242" in said) == (0, True)


async def test_sql_starts_the_database_for_itself_where_nothing_runs(antiphon: Antiphon) -> None:
    status, said = await the_end(await antiphon.start("sql", "SELECT 40 + 2 AS answer"))
    assert status == 0
    assert "answer" in said
    assert "42" in said


async def test_a_part_that_dies_is_started_again(antiphon: Antiphon) -> None:
    process = await antiphon.start("up")
    await line_with(process, "Talk at")
    before = antiphon.state()["parts"]
    assert isinstance(before, dict)
    os.kill(before["synthesizer"]["pid"], SIGKILL)
    await line_with(process, "synthesizer was killed by SIGKILL; it is started again")
    await line_with(process, "synthesizer  | started")


async def test_the_database_may_die_too(antiphon: Antiphon) -> None:
    process = await antiphon.start("up")
    await line_with(process, "Talk at")
    before = antiphon.state()
    parts = before["parts"]
    assert isinstance(parts, dict)
    os.kill(parts["postgres"]["pid"], SIGKILL)
    await line_with(process, "postgres is ready again")
    connection = await asyncpg.connect(for_psql(str(before["database_url"])))
    await connection.close()


async def test_a_part_that_keeps_dying_ends_everything_with_its_last_words(antiphon: Antiphon) -> None:
    status, said = await the_end(await antiphon.start("up", MANNERS="dies=3"))
    assert status == 1
    assert re.search(r"synthesizer failed 4 times within 60 s; at last it ended with status 3", said)
    assert said.splitlines()[-1] == "cannot go on"


async def test_killing_it_leaves_nothing_and_the_next_start_works(antiphon: Antiphon, gone: Gone) -> None:
    process = await antiphon.start("up")
    await line_with(process, "Talk at")
    before = pids(antiphon.state())
    process.send_signal(SIGKILL)
    await process.wait()
    await line_with(await antiphon.start("up"), "Talk at")
    for pid in before:
        await gone(pid)


async def test_a_taken_port_is_told_in_a_sentence(antiphon: Antiphon) -> None:
    foreign = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", antiphon.port)
    async with foreign:
        status, said = await the_end(await antiphon.start("up"))
    assert status == 1
    assert f"another program uses 127.0.0.1:{antiphon.port}" in said
    assert "GATEWAY_PORT" in said
    assert "Traceback" not in said


async def test_no_door_is_opened_without_keys(antiphon: Antiphon) -> None:
    status, said = await the_end(await antiphon.start("up", "--host", "0.0.0.0"))
    assert status == 1
    assert "ANTIPHON_API_KEYS" in said


async def test_a_start_on_loopback_loads_nothing_that_it_can_do_without() -> None:
    """Its parts wait for it, each with a core to itself as far as there are cores."""
    listed = "import sys, gateway.cli.up; print(*sys.modules, sep='\\n')"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", listed, stdout=PIPE)
    status, said = await the_end(process)
    assert status == 0
    assert not {"cryptography", "psutil", "yaml", "sqlalchemy", "alembic"} & set(said.splitlines())
