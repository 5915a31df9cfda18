"""A wish that is spoken across a pause: what the first breath led to is taken back, and the whole is done once."""

import asyncio
from dataclasses import replace

import pytest

from bridge.events import Intent, IntentDecided, LeftToMind
from bridge.ledger import Status, key_of
from bridge.sentences import BEGUN, OVER, TOO_LATE
from services.orchestrator.protocol import ChatResult, Plan
from tests.bridge.doubles import (
    CLOCK,
    NOON_IN_TOKYO,
    ORDER,
    PATIENCE,
    QUICK,
    Gate,
    Turn,
    World,
    gated,
    kinds,
    replies,
    says,
)

FIRST, WHOLE = "order more spawn", "order more spawn for bay two"
ORDER_TWO = ORDER.model_copy(update={"arguments": {"item": "spawn", "bay": 2}})
ORDERED = ChatResult(response_text="Ordered.")
READ, READ_WHOLE = "what time is it", "what time is it in tokyo"
CLOCK_HERE = CLOCK.model_copy(update={"arguments": {}, "say": "Let me look."})
ASKS = Plan(tool="clock", agent="time", risk="read", missing=["place"], say="In which city?")


def ordering(*plans: Plan) -> World:
    world = World()
    world.orchestrator.plans = [*plans]
    world.orchestrator.streams = [says(ORDERED)]
    return world


# A write waits for the end of the window.


async def test_a_write_is_acknowledged_at_once_and_waits_for_the_end_of_its_window() -> None:
    world = ordering(ORDER)
    turn = Turn(world, FIRST)
    await turn.until("Reply")
    assert kinds(turn.told) == ["IntentDecided", "Planned", "InvocationChanged", "Reply"]
    assert world.ledger.row.status is Status.REQUESTED
    assert world.orchestrator.keys == []
    await world.bridge.close()


async def test_a_write_goes_out_when_its_window_is_over() -> None:
    world = ordering(ORDER)
    assert replies(await Turn(world, FIRST, settle_s=0.01).end())[-1] == ("tool", "Ordered.")
    assert world.ledger.row.status is Status.SUCCESS


async def test_a_read_does_not_wait() -> None:
    turn = Turn(World(), READ_WHOLE)
    assert replies(await turn.end())[-1] == ("tool", "It is noon in Tokyo.")


async def test_that_it_goes_out_is_told_before_it_does() -> None:
    world, gate = ordering(ORDER), Gate()
    world.orchestrator.streams = [gated(gate, ORDERED)]
    turn = Turn(world, FIRST, settle_s=0)
    await turn.until("InvocationChanged", 2)
    assert [row.status for row in turn.rows] == [Status.REQUESTED, Status.RUNNING]
    gate.open.set()
    await turn.end()


# Merged before it went out.


async def test_a_wish_of_two_breaths_is_one_row_and_runs_once_as_a_whole() -> None:
    world = ordering(ORDER, ORDER_TWO)
    turn = Turn(world, FIRST)
    await turn.until("Reply")
    await turn.withdraw()
    turn.goes_on(WHOLE, settle_s=0)
    assert replies(await turn.end())[-1] == ("tool", "Ordered.")
    assert [(row.status, row.arguments) for row in turn.rows] == [
        (Status.REQUESTED, {"item": "spawn", "bay": 2}),
        (Status.RUNNING, {"item": "spawn", "bay": 2}),
        (Status.SUCCESS, {"item": "spawn", "bay": 2}),
    ]
    assert world.orchestrator.keys == [key_of("talk", turn.utterance.turn_id)]
    assert world.ledger.row.invocation_id == turn.rows[0].invocation_id


async def test_three_breaths_are_one_wish_too() -> None:
    world = ordering(ORDER, ORDER, ORDER_TWO)
    turn = Turn(world, "order")
    await turn.until("Reply")
    await turn.withdraw()
    turn.goes_on(FIRST)
    await turn.until("Reply")
    await turn.withdraw()
    turn.goes_on(WHOLE, settle_s=0)
    await turn.end()
    assert world.ledger.row.arguments == {"item": "spawn", "bay": 2}
    assert len(world.orchestrator.keys) == 1


async def test_a_breath_that_was_nothing_leaves_the_wish_as_it_was() -> None:
    world = ordering(ORDER)
    turn = Turn(world, FIRST)
    await turn.until("Reply")
    await turn.withdraw()
    turn.goes_on(FIRST, settle_s=0)
    assert replies(await turn.end())[-1] == ("tool", "Ordered.")
    assert len(world.orchestrator.keys) == 1
    assert world.ledger.row.status is Status.SUCCESS


