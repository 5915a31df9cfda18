"""The agents as they are: what was loaded, what can be reached, how the last calls went."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from services.orchestrator import roster as module
from services.orchestrator.activity import Activity
from services.orchestrator.catalog import Agent, Catalog, LeftOut
from services.orchestrator.roster import Roster
from services.orchestrator.tooling import Refused
from services.orchestrator.tools import guide

from .doubles import explode, tool

PATIENCE_S = 60


class Health:
    """A health address."""

    def __init__(self) -> None:
        self.status = 200
        self.asked = 0
        self.url = ""

    async def handle(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(status=self.status)


@pytest_asyncio.fixture
async def health() -> AsyncIterator[Health]:
    double = Health()
    app = web.Application()
    app.router.add_get("/health", double.handle)
    async with TestServer(app) as server, asyncio.timeout(PATIENCE_S):
        double.url = str(server.make_url("/health"))
        yield double


@pytest.fixture
def catalog(health: Health) -> Catalog:
    """A kitchen with a health address, a cellar without, and a file that is wrong."""
    oven = replace(tool("heat_oven", explode), agent="kitchen", examples=("heat the oven",))
    wine = replace(tool("count_wine", explode), agent="wine_cellar", examples=("how much wine is there",))
    own = replace(tool("agent_state", explode), agent="guide")
    agents = (
        Agent("kitchen", "Knows the oven.", (oven,), health.url),
        Agent("wine_cellar", "Knows the wine.", (wine,)),
        Agent("guide", "Knows the others.", (own,)),
    )
    return Catalog(agents, (LeftOut("attic", "attic.yaml: tools: Field required"),))


def test_failures_are_counted_and_the_last_outcome_counts() -> None:
    activity = Activity()
    first, second = (datetime(2026, 11, 21, hour, tzinfo=UTC) for hour in (12, 13))
    activity.note("kitchen", True, first)
    assert activity.of("kitchen").failed_last
    activity.note("kitchen", False, second)
    record = activity.of("kitchen")
    assert (record.calls, record.failures, record.last_used_at, record.last_failed_at) == (
        2,
        1,
        second,
        first,
    )
    assert not record.failed_last
    assert activity.of("nobody").calls == 0


async def test_each_agent_has_its_state_and_reason(catalog: Catalog, health: Health) -> None:
    roster = Roster(catalog)
    health.status = 503
    roster.note("wine_cellar", failed=True)
    told = {each.name: (each.state, each.reason) for each in await roster.standings()}
    assert told == {
        "kitchen": ("away", "its health address answered 503"),
        "wine_cellar": ("failing", "its last call failed"),
        "guide": ("ready", ""),
        "attic": ("left_out", "attic.yaml: tools: Field required"),
    }


async def test_a_health_address_is_asked_now_and_then_however_many_look(
    catalog: Catalog, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    roster = Roster(catalog)
    for _ in range(5):
        await roster.standings()
    assert health.asked == 1
    monkeypatch.setattr(module, "CACHED_S", -1.0)
    await roster.standings()
    assert health.asked == 2


async def test_those_who_look_at_the_same_time_share_one_question(catalog: Catalog, health: Health) -> None:
    roster = Roster(catalog)
    first, *others = await asyncio.gather(*(roster.standings() for _ in range(5)))
    assert health.asked == 1
    assert all(other == first for other in others)


async def test_nobody_at_the_health_address_is_away(catalog: Catalog) -> None:
    kitchen = replace(catalog.agents[0], health="http://127.0.0.1:1/health")
    [standing] = await Roster(Catalog((kitchen,))).standings()
    assert (standing.state, standing.reason) == (
        "away",
        "its health address cannot be reached: ClientConnectorError",
    )


async def test_what_can_be_asked_is_told_by_example_and_agents_by_name(catalog: Catalog) -> None:
    answer = await guide.tell_abilities(Roster(catalog))
    assert answer.text == (
        "You can ask me heat the oven or how much wine is there, for instance. "
        "I have 2 agents: kitchen and wine cellar."
    )
    assert answer.data == {"agents": ["kitchen", "wine cellar"], "tools": ["heat_oven", "count_wine"]}


async def test_agents_are_listed_and_those_in_trouble_named(catalog: Catalog, health: Health) -> None:
    health.status = 500
    answer = await guide.list_agents(Roster(catalog))
    assert answer.text == "I have 2 agents: kitchen and wine cellar. Not in order: kitchen and attic."
    assert answer.data == {"agents": {"kitchen": "away", "wine_cellar": "ready", "attic": "left_out"}}


async def test_the_state_of_an_agent_is_told_with_how_it_went(catalog: Catalog, health: Health) -> None:
    roster = Roster(catalog)

    async def said(agent: str) -> str:
        return (await guide.agent_state(roster, agent)).text

    assert await said("kitchen") == "Kitchen is ready. Nobody has used it yet."
    roster.note("wine_cellar", failed=False)
    assert await said("wine_cellar") == "Wine cellar is ready. It was used once since I started."
    roster.note("wine_cellar", failed=True)
    assert await said("wine_cellar") == (
        "Wine cellar is there, but its last call failed. It was used twice since I started, and failed once."
    )
    assert (
        await said("attic") == "Attic is left out, because something in its file is wrong. The log says what."
    )
    with pytest.raises(Refused, match="no agent called garage"):
        await said("garage")


async def test_one_that_is_away_is_told_by_its_name(catalog: Catalog, health: Health) -> None:
    health.status = 500
    text = (await guide.agent_state(Roster(catalog), "kitchen")).text
    assert text == "Kitchen can't be reached right now. Nobody has used it yet."


async def test_what_an_agent_is_for_is_told_by_its_description(catalog: Catalog) -> None:
    roster = Roster(catalog)
    assert (
        await guide.agent_abilities(roster, "kitchen")
    ).text == "Knows the oven. You can ask heat the oven."
    with pytest.raises(Refused, match="left out"):
        await guide.agent_abilities(roster, "attic")
