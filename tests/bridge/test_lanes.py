"""Several turns at once, a caller who leaves, and the end of the call."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from bridge.events import BridgeEvent, InvocationChanged, Progressed
from bridge.ledger import Status
from bridge.limits import Limits
from bridge.ports import ChatEvent, OrchestratorAway
from bridge.reading import MAX_UNREAD
from bridge.sentences import TOO_LATE
from services.orchestrator.protocol import ChatResult, Plan, Progress
from tests.bridge.doubles import (
    CLOCK,
    NOON_IN_TOKYO,
    ORDER,
    PATIENCE,
    Gate,
    World,
    gated,
    kinds,
    replies,
    says,
)

WISH = "what time is it in tokyo"


def start(world: World, text: str) -> asyncio.Task[list[BridgeEvent]]:
    return asyncio.create_task(world.hear(text))


async def passed(event: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE):
        await event.wait()


async def leave(task: asyncio.Task[list[BridgeEvent]]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def gated_plan(world: World, gate: Gate, plan: Plan) -> None:
    async def wait() -> Plan:
        await gate()
        return plan

    world.orchestrator.plans = [wait(), *world.orchestrator.plans]


# Side by side.


async def test_plans_are_made_in_the_order_in_which_the_turns_came() -> None:
    world, gate = World(), Gate()
    gated_plan(world, gate, CLOCK)
    first, second = start(world, WISH), start(world, "order more spawn")
    await passed(gate.reached)
    assert world.order == [f"plan {WISH}"]
    gate.open.set()
    await asyncio.gather(first, second)
    assert [entry for entry in world.order if entry.startswith("plan")] == [
        f"plan {WISH}",
        "plan order more spawn",
    ]


async def test_a_deed_that_takes_long_does_not_hold_up_the_next() -> None:
    world, gate = World(), Gate()
    world.orchestrator.plans = [ORDER, CLOCK]
    world.orchestrator.streams = [gated(gate, ChatResult(response_text="Ordered.")), says(NOON_IN_TOKYO)]
    slow = start(world, "order more spawn")
    await passed(gate.reached)
    assert replies(await world.hear(WISH))[-1] == ("tool", "It is noon in Tokyo.")
    assert not slow.done()
    gate.open.set()
    assert replies(await slow)[-1] == ("tool", "Ordered.")


async def test_a_control_is_heard_while_another_turn_is_being_planned() -> None:
    world, gate = World(), Gate()
    gated_plan(world, gate, CLOCK)
    planning = start(world, WISH)
    await passed(gate.reached)
    assert kinds(await world.hear("stop")) == ["IntentDecided", "ControlAsked"]
    gate.open.set()
    await planning


# Called off.


async def test_never_mind_while_it_is_planned_drops_it() -> None:
    world, gate = World(), Gate()
    gated_plan(world, gate, CLOCK)
    planning = start(world, WISH)
    await passed(gate.reached)
    assert replies(await world.hear("never mind")) == [("notice", "Cancelled.")]
    gate.open.set()
    assert replies(await planning) == []
    assert (world.orchestrator.keys, world.ledger.rows) == ([], {})


async def test_never_mind_while_it_runs_has_the_orchestrator_cancel_the_youngest() -> None:
    world, old, young = World(), Gate(), Gate()
    world.orchestrator.plans = [ORDER]
    world.orchestrator.streams = [
        gated(old, ChatResult(response_text="Ordered.")),
        gated(young, ChatResult(response_text="", status="cancelled")),
    ]
    first = start(world, WISH)
    await passed(old.reached)
    second = start(world, WISH)
    await passed(young.reached)

    def cancel() -> bool:
        young.open.set()
        return True

    world.orchestrator.on_cancel = cancel
    assert replies(await world.hear("never mind")) == []
    assert replies(await second)[-1] == ("tool", "Cancelled.")
    assert world.orchestrator.cancelled == [world.orchestrator.keys[1]]
    assert world.ledger.rows[world.orchestrator.keys[1]].status is Status.CANCELLED
    old.open.set()
    assert replies(await first)[-1] == ("tool", "Ordered.")


@pytest.mark.parametrize("trouble", [None, OrchestratorAway("gone")])
async def test_what_cannot_be_called_off_any_more_runs_on_and_that_is_said(trouble: Exception | None) -> None:
    world, gate = World(), Gate()
    world.orchestrator.streams = [gated(gate, NOON_IN_TOKYO)]
    running = start(world, WISH)
    await passed(gate.reached)

    def cancel() -> bool:
        if trouble:
            raise trouble
        return False

    world.orchestrator.on_cancel = cancel
    assert replies(await world.hear("forget it")) == [("notice", TOO_LATE)]
    gate.open.set()
    assert replies(await running)[-1] == ("tool", "It is noon in Tokyo.")


async def test_never_mind_when_nothing_is_going_on_is_for_the_call_alone() -> None:
    assert kinds(await World().hear("never mind")) == ["IntentDecided", "ControlAsked"]


# The caller leaves.


async def test_leaving_while_it_is_planned_does_nothing() -> None:
    world, gate = World(), Gate()
    gated_plan(world, gate, CLOCK)
    task = start(world, WISH)
    await passed(gate.reached)
    await leave(task)
    gate.open.set()
    await world.hear(WISH)
    assert len(world.orchestrator.keys) == 1


async def test_leaving_while_another_turn_is_planned_gives_up_the_place() -> None:
    world, gate = World(), Gate()
    gated_plan(world, gate, CLOCK)
    first, second = start(world, WISH), start(world, "order more spawn")
    await passed(gate.reached)
    await leave(second)
    third = start(world, WISH)
    gate.open.set()
    await asyncio.gather(first, third)
    assert "plan order more spawn" not in world.order


@pytest.mark.parametrize("status", ["requested", "running", "success"])
async def test_leaving_while_the_ledger_writes_lets_the_deed_run_to_its_end(status: str) -> None:
    world, gate = World(), Gate()
    world.ledger.gates = {status: gate}
    task = start(world, WISH)
    await passed(gate.reached)
    await leave(task)
    gate.open.set()
    await world.bridge.close()
    assert world.ledger.row.status is Status.SUCCESS
    assert world.order.count("chat clock") == 1


async def test_leaving_while_it_runs_neither_cancels_nor_repeats_it() -> None:
    world, gate = World(), Gate()
    world.orchestrator.streams = [gated(gate, NOON_IN_TOKYO)]
    task = start(world, WISH)
    await passed(gate.reached)
    await leave(task)
    assert world.orchestrator.cancelled == []
    gate.open.set()
    await world.bridge.close()
    assert world.ledger.row.status is Status.SUCCESS
    assert world.order.count("chat clock") == 1


async def test_closing_the_generator_is_leaving() -> None:
    world, gate = World(), Gate()
    world.orchestrator.streams = [gated(gate, NOON_IN_TOKYO)]
    stream = world.bridge.take(world.utterance(WISH))
    async with asyncio.timeout(PATIENCE):
        async for event in stream:
            if isinstance(event, InvocationChanged) and event.invocation.status is Status.RUNNING:
                break
        await stream.aclose()
    gate.open.set()
    await world.bridge.close()
    assert world.ledger.row.status is Status.SUCCESS


async def test_a_caller_who_reads_slowly_loses_progress_and_nothing_else() -> None:
    world = World()
    many: list[ChatEvent] = [Progress(text=str(n)) for n in range(3 * MAX_UNREAD)]
    world.orchestrator.streams = [says(*many, NOON_IN_TOKYO)]
    stream = world.bridge.take(world.utterance(WISH))
    events = [await anext(stream)]
    await world.bridge.close()
    async with asyncio.timeout(PATIENCE):
        events += [event async for event in stream]
    assert 0 < len([event for event in events if isinstance(event, Progressed)]) <= MAX_UNREAD
    assert replies(events)[-1] == ("tool", "It is noon in Tokyo.")


# The call ends.


async def ended_at(world: World, gate: Gate) -> list[BridgeEvent]:
    """Close the bridge while its one deed stands at `gate`."""
    task = start(world, WISH)
    await passed(gate.reached)
    async with asyncio.timeout(PATIENCE):
        await world.bridge.close()
        return await task


async def test_a_deed_still_running_when_the_call_ends_is_unknown() -> None:
    world, gate = World(Limits(close=0.01)), Gate()
    world.orchestrator.streams = [gated(gate, NOON_IN_TOKYO)]
    events = await ended_at(world, gate)
    assert world.ledger.row.status is Status.UNKNOWN
    assert world.ledger.row.error == {"code": "call_ended", "message": "the call ended before the deed did"}
    assert kinds(events)[-1] == "InvocationChanged"


async def test_a_close_that_is_cut_short_still_leaves_a_true_row() -> None:
    world, gate = World(), Gate()
    world.orchestrator.streams = [gated(gate, NOON_IN_TOKYO)]
    task = start(world, WISH)
    await passed(gate.reached)
    closing = asyncio.create_task(world.bridge.close())
    await asyncio.sleep(0)  # it waits for the deed now
    closing.cancel()
    async with asyncio.timeout(PATIENCE):
        await task
    assert world.ledger.row.status is Status.UNKNOWN


async def test_a_deed_that_has_not_started_when_the_call_ends_never_does() -> None:
    world, gate = World(Limits(close=0.01)), Gate()
    world.ledger.gates = {"running": gate}
    await ended_at(world, gate)
    assert world.ledger.row.status is Status.CANCELLED
    assert world.orchestrator.keys == []


async def test_a_deed_whose_end_is_being_written_when_the_call_ends_keeps_its_end() -> None:
    world, gate = World(Limits(close=0.01)), Gate()
    world.ledger.gates = {"success": gate}
    task = start(world, WISH)
    await passed(gate.reached)
    closing = asyncio.create_task(world.bridge.close())
    gate.reached.clear()
    await passed(gate.reached)  # cancelled, and written once more
    gate.open.set()
    await asyncio.gather(task, closing)
    assert world.ledger.row.status is Status.SUCCESS


async def test_a_ledger_away_at_the_end_of_the_call_is_told_loudly(caplog: pytest.LogCaptureFixture) -> None:
    world, gate = World(Limits(close=0.01)), Gate()
    world.orchestrator.streams = [gated(gate, NOON_IN_TOKYO)]
    world.ledger.away = {"unknown": 99}
    await ended_at(world, gate)
    assert world.ledger.row.status is Status.RUNNING
    assert "lacks the end of a deed" in caplog.text


async def test_a_turn_being_planned_when_the_call_ends_is_dropped() -> None:
    world, gate = World(), Gate()
    gated_plan(world, gate, CLOCK)
    events = await ended_at(world, gate)
    assert kinds(events) == ["IntentDecided"]
    assert world.ledger.rows == {}


async def test_a_closed_bridge_does_nothing_more() -> None:
    world = World()
    await world.bridge.close()
    assert replies(await world.hear(WISH)) == []
    assert world.ledger.rows == {}


async def test_a_stream_is_closed_when_the_deed_is_given_up() -> None:
    world = World(Limits(close=0.01))
    gate, closed = Gate(), asyncio.Event()

    async def stream() -> AsyncGenerator[ChatEvent, None]:
        try:
            await gate()
            yield NOON_IN_TOKYO
        finally:
            closed.set()

    world.orchestrator.streams = [stream]
    await ended_at(world, gate)
    assert closed.is_set()