async def test_going_on_while_it_is_planned_drops_that_plan_without_words() -> None:
    world, gate = ordering(ORDER_TWO), Gate()

    async def slow() -> Plan:
        await gate()
        return ORDER

    world.orchestrator.plans = [slow(), ORDER_TWO]
    turn = Turn(world, FIRST)
    async with asyncio.timeout(PATIENCE):
        await gate.reached.wait()
    await turn.withdraw()
    assert kinds(turn.told) == ["IntentDecided"]
    turn.goes_on(WHOLE, settle_s=0)
    await turn.end()
    assert world.ledger.row.arguments == {"item": "spawn", "bay": 2}
    assert len(world.orchestrator.keys) == 1


@pytest.mark.parametrize("status", ["requested", "running"])
async def test_going_on_while_the_ledger_writes_is_in_time(status: str) -> None:
    world, gate = ordering(ORDER, ORDER_TWO), Gate()
    world.ledger.gates = {status: gate}
    turn = Turn(world, FIRST, settle_s=0)
    async with asyncio.timeout(PATIENCE):
        await gate.reached.wait()
    await turn.withdraw()
    turn.goes_on(WHOLE, settle_s=0)
    await turn.until("Planned")
    gate.open.set()
    await turn.end()
    assert world.order.count("chat order") == 1
    assert [row.arguments for row in turn.rows if row.status is Status.RUNNING] == [ORDER_TWO.arguments]
    assert world.ledger.row.status is Status.SUCCESS


async def test_what_is_said_to_the_first_breath_and_not_heard_yet_is_dropped() -> None:
    world = World()
    stream = world.bridge.take(replace(world.utterance("hello"), turn_id=(turn := world.new_id())))
    assert kinds([await anext(stream)]) == ["IntentDecided"]
    world.bridge.withdraw(turn)
    assert [event async for event in stream] == []


# A read is superseded.


async def test_a_read_that_runs_is_superseded_and_the_whole_has_a_row_of_its_own() -> None:
    world, gate = World(), Gate()
    world.orchestrator.plans = [CLOCK_HERE, CLOCK]
    world.orchestrator.streams = [gated(gate, ChatResult(response_text="It is nine.")), says(NOON_IN_TOKYO)]
    turn = Turn(world, READ)
    async with asyncio.timeout(PATIENCE):
        await gate.reached.wait()
    await turn.withdraw()
    assert [row.status for row in turn.rows] == [Status.REQUESTED, Status.RUNNING, Status.SUPERSEDED]
    turn.goes_on(READ_WHOLE)
    assert replies(await turn.end()) == [
        ("filler", "Let me look at the clock in Tokyo."),
        ("tool", "It is noon in Tokyo."),
    ]
    key = key_of("talk", turn.utterance.turn_id)
    assert {key: row.status for key, row in world.ledger.rows.items()} == {
        key: Status.SUPERSEDED,
        f"{key}:2": Status.SUCCESS,
    }
    assert world.orchestrator.cancelled == [key]
    assert world.orchestrator.amends == [None, world.ledger.rows[key].invocation_id]


async def test_a_read_that_is_done_keeps_its_row_and_the_whole_is_read_again() -> None:
    world = World()
    turn = Turn(world, READ)
    await turn.end()
    await turn.withdraw()
    turn.goes_on(READ_WHOLE)
    assert replies(await turn.end())[-1] == ("tool", "It is noon in Tokyo.")
    assert [row.status for row in world.ledger.rows.values()] == [Status.SUCCESS, Status.SUCCESS]


# Too late.


async def test_a_write_that_has_gone_out_is_told_and_never_runs_again() -> None:
    world, gate = ordering(ORDER, ORDER_TWO), Gate()
    world.orchestrator.streams = [gated(gate, ORDERED)]
    turn = Turn(world, FIRST, settle_s=0)
    async with asyncio.timeout(PATIENCE):
        await gate.reached.wait()
    world.bridge.withdraw(turn.utterance.turn_id)
    first, told = turn.listening, turn.told
    turn.goes_on(WHOLE, settle_s=0)
    assert replies(await turn.end()) == [("notice", BEGUN)]
    gate.open.set()
    await first
    assert replies(told)[-1] == ("tool", "Ordered.")
    assert len(world.orchestrator.keys) == 1
    assert world.ledger.row.arguments == {"item": "spawn"}


