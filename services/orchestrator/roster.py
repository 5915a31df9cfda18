"""The agents as they are now: what was loaded, whether it can be reached, how the last calls went."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

from services.orchestrator.activity import Activity, Record
from services.orchestrator.catalog import Agent, Catalog, Tool
from services.orchestrator.protocol import AgentDescription, AgentState

HEALTH_LIMIT_S = 2.0
CACHED_S = 5.0
"""A health address is asked at most so often, however many look at the agents."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one agent is."""

    name: str
    description: str
    tools: tuple[Tool, ...]
    state: AgentState
    reason: str
    """Why it is not ready; empty where it is."""
    record: Record

    @property
    def spoken(self) -> str:
        """Its name for the ear."""
        return self.name.replace("_", " ")

    def described(self) -> AgentDescription:
        return AgentDescription(
            name=self.name,
            description=self.description,
            tools=[tool.name for tool in self.tools],
            state=self.state,
            reason=self.reason or None,
            calls=self.record.calls,
            failures=self.record.failures,
            last_used_at=self.record.last_used_at,
            last_failed_at=self.record.last_failed_at,
        )


class Roster:
    """Tells how the agents are."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._activity = Activity()
        self._reasons: dict[str, tuple[float, str]] = {}
        """By health address: when it was asked, and what is missing there."""
        self._asking = asyncio.Lock()
        """Who comes while others ask waits for their answers instead of asking, too."""

    def note(self, agent: str, failed: bool) -> None:
        """A call of one of its tools has just ended."""
        self._activity.note(agent, failed, datetime.now(UTC))

    async def standings(self) -> list[Standing]:
        """All agents in the order of loading, then what was left out."""
        agents = self._catalog.agents
        reasons = await self._ask([agent.health for agent in agents if agent.health])
        left_out = [
            Standing(each.name, "", (), "left_out", each.reason, Record()) for each in self._catalog.left_out
        ]
        return [self._standing(agent, reasons.get(agent.health, "")) for agent in agents] + left_out

    def _standing(self, agent: Agent, away: str) -> Standing:
        record = self._activity.of(agent.name)
        state: AgentState = "away" if away else "failing" if record.failed_last else "ready"
        reason = away or ("its last call failed" if record.failed_last else "")
        return Standing(agent.name, agent.description, agent.tools, state, reason, record)

    async def _ask(self, addresses: Sequence[str]) -> dict[str, str]:
        """What is missing at each address; empty where it answers."""
        async with self._asking:
            now = time.monotonic()
            old = [url for url in dict.fromkeys(addresses) if now - self._asked_at(url) > CACHED_S]
            if old:
                limit = aiohttp.ClientTimeout(total=HEALTH_LIMIT_S)
                async with aiohttp.ClientSession(timeout=limit) as http:
                    found = await asyncio.gather(*(_missing(http, url) for url in old))
                self._reasons |= {url: (now, reason) for url, reason in zip(old, found, strict=True)}
            return {url: self._reasons[url][1] for url in addresses}

    def _asked_at(self, url: str) -> float:
        return self._reasons[url][0] if url in self._reasons else float("-inf")


async def _missing(http: aiohttp.ClientSession, url: str) -> str:
    try:
        async with http.get(url, allow_redirects=False) as answer:
            return "" if 200 <= answer.status < 300 else f"its health address answered {answer.status}"
    except TimeoutError:
        return f"its health address did not answer in {HEALTH_LIMIT_S:g} s"
    except (aiohttp.ClientError, OSError) as error:
        return f"its health address cannot be reached: {type(error).__name__}"
