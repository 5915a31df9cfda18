"""What became of a deed is found out when nobody waits for it any more, and nothing runs twice for that."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.events import InvocationChanged, ResultArrived
from bridge.follower import FRESH, Follower
from bridge.inquiry import Pace
from bridge.ledger import Invocation, Status, finished, started
from bridge.ports import OrchestratorAway, OrchestratorError, OrchestratorLost, OrchestratorTimeout
from services.orchestrator.protocol import CallState, ChatResult, Plan
from tests.bridge.doubles import (
    CLOCK,
    NOON_IN_TOKYO,
    ORDER,
    PATIENCE,
    QUICK,
    Gate,
    World,
    gated,
    replies,
    says,
)

SWITCH = ORDER.model_copy(update={"tool": "switch", "idempotent": True})
DONE = CallState(state="success", result=ChatResult(response_text="Ordered."))
FAILED = CallState(
    state="error", result=ChatResult(response_text="", status="error", error={"code": "no_spawn"})
)
RUNS = CallState(state="running")
IN_DOUBT = CallState(
    state="error",
    result=ChatResult(response_text="", status="error", error={"code": "interrupted", "in_doubt": True}),
)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    world.orchestrator.plans = [ORDER]
    yield world
    await world.follower.close()


async def left(world: World, plan: Plan, status: Status) -> Invocation:
    """A row as a gateway has left it that was killed."""
    utterance = world.utterance("order more spawn")
    row = Invocation(
        invocation_id=world.new_id(),
        session_id=utterance.session_id,
        turn_id=utterance.turn_id,
        idempotency_key="key",
        agent=plan.agent,
        action=plan.tool or "",
        arguments=plan.arguments,
        risk=plan.risk,
        status=Status.REQUESTED,
        requested_at=world.now(),
        idempotent=plan.idempotent,
        request=replace(utterance, timezone="Asia/Tokyo", user_id="ada", owner="ann").request,
    )
    if status is not Status.REQUESTED:
        row = started(row, world.now())
    if status is Status.UNKNOWN:
        row = finished(row, Status.UNKNOWN, world.now(), error={"code": "gateway_lost", "message": ""})
    await world.ledger.request(row)
    return row


async def recovered(world: World, row: Invocation) -> Invocation:
    world.follower.recover([row])
    async with asyncio.timeout(PATIENCE):
        await world.follower.idle()
    return world.ledger.row


@pytest.mark.parametrize("plan", [ORDER, SWITCH])
async def test_a_deed_that_the_orchestrator_knows_ends_as_it_did_and_is_not_sent(
    world: World, plan: Plan
) -> None:
    row = await left(world, plan, Status.UNKNOWN)
    world.orchestrator.states = [OrchestratorAway("starting"), RUNS, RUNS, DONE]
    end = await recovered(world, row)
    assert (end.status, end.arrival, end.error) == (Status.SUCCESS, "late", None)
    assert end.result == {"response_text": "Ordered.", "data": None}
    assert end.latency_ms is not None
    assert world.orchestrator.keys == []


async def test_a_failure_that_the_orchestrator_knows_is_one(world: World) -> None:
    world.orchestrator.states = [FAILED]
    end = await recovered(world, await left(world, ORDER, Status.UNKNOWN))
    assert (end.status, end.arrival) == (Status.ERROR, "late")


@pytest.mark.parametrize("state", [None, IN_DOUBT])
async def test_what_does_harm_twice_is_never_sent_again(world: World, state: CallState | None) -> None:
    row = await left(world, ORDER, Status.UNKNOWN)
    world.orchestrator.states = [state]
    assert await recovered(world, row) == row
    assert world.orchestrator.keys == []


async def test_what_does_none_is_sent_again_under_its_key_for_whoever_wished_it(world: World) -> None:
    row = await left(world, SWITCH, Status.UNKNOWN)
    end = await recovered(world, row)
    assert (end.status, end.arrival) == (Status.SUCCESS, "late")
    assert world.orchestrator.keys == ["key"]
    assert world.orchestrator.deeds_contexts == [(row.request or {})["context"]]
    assert world.orchestrator.plans_done == [SWITCH.model_copy(update={"confidence": 0.0})]


async def test_what_was_not_sent_yet_is_written_down_before_it_is(world: World) -> None:
    row = await left(world, SWITCH, Status.REQUESTED)
    end = await recovered(world, row)
    assert (end.status, end.arrival) == (Status.SUCCESS, "late")
    assert world.order[-3:] == ["ledger running", "chat switch", "ledger success"]


async def test_what_somebody_else_has_taken_up_meanwhile_is_theirs(world: World) -> None:
    row = await left(world, SWITCH, Status.REQUESTED)
    await world.ledger.advance(started(row, world.now()))
    assert (await recovered(world, row)).status is Status.RUNNING
    assert world.orchestrator.keys == []


async def test_what_was_wished_long_ago_is_not_sent_any_more(world: World) -> None:
    row = await left(world, SWITCH, Status.UNKNOWN)
    world.time += FRESH + timedelta(seconds=1)
    assert await recovered(world, row) == row
    assert world.orchestrator.keys == []


async def test_an_orchestrator_that_never_answers_leaves_it_unknown(world: World) -> None:
    row = await left(world, SWITCH, Status.UNKNOWN)
    world.orchestrator.states = [OrchestratorAway("gone")]
    brief = Pace(first=0.001, longest=0.001, whole=0.01)
    follower = Follower(world.orchestrator, world.ledger, world.now, QUICK, brief)
    follower.recover([row])
    async with asyncio.timeout(PATIENCE):
        await follower.idle()
    assert world.ledger.row == row


async def test_what_is_sent_and_lost_once_more_is_unknown(world: World) -> None:
    row = await left(world, SWITCH, Status.REQUESTED)
    world.orchestrator.streams = [says(OrchestratorTimeout("gone"))]
    assert (await recovered(world, row)).status is Status.UNKNOWN


# In a call.


@pytest.mark.parametrize("error", [OrchestratorTimeout, OrchestratorLost])
async def test_a_result_that_comes_after_we_gave_it_up_is_stored_told_as_late_and_not_said(
    world: World, error: type[OrchestratorError]
) -> None:
    arrived = asyncio.Queue[ResultArrived]()
    world.bridge.arrived = arrived.put_nowait
    world.orchestrator.streams = [says(error("gone"))]
    # To whoever waits nobody can tell; then it is over.
    world.orchestrator.states = [None, DONE] if error is OrchestratorLost else [DONE]
    events = await world.hear("order more spawn")
    changes = [event.invocation.status for event in events if isinstance(event, InvocationChanged)]
    assert changes[-1] is Status.UNKNOWN
    said = replies(events)
    async with asyncio.timeout(PATIENCE):
        told = (await arrived.get()).invocation
    assert (told.status, told.arrival) == (Status.SUCCESS, "late")
    assert world.ledger.row == told
    assert replies(events) == said
    assert not any("Ordered" in text for _, text in said)


async def test_a_result_that_comes_after_the_call_is_stored(world: World) -> None:
    world = World(replace(QUICK, close=0.01))
    world.orchestrator.plans = [ORDER]
    gate = Gate()
    world.orchestrator.streams = [gated(gate, NOON_IN_TOKYO)]
    world.orchestrator.states = [RUNS, DONE]
    hearing = asyncio.create_task(world.hear("order more spawn"))
    async with asyncio.timeout(PATIENCE):
        await gate.reached.wait()
        await world.bridge.close()
        await hearing
        assert world.order.count("chat order") == 1
        await world.follower.idle()
    row = world.ledger.row
    assert (row.status, row.arrival) == (Status.SUCCESS, "late")


async def test_a_read_that_made_way_for_another_is_stored_as_stale_and_never_sent_again(
    world: World,
) -> None:
    row = await left(world, CLOCK, Status.RUNNING)
    row = finished(row, Status.SUPERSEDED, world.now())
    await world.ledger.advance(row)
    world.orchestrator.states = [DONE]
    end = await recovered(world, row)
    assert (end.status, end.arrival) == (Status.SUPERSEDED, "stale")
    assert end.result == {"response_text": "Ordered.", "data": None}
    world.orchestrator.states = [None]
    await recovered(world, row)
    assert world.orchestrator.keys == []


# The connection is lost while the user waits.


async def test_whoever_loses_the_connection_asks_what_became_of_it(world: World) -> None:
    world.orchestrator.streams = [says(OrchestratorLost("gone"))]
    world.orchestrator.states = [OrchestratorAway("starting"), RUNS, DONE]
    events = await world.hear("order more spawn")
    assert replies(events)[-1] == ("tool", "Ordered.")
    assert (world.ledger.row.status, world.ledger.row.arrival) == (Status.SUCCESS, None)
    assert len(world.orchestrator.keys) == 1


async def test_what_the_orchestrator_does_not_know_after_its_restart_is_sent_again_where_it_may(
    world: World,
) -> None:
    world.orchestrator.plans = [SWITCH]
    world.orchestrator.streams = [says(OrchestratorLost("gone")), says(ChatResult(response_text="On."))]
    world.orchestrator.states = [OrchestratorAway("starting"), None]
    events = await world.hear("order more spawn")
    assert replies(events)[-1] == ("tool", "On.")
    assert world.orchestrator.keys == [world.ledger.row.idempotency_key] * 2


async def test_an_orchestrator_that_stays_away_is_given_up(world: World) -> None:
    world = World(replace(QUICK, inquiry=0.01))
    world.orchestrator.plans = [SWITCH]
    world.orchestrator.streams = [says(OrchestratorLost("gone"))]
    world.orchestrator.states = [OrchestratorAway("gone")]
    await world.hear("order more spawn")
    await world.follower.close()
    error = world.ledger.row.error
    assert (world.ledger.row.status, error and error["code"]) == (Status.UNKNOWN, "orchestrator_lost")


async def test_a_deed_that_was_confirmed_is_sent_again_as_it_was_sent_last(world: World) -> None:
    row = replace(await left(world, SWITCH, Status.UNKNOWN), approval={"asked_back": 1, "answer": "yes"})
    end = await recovered(world, row)
    assert end.status is Status.SUCCESS
    assert (world.orchestrator.keys, world.orchestrator.messages) == (["key:yes1"], ["Yes."])


async def test_who_asks_back_when_the_call_is_over_gets_no_yes(world: World) -> None:
    asks = ChatResult(response_text="", requires_confirmation=True, confirmation_prompt="Really?")
    world.orchestrator.streams = [says(asks)]
    end = await recovered(world, await left(world, SWITCH, Status.UNKNOWN))
    assert (end.status, end.error and end.error["code"]) == (Status.CANCELLED, "call_ended")