async def test_the_same_turn_again_without_a_withdrawal_still_ends_without_words() -> None:
    world = ordering(ORDER)
    turn = Turn(world, FIRST)
    await turn.until("Reply")
    assert kinds(await world.take(turn.utterance)) == ["IntentDecided", "Planned"]
    await world.bridge.close()
    assert len(world.orchestrator.keys) == 1


async def test_the_whole_that_is_taken_twice_at_once_runs_once() -> None:
    world = ordering(ORDER)
    turn = Turn(world, "hello")
    await turn.end()
    await turn.withdraw()
    turn.goes_on(f"hello {FIRST}", settle_s=0)
    again = world.take(turn.utterance)
    await asyncio.gather(turn.end(), again)
    assert len(world.orchestrator.keys) == 1
    assert world.ledger.row.status is Status.SUCCESS


# The whole means something else.


@pytest.mark.parametrize(
    ("plan", "last"), [(Plan(), "LeftToMind"), (ASKS, "Reply"), (KeyError("inner"), "Reply")]
)
async def test_where_the_whole_leads_to_no_deed_the_row_is_superseded(
    plan: Plan | Exception, last: str
) -> None:
    world = ordering(ORDER)
    world.orchestrator.plans = [ORDER, plan]
    turn = Turn(world, FIRST)
    await turn.until("Reply")
    await turn.withdraw()
    turn.goes_on(WHOLE)
    assert kinds(await turn.end())[-2:] == [last, "InvocationChanged"]
    assert world.ledger.row.status is Status.SUPERSEDED
    assert world.ledger.row.error == {"code": "user_went_on", "message": "the user went on with the turn"}
    assert world.orchestrator.keys == []


async def test_where_the_whole_is_dangerous_the_same_row_waits_for_a_yes() -> None:
    world = ordering(ORDER, Plan(tool="wipe", agent="lab", risk="dangerous"))
    turn = Turn(world, FIRST)
    await turn.until("Reply")
    await turn.withdraw()
    turn.goes_on("order more spawn and wipe the records")
    await turn.until("ApprovalAsked")
    assert (world.ledger.row.status, world.ledger.row.action) == (Status.AWAITING_APPROVAL, "wipe")
    await world.bridge.close()
    assert world.orchestrator.keys == []


async def test_a_question_that_the_first_breath_led_to_is_closed() -> None:
    world = World()
    world.orchestrator.plans = [ASKS, CLOCK]
    turn = Turn(world, "what time is it in")
    await turn.end()
    await turn.withdraw()
    turn.goes_on("what time is it in tokyo")
    await turn.end()
    assert "pending" not in world.orchestrator.contexts[1]


async def test_the_question_that_the_first_breath_answered_is_open_again() -> None:
    world = World()
    world.orchestrator.plans = [ASKS, Plan(), CLOCK]
    await world.hear("what's the time")
    turn = Turn(world, "in the")
    await turn.end()
    await turn.withdraw()
    turn.goes_on("in the city of tokyo")
    assert replies(await turn.end())[-1] == ("tool", "It is noon in Tokyo.")
    assert world.orchestrator.contexts[2]["pending"] == ASKS.model_dump(mode="json")


@pytest.mark.parametrize(
    ("first", "whole"), [("hello", "hello what time is it"), ("what time is it", "what time is it hello")]
)
async def test_small_talk_in_one_breath_does_not_hide_the_wish_in_the_other(first: str, whole: str) -> None:
    world = World()
    turn = Turn(world, first)
    await turn.until("IntentDecided")
    await turn.withdraw()
    turn.goes_on(whole)
    assert replies(await turn.end())[-1] == ("tool", "It is noon in Tokyo.")


async def test_small_talk_in_both_breaths_asks_nobody() -> None:
    world = World()
    turn = Turn(world, "hello")
    await turn.end()
    await turn.withdraw()
    turn.goes_on("hello how are you")
    assert kinds(await turn.end()) == ["IntentDecided", "LeftToMind"]
    assert isinstance(turn.told[0], IntentDecided)
    assert turn.told[0].intent is Intent.CHITCHAT
    assert isinstance(turn.told[1], LeftToMind)


# Taken back.


async def held(world: World) -> Turn:
    """A turn whose write waits for the end of its window."""
    turn = Turn(world, FIRST)
    await turn.until("Reply")
    return turn


