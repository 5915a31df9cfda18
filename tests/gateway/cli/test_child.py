"""A part that is a process: ready, stubborn, noisy, dead."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from signal import SIGKILL

import aiohttp
import pytest

from gateway.cli.child import LONGEST_LOG, Child, Spec
from gateway.cli.part import PartFailed
from gateway.cli.ports import free_port

Gone = Callable[[int], Awaitable[None]]
"""The fixture `gone`."""

FAKE = Path(__file__).with_name("fake_part.py")
Make = Callable[..., Child]

SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from gateway.cli.child import Child, Spec

async def main():
    name, port, *command = sys.argv[1:]
    child = Child(Spec(name, command, int(port), Path(sys.argv[0] + ".log"), dict), print)
    await child.start()
    print(child.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(FAKE), *arguments)


@pytest.fixture
def story(tmp_path: Path) -> Path:
    return tmp_path / "story"


@pytest.fixture
async def make(tmp_path: Path, story: Path) -> AsyncIterator[Make]:
    """Makes children that are stopped after the test."""
    at_once = asyncio.Event()
    at_once.set()
    async with AsyncExitStack() as stack:

        def make(*manners: str, said: list[str] | None = None) -> Child:
            port = free_port()
            run = command("voice", str(port), str(story), *manners)
            lines = said if said is not None else []
            child = Child(Spec("voice", run, port, tmp_path / "voice.log", lambda: os.environ), lines.append)
            stack.push_async_callback(child.stop, at_once)
            return child

        yield make


async def test_a_start_ends_when_the_part_is_ready(make: Make) -> None:
    child = make()
    await child.start()
    async with aiohttp.ClientSession() as http, http.get(child.spec.ready_url) as answer:
        assert answer.status == 200


async def test_what_it_prints_goes_to_the_terminal_and_to_its_log(make: Make, tmp_path: Path) -> None:
    said: list[str] = []
    child = make(said=said)
    await child.start()
    await child.stop(asyncio.Event())
    assert said == ["started", "was asked to stop"]
    assert (tmp_path / "voice.log").read_text() == "started\nwas asked to stop\n"
    assert child.last_words() == "started\nwas asked to stop"


async def test_a_part_that_ends_while_it_starts_has_failed(make: Make) -> None:
    child = make("dies=3")
    with pytest.raises(PartFailed, match="ended with status 3 while it started"):
        await child.start()
    await child.stop(asyncio.Event())
    assert child.last_words() == "cannot go on"


async def test_a_death_is_told_by_the_name_of_its_signal(make: Make) -> None:
    child = make()
    await child.start()
    assert child.pid is not None
    os.kill(child.pid, SIGKILL)
    async with asyncio.timeout(30):
        assert await child.wait() == "was killed by SIGKILL"


async def test_a_stubborn_part_is_killed_when_hastened(make: Make, story: Path, gone: Gone) -> None:
    child = make("stubborn")
    await child.start()
    pid = child.pid
    assert pid is not None
    hasten = asyncio.Event()
    stopping = asyncio.create_task(child.stop(hasten))
    hasten.set()
    async with asyncio.timeout(30):
        await stopping
    await gone(pid)


async def test_a_stubborn_part_is_killed_after_its_time(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cli.child.STOP_S", 0.1)
    child = make("stubborn")
    await child.start()
    async with asyncio.timeout(30):
        await child.stop(asyncio.Event())
    assert child.pid is None


async def test_the_workers_of_a_part_end_with_it(make: Make, gone: Gone) -> None:
    said: list[str] = []
    child = make("with-worker", said=said)
    await child.start()
    worker = int(said[0].removeprefix("has worker "))
    await child.stop(asyncio.Event())
    await gone(worker)


async def test_a_part_is_gone_though_its_worker_is_not(make: Make, gone: Gone) -> None:
    said: list[str] = []
    child = make("with-worker", said=said)
    await child.start()
    assert child.pid is not None
    os.kill(child.pid, SIGKILL)
    async with asyncio.timeout(30):
        await child.wait()
    await child.stop(asyncio.Event())
    await gone(int(said[0].removeprefix("has worker ")))


async def test_a_part_that_is_not_ready_in_time_has_failed(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.cli.child.READY_S", 0.05)
    monkeypatch.setattr("gateway.cli.child.POLL_S", 10)
    with pytest.raises(PartFailed, match="not ready within"):
        await make("stubborn").start()


async def test_killing_the_supervisor_leaves_no_part(tmp_path: Path, story: Path, gone: Gone) -> None:
    script = tmp_path / "supervisor.py"
    script.write_text(SUPERVISOR)
    port = str(free_port())
    owner = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        "voice",
        port,
        *command("voice", port, str(story), "stubborn"),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    )
    assert owner.stdout is not None
    async with asyncio.timeout(60):
        assert await owner.stdout.readline() == b"started\n"
        pid = int(await owner.stdout.readline())
    owner.send_signal(SIGKILL)
    await owner.wait()
    await gone(pid)


async def test_a_long_log_is_set_aside(make: Make, tmp_path: Path) -> None:
    log = tmp_path / "voice.log"
    log.write_bytes(b"x" * (LONGEST_LOG + 1))
    child = make()
    await child.start()
    await child.stop(asyncio.Event())
    assert (tmp_path / "voice.old.log").stat().st_size == LONGEST_LOG + 1
    assert log.read_text() == "started\nwas asked to stop\n"
