"""The supervisor over parts without processes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gateway.cli.part import PartFailed
from gateway.cli.restarts import Policy
from gateway.cli.supervisor import GaveUp, Supervisor
from services.base.problems import Problem

AT_ONCE = Policy(deaths=2, within_s=60, first_delay_s=0)


@dataclass
class Scripted:
    """A part that does what the test says and writes down what happens to it."""

    name: str
    story: list[str]
    after: Collection[str] = ()
    uses: Collection[str] = ()
    starting: Callable[[], Awaitable[None]] | None = None
    dies: asyncio.Event = field(default_factory=asyncio.Event)
    pid: int | None = None
    port: int | None = None

    async def start(self) -> None:
        self.story.append(f"{self.name} starts")
        self.dies.clear()
        if self.starting:
            await self.starting()

    async def wait(self) -> str:
        await self.dies.wait()
        return "was killed by SIGKILL"

    async def stop(self, hasten: asyncio.Event) -> None:
        self.story.append(f"{self.name} stops{' at once' if hasten.is_set() else ''}")

    def last_words(self) -> str:
        return f"the last words of {self.name}"


class Run:
    """A supervisor at work."""

    def __init__(self, parts: Sequence[Scripted]) -> None:
        self.said: list[str] = []
        self.stop, self.hasten = asyncio.Event(), asyncio.Event()
        self.supervisor = Supervisor(parts, self.said.append, policy=AT_ONCE)
        self.task = asyncio.create_task(self.supervisor.run(self.stop, self.hasten))

    async def ended(self) -> None:
        async with asyncio.timeout(10):
            await self.task

    async def until_ready(self) -> None:
        async with asyncio.timeout(10):
            await self.supervisor.until_ready()


@asynccontextmanager
async def running(*parts: Scripted) -> AsyncIterator[Run]:
    run = Run(parts)
    try:
        yield run
    finally:
        run.task.cancel()
        await asyncio.gather(run.task, return_exceptions=True)


async def test_a_part_starts_when_what_it_comes_after_is_ready_and_stops_before_what_it_uses() -> None:
    story: list[str] = []
    gate = asyncio.Event()

    async def slow() -> None:
        await gate.wait()
        story.append("database is ready")

    parts = (
        Scripted("gateway", story, after=["database"], uses=["database"]),
        Scripted("database", story, starting=slow),
    )
    async with running(*parts) as run:
        gate.set()
        await run.until_ready()
        run.stop.set()
        await run.ended()
    assert story == [
        "database starts",
        "database is ready",
        "gateway starts",
        "gateway stops",
        "database stops",
    ]


async def test_what_a_part_uses_outlives_it_though_they_start_side_by_side() -> None:
    story: list[str] = []
    async with running(Scripted("voice", story), Scripted("gateway", story, uses=["voice"])) as run:
        await run.until_ready()
        run.stop.set()
        await run.ended()
    assert story == ["voice starts", "gateway starts", "gateway stops", "voice stops"]


async def test_a_part_that_dies_is_cleared_away_and_started_again() -> None:
    story: list[str] = []
    again = asyncio.Event()

    async def starting() -> None:
        if story.count("voice starts") == 2:
            again.set()

    part = Scripted("voice", story, starting=starting)
    async with running(part) as run:
        await run.until_ready()
        part.dies.set()
        async with asyncio.timeout(10):
            await again.wait()
        await run.until_ready()
        run.stop.set()
        await run.ended()
    assert story == ["voice starts", "voice stops at once", "voice starts", "voice stops"]
    assert run.said == ["voice was killed by SIGKILL; it is started again in 0 s", "voice is ready again"]


async def test_a_part_that_keeps_dying_is_given_up_and_everything_stops_with_the_reason() -> None:
    story: list[str] = []

    async def fail() -> None:
        raise PartFailed("voice ended with status 3 while it started")

    parts = Scripted("voice", story, starting=fail), Scripted("database", story)
    async with running(*parts) as run:
        with pytest.raises(GaveUp) as given_up:
            await run.ended()
    assert given_up.value.detail == (
        "voice failed 3 times within 60 s; at last it ended with status 3 while it started.\n"
        "the last words of voice"
    )
    assert story[-2:] == ["voice stops", "database stops"]


async def test_what_no_second_try_can_mend_ends_everything_at_once() -> None:
    story: list[str] = []

    async def fail() -> None:
        raise Problem("the password is wrong")

    parts = (
        Scripted("database", story, starting=fail),
        Scripted("gateway", story, after=["database"], uses=["database"]),
    )
    async with running(*parts) as run:
        with pytest.raises(Problem, match="the password is wrong"):
            await run.ended()
    assert story == ["database starts", "gateway stops", "database stops"]


async def test_a_stop_while_a_part_starts_is_heeded() -> None:
    story: list[str] = []
    begun = asyncio.Event()

    async def for_ever() -> None:
        begun.set()
        await asyncio.Event().wait()

    async with running(Scripted("voice", story, starting=for_ever)) as run:
        async with asyncio.timeout(10):
            await begun.wait()
        run.stop.set()
        await run.ended()
    assert story == ["voice starts", "voice stops"]


async def test_hastening_reaches_the_parts() -> None:
    story: list[str] = []
    async with running(Scripted("voice", story)) as run:
        await run.until_ready()
        run.hasten.set()
        run.stop.set()
        await run.ended()
    assert story == ["voice starts", "voice stops at once"]
