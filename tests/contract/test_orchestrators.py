"""What every orchestrator does for the bridge, whoever stands at the other end of the wire."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web

from bridge.bridge import Bridge
from bridge.events import BridgeEvent, InvocationChanged, LeftToMind, Reply, Utterance
from bridge.intent import NearestExample
from bridge.ledger import FINISHED, Invocation, Status
from bridge.orchestrators.http import HttpOrchestrator, Waits
from bridge.ports import ChatEvent, OrchestratorAway, OrchestratorRefused
from personas.loader import load
from services.base.ids import new_id
from services.orchestrator.protocol import CHAT_PATH, CallState, ChatResult, Plan, Progress
from services.orchestrator.server import OrchestratorSettings, make_app
from services.orchestrator.store.store import Store
from services.orchestrator.whose import Whose
from tests.services.orchestrator.store.samples import WAIT_S

KEY = "internal"
WISH = "what is three plus four"
PATIENT = Waits(connect=30, answer=30, silence=30)


HEARD: web.AppKey[list[str]] = web.AppKey("heard", list)
"""What a foreign MAS was asked to do."""


def reference() -> web.Application:
    """The orchestrator that comes with the product, with its own agents."""
    return make_app(OrchestratorSettings(antiphon_internal_key=KEY))


def foreign() -> web.Application:
    """A MAS that knows `chat` alone, answers in JSON, and says more than we asked."""

    async def chat(request: web.Request) -> web.Response:
        asked = await request.json()
        request.app[HEARD].append(asked["message"])
        return web.json_response(
            {"response_text": f"Heard: {asked['message']}", "agent_name": "Echo", "x": 1}
        )

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app[HEARD] = []
    app.router.add_post(CHAT_PATH, chat)
    app.router.add_get("/health", health)
    return app


@dataclass
class Served:
    """An orchestrator behind the adapter, and the server to be stopped."""

    orchestrator: HttpOrchestrator
    runner: web.AppRunner


Start = Callable[[web.Application], Awaitable[Served]]


async def serve(app: web.Application, http: aiohttp.ClientSession, key: str = KEY) -> Served:
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return Served(HttpOrchestrator(http, f"http://127.0.0.1:{runner.addresses[0][1]}", key, PATIENT), runner)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def start(http: aiohttp.ClientSession) -> AsyncIterator[Start]:
    """Serves an application until the test is over."""
    started: list[Served] = []

    async def start(app: web.Application) -> Served:
        started.append(await serve(app, http))
        return started[-1]

    yield start
    for served in started:
        await served.runner.cleanup()


@pytest.fixture(params=[reference, foreign], ids=["reference", "foreign"])
async def served(request: pytest.FixtureRequest, http: aiohttp.ClientSession) -> AsyncIterator[Served]:
    served = await serve(request.param(), http)
    yield served
    await served.runner.cleanup()


@pytest.fixture
async def own(http: aiohttp.ClientSession) -> AsyncIterator[HttpOrchestrator]:
    """The reference orchestrator alone."""
    served = await serve(reference(), http)
    yield served.orchestrator
    await served.runner.cleanup()


async def done(orchestrator: HttpOrchestrator, plan: Plan, key: str) -> list[ChatEvent]:
    async with asyncio.timeout(60):
        return [event async for event in orchestrator.chat(WISH, plan, "talk", key)]


async def test_a_wish_gets_a_plan(served: Served) -> None:
    plan = await served.orchestrator.plan(WISH, {"language": "en"}, "talk")
    assert plan.tool
    assert plan.missing == []


async def test_a_deed_ends_with_its_one_result(served: Served) -> None:
    plan = await served.orchestrator.plan(WISH, {}, "talk")
    *before, last = await done(served.orchestrator, plan, "key-1")
    assert all(isinstance(event, Progress) for event in before)
    assert isinstance(last, ChatResult)
    assert last.status == "success"
    assert last.response_text


async def test_deeds_side_by_side_get_their_own_results(served: Served) -> None:
    plan = await served.orchestrator.plan(WISH, {}, "talk")
    results = await asyncio.gather(*(done(served.orchestrator, plan, f"key-{n}") for n in range(5)))
    assert all(isinstance(events[-1], ChatResult) for events in results)


async def test_what_nobody_asked_for_cannot_be_called_off(served: Served) -> None:
    assert await served.orchestrator.cancel("no such key") is False
    assert await served.orchestrator.state("no such key") is None


async def test_it_is_ready_until_it_is_gone_and_then_it_is_away(served: Served) -> None:
    assert await served.orchestrator.ready() is None
    plan = await served.orchestrator.plan(WISH, {}, "talk")
    await served.runner.cleanup()
    assert await served.orchestrator.ready()
    with pytest.raises(OrchestratorAway):
        await served.orchestrator.plan(WISH, {}, "talk")
    with pytest.raises(OrchestratorAway):
        await done(served.orchestrator, plan, "key-1")


async def test_tools_are_told_by_those_who_can(served: Served) -> None:
    for tool in await served.orchestrator.tools():
        assert tool.name
        assert tool.examples


# What the reference orchestrator can do beyond `chat`.


async def test_the_same_key_again_gives_the_same_result(own: HttpOrchestrator) -> None:
    plan = await own.plan("what time is it", {"timezone": "Asia/Tokyo"}, "talk")
    assert plan.idempotent
    assert await done(own, plan, "key-1") == await done(own, plan, "key-1")


async def test_what_became_of_a_deed_is_told_by_its_key(own: HttpOrchestrator) -> None:
    assert await own.state("key-1") is None
    *_, result = await done(own, await own.plan(WISH, {}, "talk"), "key-1")
    assert await own.state("key-1") == CallState(state="success", result=cast(ChatResult, result))


async def test_what_is_done_already_cannot_be_called_off(own: HttpOrchestrator) -> None:
    await done(own, await own.plan(WISH, {}, "talk"), "key-1")
    assert await own.cancel("key-1") is False


async def test_an_unknown_tool_is_refused_before_anything_is_done(own: HttpOrchestrator) -> None:
    with pytest.raises(OrchestratorRefused):
        await done(own, Plan(tool="no_such_tool", agent="x"), "key-1")


async def test_a_wrong_key_is_refused(http: aiohttp.ClientSession) -> None:
    served = await serve(reference(), http, key="wrong")
    with pytest.raises(OrchestratorRefused):
        await served.orchestrator.plan(WISH, {}, "talk")
    await served.runner.cleanup()


# The bridge in front of each.


class Rows:
    """A ledger that keeps its rows."""

    def __init__(self) -> None:
        self.rows: dict[str, Invocation] = {}

    async def request(self, row: Invocation) -> Invocation:
        return self.rows.setdefault(row.idempotency_key, row)

    async def advance(self, row: Invocation, was: Status | None = None) -> bool:
        if was not in (None, self.rows[row.idempotency_key].status):
            return False
        self.rows[row.idempotency_key] = row
        return True


def bridge(orchestrator: HttpOrchestrator, rows: Rows | None = None) -> Bridge:
    persona = load().persona("plain")
    classifier = NearestExample([say for talk in persona.small_talk for say in talk.examples], [WISH])
    return Bridge(persona, classifier, orchestrator, rows or Rows(), new_id, lambda: datetime.now(UTC))


async def heard(bridge: Bridge, text: str) -> list[BridgeEvent]:
    utterance = Utterance(new_id(), UUID(int=1), "talk", text, 0.9, "", "Asia/Tokyo", "en", owner="ann")
    async with asyncio.timeout(60):
        return [event async for event in bridge.take(utterance)]


async def test_the_bridge_has_a_wish_done_by_either(served: Served) -> None:
    events = await heard(bridge(served.orchestrator), WISH)
    *fillers, result = [event for event in events if isinstance(event, Reply)]
    # On a loaded machine it may take so long that something is said meanwhile.
    assert {filler.source for filler in fillers} <= {"filler"}
    assert result.source == "tool"
    rows = [event.invocation for event in events if isinstance(event, InvocationChanged)]
    assert [row.status for row in rows] == [Status.REQUESTED, Status.RUNNING, Status.SUCCESS]


async def test_a_sum_is_worked_out_and_said(own: HttpOrchestrator) -> None:
    events = await heard(bridge(own), WISH)
    said = [event.text for event in events if isinstance(event, Reply)][-1]
    assert "7" in said or "seven" in said


async def test_a_question_is_asked_and_answered_across_two_turns(own: HttpOrchestrator) -> None:
    one = bridge(own)
    (asked,) = [event for event in await heard(one, "convert five miles") if isinstance(event, Reply)]
    assert (asked.source, asked.invocation_id) == ("notice", None)
    answered = [event for event in await heard(one, "kilometers") if isinstance(event, Reply)]
    assert answered[-1].source == "tool"
    assert "8.0" in answered[-1].text or "eight" in answered[-1].text


async def test_what_no_tool_is_for_is_left_to_the_mind(own: HttpOrchestrator) -> None:
    events = await heard(bridge(own), "the mitochondria of yeast")
    assert isinstance(events[-1], LeftToMind)


# One wish, two breaths.


async def said_in_two_breaths(bridge: Bridge, first: str, whole: str) -> list[BridgeEvent]:
    """What the bridge tells of `whole`, when the user was taken to have ended with `first`."""
    utterance = Utterance(new_id(), UUID(int=1), "talk", first, 0.9, "", "Asia/Tokyo", "en", settle_s=60)
    async with asyncio.timeout(60):
        async with aclosing(bridge.take(utterance)) as events:
            async for event in events:
                if isinstance(event, Reply | LeftToMind):
                    break
        bridge.withdraw(utterance.turn_id)
        return [event async for event in bridge.take(replace(utterance, text=whole, settle_s=0))]


def spoken(events: list[BridgeEvent]) -> str:
    return [event.text for event in events if isinstance(event, Reply)][-1]


async def test_a_mas_that_knows_chat_alone_hears_the_whole_wish_once(start: Start) -> None:
    app, rows = foreign(), Rows()
    served = await start(app)
    one = bridge(served.orchestrator, rows)
    events = await said_in_two_breaths(one, "order more spawn", "order more spawn for bay two")
    assert spoken(events) == "Heard: order more spawn for bay two."
    assert app[HEARD] == ["order more spawn for bay two"]
    assert [row.status for row in rows.rows.values()] == [Status.SUCCESS]


@pytest.mark.parametrize(
    ("first", "whole", "answer"),
    [
        ("what time is it", "what time is it in tokyo", "in Tokyo"),
        ("what time is it", "What time is it? Um, and in Tokyo.", "in Tokyo"),
        ("what time is it in", "what time is it in uh tokyo", "in Tokyo"),
        ("hello", "hello what time is it", "It's"),
        ("thank you", "thank you and what is three plus four", "7"),
        ("convert ten kilometers", "convert ten kilometers to miles", "miles"),
        ("what is three", "what is three plus four", "7"),
    ],
)
async def test_a_question_in_two_breaths_is_answered_as_a_whole(
    own: HttpOrchestrator, first: str, whole: str, answer: str
) -> None:
    assert answer in spoken(await said_in_two_breaths(bridge(own), first, whole))


Kept = tuple[str, float | None, str | None]
"""Kind, seconds and label of a timer."""


async def kept(database_url: str) -> list[Kept]:
    """All that was set and not cancelled."""
    store = Store(database_url, WAIT_S)
    timers = await store.timers.waiting(Whose())
    await store.close()
    return [(timer.kind, timer.duration_s, timer.label) for timer in timers]


@pytest.mark.parametrize(
    ("first", "whole", "timers"),
    [
        ("set a timer", "set a timer for ten minutes", [("timer", 600, None)]),
        ("set a timer for", "set a timer for um one minute", [("timer", 60, None)]),
        (
            "set a timer for ten minutes",
            "set a timer for ten minutes and call it pasta",
            [("timer", 600, "pasta")],
        ),
        (
            "remind me in",
            "remind me in ten minutes to call my mother",
            [("reminder", None, "call your mother")],
        ),
        (
            "remind me to call my mother",
            "remind me to call my mother uh tomorrow at nine",
            [("reminder", None, "call your mother")],
        ),
        ("set a timer for ten minutes", "set a timer for ten minutes okay never mind", []),
        ("set a timer for ten minutes", "set a timer for ten minutes no not today", []),
    ],
)
async def test_a_timer_in_two_breaths_is_set_once_or_not_at_all(
    start: Start, database_url: str, first: str, whole: str, timers: list[Kept]
) -> None:
    settings = OrchestratorSettings(antiphon_internal_key=KEY, database_url=database_url)
    served = await start(make_app(settings))
    rows = Rows()
    one = bridge(served.orchestrator, rows)
    await said_in_two_breaths(one, first, whole)
    await one.close()
    assert await kept(database_url) == timers
    assert all(row.status in FINISHED for row in rows.rows.values())


async def test_a_wish_that_is_repeated_after_a_restart_is_done_once(start: Start, database_url: str) -> None:
    settings = OrchestratorSettings(antiphon_internal_key=KEY, database_url=database_url)
    told = []
    for _ in range(2):
        served = await start(make_app(settings))
        plan = await served.orchestrator.plan("set a timer for ten minutes", {}, "talk")
        told.append((await done(served.orchestrator, plan, "key-1"))[-1])
        await served.runner.cleanup()
    assert told[0] == told[1]
    assert await kept(database_url) == [("timer", 600, None)]
