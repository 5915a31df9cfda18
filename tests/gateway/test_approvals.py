"""A call in which something dangerous is wished: asked, answered by voice or by a button, and true in the end."""

import asyncio
import json
from typing import Any, cast

import pytest

from bridge import events as bridge
from bridge.ledger import Status
from gateway.session import effects as do
from services.orchestrator.protocol import ChatResult, Plan
from tests.bridge.doubles import World, says
from tests.gateway.harness import PATIENCE, Client, Gateway, ScriptedBridge, ScriptedEars, Watch, sound

QUESTION = "Shall I delete all three reminders?"
WIPE = Plan(
    tool="delete_reminders",
    agent="timers",
    arguments={"of": "all"},
    risk="dangerous",
    confidence=1,
    confirm=QUESTION,
)
DELETED = "I've deleted three reminders."


@pytest.fixture
def world(gateway: Gateway) -> World:
    """An orchestrator that can delete, a ledger, and the bridge of the next call before them."""
    world = World()
    world.orchestrator.plans = [WIPE, Plan()]
    world.orchestrator.streams = [says(ChatResult(response_text=DELETED))]
    gateway.parts.bridge = cast(ScriptedBridge, world.bridge)
    return world


async def wished(gateway: Gateway, antiphon: bool = True) -> tuple[Client, ScriptedEars, Watch]:
    """A call whose user wants it."""
    client, ears = await gateway.client(antiphon)
    watch = Watch(gateway.call())
    await client.send("input_audio_buffer.append", audio=sound(20))
    await ears.say("delete all my reminders")
    return client, ears, watch


async def asked(gateway: Gateway) -> tuple[Client, ScriptedEars, Watch]:
    """The same, once the question was heard to its end."""
    client, ears, watch = await wished(gateway)
    await watch.until(
        do.InjectionChanged, lambda change: change.source == "approval" and change.state == "heard"
    )
    return client, ears, watch


async def request_item(client: Client) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        while True:
            event = await client.until("conversation.item.added")
            if event["item"]["type"] == "mcp_approval_request":
                return cast(dict[str, Any], event["item"])


def answer(item: dict[str, Any], approve: object) -> dict[str, Any]:
    return {"type": "mcp_approval_response", "approval_request_id": item["id"], "approve": approve}


def typed(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


async def test_a_yes_by_voice_right_after_the_question_lets_it_run(gateway: Gateway, world: World) -> None:
    _, ears, watch = await asked(gateway)
    await ears.say("yes do it")
    await watch.until(do.InjectionChanged, lambda change: change.text == DELETED and change.state == "heard")
    assert world.order.count("chat delete_reminders") == 1
    assert world.ledger.row.status is Status.SUCCESS


async def test_a_yes_over_the_first_words_of_the_question_is_asked_about_again(
    gateway: Gateway, world: World
) -> None:
    client, ears = await gateway.client()
    watch = Watch(gateway.call())
    await client.send("conversation.item.create", item=typed("delete all my reminders"))
    await client.send("response.create")
    await watch.until(do.AgentSounded)
    await client.send("input_audio_buffer.append", audio=sound(20))
    await ears.say("yes")
    again = await watch.until(bridge.ApprovalAnswered)
    assert (again.heard, again.verdict) == (False, "ask_again")
    await watch.until(
        do.InjectionChanged, lambda change: change.source == "approval" and change.state == "heard"
    )
    await ears.say("yes")
    await watch.until(do.InjectionChanged, lambda change: change.text == DELETED and change.state == "heard")
    assert world.order.count("chat delete_reminders") == 1


async def test_a_no_by_voice_leaves_it_undone(gateway: Gateway, world: World) -> None:
    _, ears, watch = await asked(gateway)
    await ears.say("no")
    await watch.until(bridge.Reply, lambda reply: reply.text == "All right, I won't.")
    assert "chat delete_reminders" not in world.order
    assert world.ledger.row.status is Status.DENIED


async def test_the_question_is_an_item_and_its_answer_another(gateway: Gateway, world: World) -> None:
    client, _, watch = await wished(gateway)
    item = await request_item(client)
    assert (item["server_label"], item["name"]) == ("timers", "delete_reminders")
    assert json.loads(item["arguments"]) == {"of": "all"}
    await client.send("conversation.item.create", item=answer(item, True))
    done = await client.until("conversation.item.done")
    while done["item"]["type"] != "mcp_approval_response":
        done = await client.until("conversation.item.done")
    assert (done["item"]["approval_request_id"], done["item"]["approve"]) == (item["id"], True)
    await watch.until(bridge.InvocationChanged, lambda change: change.invocation.status is Status.SUCCESS)
    while done["item"]["type"] != "mcp_call":
        done = await client.until("conversation.item.done")
    assert done["item"]["approval_request_id"] == item["id"]
    assert world.order.count("chat delete_reminders") == 1


async def test_an_answer_to_no_open_question_is_an_error_and_runs_nothing(
    gateway: Gateway, world: World
) -> None:
    client, _, watch = await wished(gateway)
    item = await request_item(client)
    await client.send("conversation.item.create", item=answer(item, "yes"))
    assert (await client.error())["code"] == "invalid_type"
    await client.send("conversation.item.create", item=answer({"id": "mcpr_" + "0" * 32}, True))
    assert (await client.error())["code"] == "item_not_found"
    await client.send("conversation.item.create", item=answer({"id": "anything"}, True))
    assert (await client.error())["code"] == "item_not_found"
    await client.send("conversation.item.create", item=answer(item, False))
    await watch.until(bridge.InvocationChanged, lambda change: change.invocation.status is Status.DENIED)
    await client.send("conversation.item.create", item=answer(item, True))
    assert (await client.error())["code"] == "item_not_found"
    assert "chat delete_reminders" not in world.order


async def test_a_client_that_comes_back_is_asked_still(gateway: Gateway, world: World) -> None:
    session = await gateway.session()
    client = await gateway.attach(session, True)
    await client.until("session.created")
    await client.send("conversation.item.create", item=typed("wipe"))
    await client.send("response.create")
    item = await request_item(client)
    client.drop()
    again = await gateway.attach(session, True)
    waiting = await again.until("antiphon.tool")
    assert (waiting["status"], waiting["approval"]["question"]) == ("awaiting_approval", QUESTION)
    assert (await request_item(again))["id"] == item["id"]
    await again.send("conversation.item.create", item=answer(item, True))
    await again.until("antiphon.tool", status="success")
    assert world.order.count("chat delete_reminders") == 1


async def test_a_client_that_knows_no_such_items_is_asked_by_voice_alone(
    gateway: Gateway, world: World
) -> None:
    client, _, watch = await wished(gateway, antiphon=False)
    await watch.until(
        do.InjectionChanged, lambda change: change.source == "approval" and change.state == "heard"
    )
    await client.send("response.cancel")
    await client.until("error")
    assert not any(event.get("item", {}).get("type", "").startswith("mcp") for event in client.events)


async def test_whoever_hangs_up_instead_of_answering_has_nothing_done(gateway: Gateway, world: World) -> None:
    client, _, _ = await asked(gateway)
    await client.socket.close()
    async with asyncio.timeout(PATIENCE):
        await gateway.over()
    assert "chat delete_reminders" not in world.order
    assert (world.ledger.row.status, world.ledger.row.error) == (
        Status.CANCELLED,
        {"code": "call_ended", "message": "the call ended before the deed did"},
    )