@pytest.mark.parametrize("words", ["never mind", "stop", "hold on"])
async def test_what_waits_is_called_off_by_the_next_turn(words: str) -> None:
    world = ordering(ORDER)
    turn = await held(world)
    events = await world.hear(words)
    assert replies(events) == [("notice", "Cancelled.")]
    await turn.end()
    assert world.ledger.row.status is Status.CANCELLED
    assert world.ledger.row.error == {
        "code": "called_off",
        "message": "the user took it back before it went out",
    }
    assert (world.orchestrator.keys, world.orchestrator.cancelled) == ([], [])


@pytest.mark.parametrize("words", ["never mind", "um stop", "no wait"])
async def test_what_waits_is_called_off_by_the_second_breath(words: str) -> None:
    world = ordering(ORDER)
    turn = await held(world)
    await turn.withdraw()
    turn.goes_on(f"{FIRST}, {words}!")
    assert replies(await turn.end()) == [("notice", "Cancelled.")]
    assert isinstance(turn.told[0], IntentDecided)
    assert (turn.told[0].intent, turn.told[0].by) == (Intent.CONTROL, "two_breaths")
    assert world.ledger.row.status is Status.CANCELLED
    assert world.orchestrator.keys == []


async def test_never_mind_takes_back_its_own_turn_and_no_other() -> None:
    world, gate = World(), Gate()
    world.orchestrator.streams = [gated(gate, NOON_IN_TOKYO)]
    other = Turn(world, READ_WHOLE)
    async with asyncio.timeout(PATIENCE):
        await gate.reached.wait()
    turn = Turn(world, "hello")
    await turn.end()
    await turn.withdraw()
    turn.goes_on("hello never mind")
    assert replies(await turn.end()) == [("notice", "Cancelled.")]
    assert world.orchestrator.cancelled == []
    gate.open.set()
    assert replies(await other.end())[-1] == ("tool", "It is noon in Tokyo.")


async def test_never_mind_after_it_has_gone_out_asks_the_orchestrator() -> None:
    world, gate = ordering(ORDER), Gate()
    world.orchestrator.streams = [gated(gate, ORDERED)]
    turn = Turn(world, FIRST, settle_s=0)
    async with asyncio.timeout(PATIENCE):
        await gate.reached.wait()
    world.bridge.withdraw(turn.utterance.turn_id)
    first = turn.listening
    turn.goes_on(f"{FIRST} never mind")
    assert replies(await turn.end()) == [("notice", TOO_LATE)]
    assert world.orchestrator.cancelled == world.orchestrator.keys
    gate.open.set()
    await first
    assert world.ledger.row.status is Status.SUCCESS


async def test_never_mind_after_it_is_done_claims_nothing_else() -> None:
    world = ordering(ORDER)
    turn = Turn(world, FIRST, settle_s=0)
    await turn.end()
    world.bridge.withdraw(turn.utterance.turn_id)
    turn.goes_on(f"{FIRST} never mind")
    assert replies(await turn.end()) == [("notice", OVER)]
    assert world.orchestrator.cancelled == []


@pytest.mark.parametrize(
    "words", ["stop the pump", "never mind the gap", "cancel my order", "say that again"]
)
async def test_a_second_breath_that_only_sounds_like_a_control_belongs_to_the_wish(words: str) -> None:
    world = ordering(ORDER, ORDER_TWO)
    turn = await held(world)
    await turn.withdraw()
    turn.goes_on(f"{FIRST} {words}", settle_s=0)
    assert replies(await turn.end())[-1] == ("tool", "Ordered.")


async def test_never_mind_in_another_turn_while_the_whole_is_planned_leaves_nothing_open() -> None:
    world, gate = ordering(ORDER), Gate()

    async def slow() -> Plan:
        await gate()
        return ORDER_TWO

    turn = await held(world)
    await turn.withdraw()
    world.orchestrator.plans = [slow()]
    turn.goes_on(WHOLE)
    async with asyncio.timeout(PATIENCE):
        await gate.reached.wait()
    assert replies(await world.hear("never mind")) == [("notice", "Cancelled.")]
    gate.open.set()
    assert replies(await turn.end()) == []
    assert world.ledger.row.status is Status.SUPERSEDED
    assert world.orchestrator.keys == []


# Other turns, and the end of the call.


