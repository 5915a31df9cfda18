"""The token with which a tool that answers later has the agent speak: one call, one deed, and dead with the call."""

import logging
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from bridge import events as bridge
from gateway.access import Access
from gateway.session import effects as do
from services.orchestrator.protocol import ChatResult
from tests.bridge.doubles import ORDER, World, says
from tests.gateway.harness import Client, Gateway, ScriptedBridge, Watch

MAKE = "/api/mas/voice/duplex/session"
ANN = "the key of ann, long"


@pytest.fixture
async def guarded() -> AsyncIterator[Gateway]:
    """A gateway that asks for keys."""
    async with Gateway(Access({"ann": ANN}, open_to_all=False, hosts=frozenset())) as gateway:
        yield gateway


@pytest.fixture
def world(guarded: Gateway) -> World:
    """A bridge whose orchestrator takes an order and says that it will call back."""
    world = World()
    world.orchestrator.plans = [ORDER]
    world.orchestrator.streams = [says(ChatResult(response_text="I'll tell you when it's done."))]
    guarded.parts.bridge = cast(ScriptedBridge, world.bridge)
    return world


async def call(gateway: Gateway) -> tuple[dict[str, Any], str]:
    """A session of ann's and its token."""
    _, session = await gateway.ask("POST", MAKE, ANN, json={"greeting": False})
    say = gateway.call(session).profile.say
    assert say is not None
    assert say.url == f"{gateway.url}/api/mas/voice/sessions/{session['session_id']}/say"
    return session, say.token


def say_path(session: dict[str, Any]) -> str:
    return f"/api/mas/voice/sessions/{session['session_id']}/say"


async def ordered(gateway: Gateway, world: World) -> tuple[dict[str, Any], dict[str, str], Client, Watch]:
    """A call in which something was ordered, and what the tool was told of how to call back."""
    session, _ = await call(gateway)
    client = await gateway.attach(session)
    watch = Watch(gateway.call(session))
    await client.text("order spawn")
    await watch.until(bridge.Reply, lambda reply: reply.source == "tool")
    [context] = world.orchestrator.deeds_contexts
    assert context is not None
    return session, context["say"], client, watch


async def test_the_tool_is_told_how_to_speak_up_and_is_heard(guarded: Gateway, world: World) -> None:
    _, say, _, watch = await ordered(guarded, world)
    path = say["url"].removeprefix(guarded.url)
    status, _ = await guarded.ask("POST", path, say["token"], json={"text": "the spawn is here"})
    assert status == 202
    heard = await watch.until(do.AgentEnded, lambda ended: ended.text == "the spawn is here")
    assert heard.status == "completed"


async def test_a_plan_is_made_without_it(guarded: Gateway, world: World) -> None:
    await ordered(guarded, world)
    assert ["say" in context for context in world.orchestrator.contexts] == [False]


async def test_it_opens_nothing_but_say_of_its_own_call(guarded: Gateway) -> None:
    session, token = await call(guarded)
    other, _ = await call(guarded)
    one = f"/api/mas/voice/sessions/{session['session_id']}"
    for method, path in (
        ("POST", say_path(other)),
        ("POST", f"{one}/interrupt"),
        ("DELETE", one),
        ("GET", one),
        ("GET", f"{one}/events"),
        ("GET", "/api/mas/voice/sessions"),
        ("POST", MAKE),
        ("POST", "/v1/realtime/client_secrets"),
        ("GET", "/api/voices"),
        ("GET", f"/v1/realtime?session_id={session['session_id']}"),
        ("GET", "/v1/realtime"),
    ):
        status, problem = await guarded.ask(method, path, token, json={"text": "a"})
        assert (status, problem["code"]) == (403, "forbidden"), (method, path)


async def test_it_is_dead_with_its_call(guarded: Gateway) -> None:
    session, token = await call(guarded)
    guarded.call(session).end("client_closed")
    await guarded.over()
    status, problem = await guarded.ask("POST", say_path(session), token, json={"text": "a"})
    assert (status, problem["code"]) == (401, "unauthorized")
    assert guarded.access.say_tokens.holder(token) is None


async def test_each_call_has_its_own(guarded: Gateway) -> None:
    assert (await call(guarded))[1] != (await call(guarded))[1]


async def test_it_is_in_no_log_line_no_event_and_no_row(
    guarded: Gateway, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    session, say, client, watch = await ordered(guarded, world)
    await guarded.ask("POST", say_path(session), say["token"], json={"text": "the spawn is here"})
    await watch.until(do.AgentEnded, lambda ended: ended.text == "the spawn is here")
    profile = guarded.call(session).profile
    guarded.call(session).end("client_closed")
    await guarded.over()
    places = {
        "log": " ".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records),
        "rows": repr(guarded.rows),
        "ledger": repr(world.ledger.rows),
        "client": repr(client.events),
        "facts": repr(watch.facts),
        "profile": repr(profile),
        "answer": repr(session),
    }
    assert len(guarded.rows) > 5
    assert [place for place, text in places.items() if say["token"] in text] == []
