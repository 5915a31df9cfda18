"""What others must be asked for: readiness of the parts, agents and tools, totals. No snapshot waits for it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from bridge.ports import OrchestratorError
from gateway.store.totals import Totals
from gateway.topology.graph import Learned
from services.base.database import StoreAway
from services.base.health import Ready
from services.orchestrator.protocol import AgentDescription, ToolDescription

log = logging.getLogger(__name__)

READY_EVERY_S = 1.0
ROSTER_EVERY_S = 5.0
TOTALS_EVERY_S = 5.0
TOTALS_SHARE = 10
"""Totals are counted again only after so many times as long as the counting took: at most a tenth of one connection,
however many rows there are."""


class Roster(Protocol):
    """Who tells which agents and tools there are (`HttpOrchestrator`)."""

    async def agents(self) -> list[AgentDescription]: ...

    async def tools(self) -> list[ToolDescription]: ...


class Surroundings:
    """Keeps `learned` fresh while `run` runs; what could not be learned anew stays as it was told last."""

    def __init__(self, ready: Ready, roster: Roster, totals: Callable[[], Awaitable[Totals]]) -> None:
        self._ready, self._roster, self._totals = ready, roster, totals
        self.learned = Learned()
        self._unasked: set[str] = set()
        self._asked = asyncio.Event()

    async def asked(self) -> None:
        """Wait until all have been asked once since `run` began."""
        await self._asked.wait()

    async def run(self) -> None:
        """Ask until cancelled."""
        loops = {
            "readiness": self._again("readiness", self._learn_readiness, READY_EVERY_S),
            "roster": self._again("roster", self._learn_roster, ROSTER_EVERY_S),
            "totals": self._again("totals", self._learn_totals, TOTALS_EVERY_S, TOTALS_SHARE),
        }
        self._asked.clear()
        self._unasked = set(loops)
        async with asyncio.TaskGroup() as asking:
            for name, loop in loops.items():
                asking.create_task(loop, name=f"topology {name}")

    async def _again(
        self, name: str, learn: Callable[[], Awaitable[None]], every_s: float, share: int = 0
    ) -> None:
        is_faulty = False
        while True:
            begun = time.monotonic()
            try:
                await learn()
                is_faulty = False
            except (OrchestratorError, StoreAway) as error:
                # Readiness says so already, to whom it matters.
                log.debug("not learned", extra={"of": name, "error": repr(error)})
            except Exception:
                # The others go on. It comes again with each attempt, and is told once.
                if not is_faulty:
                    log.exception("not learned, trying again", extra={"of": name})
                is_faulty = True
            self._unasked.discard(name)
            if not self._unasked:
                self._asked.set()
            await asyncio.sleep(max(every_s, share * (time.monotonic() - begun)))

    async def _learn_readiness(self) -> None:
        found = await self._ready.ask()
        self.learned = replace(self.learned, parts=found.parts)

    async def _learn_roster(self) -> None:
        agents, tools = await self._roster.agents(), await self._roster.tools()
        self.learned = replace(self.learned, agents=agents, tools=tools)

    async def _learn_totals(self) -> None:
        totals = await self._totals()
        self.learned = replace(self.learned, totals=totals)