async def test_a_write_that_waits_goes_out_before_the_deed_of_a_later_turn() -> None:
    world = ordering(ORDER, CLOCK)
    turn = await held(world)
    await world.hear(READ_WHOLE)
    await turn.end()
    assert [entry for entry in world.order if entry.startswith("chat")] == ["chat order", "chat clock"]


async def test_another_turn_does_not_let_out_what_the_user_goes_on_with() -> None:
    world = ordering(ORDER, CLOCK, ORDER_TWO)
    turn = await held(world)
    await turn.withdraw()
    await world.hear(READ_WHOLE)
    turn.goes_on(WHOLE)
    await turn.until("Reply")
    assert "chat order" not in world.order
    await world.bridge.close()


async def test_a_wish_that_was_complete_when_the_user_hung_up_is_done_at_once() -> None:
    world = ordering(ORDER)
    turn = await held(world)
    await world.bridge.close()
    assert world.ledger.row.status is Status.SUCCESS
    assert replies(await turn.end())[-1] == ("tool", "Ordered.")


async def test_a_wish_that_was_broken_off_when_the_user_hung_up_is_left_undone() -> None:
    world = ordering(ORDER)
    turn = await held(world)
    await turn.withdraw()
    await world.bridge.close()
    assert world.orchestrator.keys == []
    assert world.ledger.row.status is Status.CANCELLED
    assert world.ledger.row.error == {"code": "call_ended", "message": "the call ended before the deed did"}


async def test_a_turn_that_is_never_heard_whole_leaves_its_row_superseded() -> None:
    world = World(replace(QUICK, breath=0.01))
    world.orchestrator.plans = [ORDER]
    written = Gate()
    world.ledger.gates = {"superseded": written}
    turn = await held(world)
    await turn.withdraw()
    async with asyncio.timeout(PATIENCE):
        await written.reached.wait()
    written.open.set()
    await world.bridge.close()
    assert world.ledger.row.status is Status.SUPERSEDED


async def test_whoever_stops_listening_to_the_whole_leaves_the_row_superseded() -> None:
    world, gate = ordering(ORDER), Gate()

    async def slow() -> Plan:
        await gate()
        return ORDER_TWO

    turn = await held(world)
    await turn.withdraw()
    world.orchestrator.plans = [slow()]
    turn.goes_on(WHOLE)
    async with asyncio.timeout(PATIENCE):
        await gate.reached.wait()
    written = Gate()
    world.ledger.gates = {"superseded": written}
    turn.listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn.listening
    async with asyncio.timeout(PATIENCE):
        await written.reached.wait()
    written.open.set()
    await world.bridge.close()
    assert world.ledger.row.status is Status.SUPERSEDED


async def test_withdrawing_a_turn_that_was_never_taken_does_nothing() -> None:
    world = World()
    world.bridge.withdraw(world.new_id())
    assert world.order == []


# The ledger.


async def test_a_ledger_away_when_the_row_is_amended_stops_the_deed() -> None:
    world = ordering(ORDER, ORDER_TWO)
    turn = await held(world)
    await turn.withdraw()
    world.ledger.away = {"requested": 1}
    turn.goes_on(WHOLE, settle_s=0)
    (reply,) = replies(await turn.end())
    assert "left it undone" in reply[1]
    assert world.ledger.row.status is Status.ERROR
    assert world.orchestrator.keys == []


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.RUNNING])
@pytest.mark.parametrize("whole", [FIRST, WHOLE])
async def test_a_row_that_somebody_else_has_changed_is_theirs(status: Status, whole: str) -> None:
    world = ordering(ORDER)
    turn = await held(world)
    theirs = replace(world.ledger.row, status=status)
    world.ledger.rows[theirs.idempotency_key] = theirs
    if whole != FIRST:
        await turn.withdraw()
        turn.goes_on(whole)
        await turn.end()
    await world.bridge.close()
    assert world.orchestrator.keys == []
    assert world.ledger.row == theirs


async def test_a_turn_that_another_gateway_has_taken_stays_there() -> None:
    first = ordering(ORDER)
    second = World(ledger=first.ledger, first_id=1000)
    second.orchestrator.plans = [ORDER]
    turn = await held(first)
    assert replies(await second.take(turn.utterance)) == []
    second.bridge.withdraw(turn.utterance.turn_id)
    assert replies(await second.take(replace(turn.utterance, text=WHOLE))) == []
    await first.bridge.close()
    assert (len(first.orchestrator.keys), second.orchestrator.keys) == (1, [])
