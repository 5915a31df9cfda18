"""A call in front of a real bridge: what a wish in two breaths comes to, in the ledger and in sound."""

import asyncio
from typing import cast

import pytest

from bridge import events as bridge
from bridge.ledger import Status
from gateway.session import effects as do
from services.orchestrator.protocol import ChatResult
from tests.bridge.doubles import ORDER, World, says
from tests.gateway.harness import PATIENCE, Client, Gateway, ScriptedBridge, ScriptedEars, Watch, sound

FIRST, MORE = "order more spawn", "for bay two"
ORDER_TWO = ORDER.model_copy(update={"arguments": {"item": "spawn", "bay": 2}})


@pytest.fixture
def world(gateway: Gateway) -> World:
    """An orchestrator with which one can order, a ledger, and the bridge of the next call before them."""
    world = World()
    world.orchestrator.plans = [ORDER, ORDER_TWO]
    world.orchestrator.streams = [says(ChatResult(response_text="Ordered."))]
    gateway.parts.bridge = cast(ScriptedBridge, world.bridge)
    return world


async def asked(gateway: Gateway) -> tuple[Client, ScriptedEars, Watch]:
    """A call in which the first breath was acknowledged."""
    client, ears = await gateway.client()
    watch = Watch(gateway.call())
    await client.send("input_audio_buffer.append", audio=sound(20))
    await ears.say(FIRST)
    await watch.until(bridge.Reply, lambda reply: reply.source == "filler")
    return client, ears, watch


async def test_a_wish_in_two_breaths_goes_out_once_and_whole(gateway: Gateway, world: World) -> None:
    _, ears, watch = await asked(gateway)
    await ears.say(MORE)
    told = await watch.until(bridge.Reply, lambda reply: reply.source == "tool")
    assert told.text == "Ordered."
    await watch.until(
        do.InjectionChanged, lambda change: change.text == told.text and change.state == "heard"
    )
    assert world.order.count("chat order") == 1
    assert (world.ledger.row.status, world.ledger.row.arguments) == (Status.SUCCESS, ORDER_TWO.arguments)


async def test_never_mind_in_the_second_breath_leaves_it_undone(gateway: Gateway, world: World) -> None:
    _, ears, watch = await asked(gateway)
    await ears.say("never mind")
    await watch.until(bridge.Reply, lambda reply: reply.text == "Cancelled.")
    assert world.ledger.row.status is Status.CANCELLED
    assert "chat order" not in world.order


async def test_whoever_hangs_up_after_their_wish_has_it_done(gateway: Gateway, world: World) -> None:
    client, _, _ = await asked(gateway)
    await client.socket.close()
    async with asyncio.timeout(PATIENCE):
        await gateway.over()
    assert world.order.count("chat order") == 1
    assert world.ledger.row.status is Status.SUCCESS


async def test_whoever_hangs_up_while_they_go_on_has_nothing_done(gateway: Gateway, world: World) -> None:
    client, ears, watch = await asked(gateway)
    await ears.begin(MORE)
    await watch.until(do.Withdrawn)
    await client.socket.close()
    async with asyncio.timeout(PATIENCE):
        await gateway.over()
    assert "chat order" not in world.order
    assert world.ledger.row.status in {Status.CANCELLED, Status.SUPERSEDED}
