"""The surroundings: each is asked by itself, and what fails in one keeps nobody from the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from gateway.store.totals import Totals
from gateway.topology import surroundings as module
from gateway.topology.surroundings import Surroundings
from services.base.health import Ready
from services.orchestrator.protocol import AgentDescription, ToolDescription

PATIENCE = 20.0
NOW = datetime(2026, 1, 31, tzinfo=UTC)


class Orchestrator:
    """Tells of one agent, after so many faults."""

    def __init__(self, faults: int = 0) -> None:
        self.faults = faults
        self.asked = 0
        """For its tools."""
        self.told = asyncio.Event()
        """What it told the first time was taken in."""

    async def agents(self) -> list[AgentDescription]:
        if self.faults:
            self.faults -= 1
            raise ValueError("a fault of ours")
        return [AgentDescription(name="clock", description="Knows the time.", tools=[])]

    async def tools(self) -> list[ToolDescription]:
        self.asked += 1
        if self.asked > 1:
            self.told.set()
        return []


async def count() -> Totals:
    return Totals(NOW, 7, 0, 0, 0, (), ())


async def nothing_missing() -> str | None:
    return None


@asynccontextmanager
async def running(around: Surroundings) -> AsyncIterator[None]:
    task = asyncio.create_task(around.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture(autouse=True)
def _without_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROSTER_EVERY_S", 0.001)


async def test_what_fails_unforeseen_keeps_nobody_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    around = Surroundings(Ready({"database": nothing_missing}), Orchestrator(faults=1_000_000), count)
    async with asyncio.timeout(PATIENCE), running(around):
        await around.asked()
    assert around.learned.parts == {"database": None}
    assert around.learned.totals == await count()
    assert around.learned.agents == ()
    assert caplog.text.count("not learned, trying again") == 1


async def test_what_failed_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    orchestrator = Orchestrator(faults=3)
    around = Surroundings(Ready({}), orchestrator, count)
    async with asyncio.timeout(PATIENCE), running(around):
        await orchestrator.told.wait()
    assert [agent.name for agent in around.learned.agents] == ["clock"]
    assert caplog.text.count("not learned, trying again") == 1, "a fault that stays is told once"
