"""An orchestrator or a ledger that fails: said in a clear sentence, and true in the row."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from bridge.events import InvocationChanged
from bridge.ledger import Status
from bridge.limits import Limits
from bridge.ports import (
    BadResult,
    ChatEvent,
    OrchestratorAway,
    OrchestratorError,
    OrchestratorLost,
    OrchestratorRefused,
    OrchestratorTimeout,
)
from bridge.sentences import NOBODY_KNOWS
from services.orchestrator.protocol import ChatResult, Failure, Plan, Progress
from tests.bridge.doubles import (
    CLOCK,
    NOON_IN_TOKYO,
    ORDER,
    PATIENCE,
    Boom,
    Gate,
    World,
    gated,
    kinds,
    replies,
    says,
)

WISH = "what time is it in tokyo"
INNER = "KeyError at 0x7f3 in /srv/agents/clock.py, password=hunter2"


def code_of(world: World) -> str:
    error = world.ledger.row.error
    assert error is not None
    return str(error["code"])


# The plan.


@pytest.mark.parametrize(
    "error", [OrchestratorTimeout, BadResult, OrchestratorRefused, OrchestratorLost, Boom]
)
async def test_no_plan_is_said_without_inner_details(error: type[OrchestratorError]) -> None:
    world = World()
    world.orchestrator.plans = [error(INNER)]
    events = await world.hear(WISH)
    assert kinds(events) == ["IntentDecided", "Reply"]
    assert "hunter2" not in replies(events)[0][1]
    assert world.ledger.rows == {}


async def test_an_adapter_that_breaks_while_planning_is_a_failure_and_the_next_turn_goes_on() -> None:
    world = World()
    world.orchestrator.plans = [KeyError(INNER), CLOCK]
    (reply,) = replies(await world.hear(WISH))
    assert "went wrong" in reply[1]
    assert replies(await world.hear(WISH))[-1] == ("tool", "It is noon in Tokyo.")


async def test_a_plan_that_never_comes_is_given_up_and_the_next_turn_goes_on() -> None:
    world = World(Limits(plan=0.01))
    gate = Gate()

    async def never() -> Plan:
        await gate()
        return CLOCK

    world.orchestrator.plans = [never(), CLOCK]
    (reply,) = replies(await world.hear(WISH))
    assert "took too long" in reply[1]
    assert replies(await world.hear(WISH))[-1] == ("tool", "It is noon in Tokyo.")


# The deed.


@pytest.mark.parametrize(
    ("error", "read", "write"),
    [
        (OrchestratorAway, Status.ERROR, Status.ERROR),
        (OrchestratorRefused, Status.ERROR, Status.ERROR),
        (OrchestratorTimeout, Status.ERROR, Status.UNKNOWN),
        (OrchestratorLost, Status.ERROR, Status.UNKNOWN),
        (BadResult, Status.ERROR, Status.UNKNOWN),
        (Boom, Status.ERROR, Status.UNKNOWN),
    ],
)
@pytest.mark.parametrize("plan", [CLOCK, ORDER])
async def test_a_deed_that_may_have_changed_something_is_unknown_else_failed(
    plan: Plan, error: type[OrchestratorError], read: Status, write: Status
) -> None:
    world = World()
    world.orchestrator.plans = [plan]
    world.orchestrator.streams = [says(Progress(text="half way"), error(INNER))]
    events = await world.hear(WISH)
    assert world.ledger.row.status is (read if plan is CLOCK else write)
    assert code_of(world) == error.code
    source, text = replies(events)[-1]
    assert source == "tool"
    assert "hunter2" not in text
    assert (text == NOBODY_KNOWS) == (world.ledger.row.status is Status.UNKNOWN)


async def test_an_adapter_that_breaks_leaves_the_deed_unknown() -> None:
    world = World()
    world.orchestrator.plans = [ORDER]
    world.orchestrator.streams = [says(KeyError(INNER))]
    assert replies(await world.hear(WISH))[-1][1] == NOBODY_KNOWS
    assert world.ledger.row.status is Status.UNKNOWN


async def test_a_deed_that_hangs_is_given_up() -> None:
    world = World(Limits(silence=0.01))
    world.orchestrator.streams = [gated(Gate(), NOON_IN_TOKYO)]
    events = await world.hear(WISH)
    assert "took too long" in replies(events)[-1][1]
    assert (world.ledger.row.status, code_of(world)) == (Status.ERROR, "orchestrator_timeout")


async def test_a_deed_that_is_lively_for_ever_is_given_up_too() -> None:
    world, gate = World(Limits(deed=0.0)), Gate()

    async def stream() -> AsyncGenerator[ChatEvent, None]:
        yield Progress(text="working")
        await gate()

    world.orchestrator.streams = [stream]
    await world.hear(WISH)
    assert code_of(world) == "orchestrator_timeout"


async def test_a_connection_lost_in_mid_stream_is_asked_again_under_the_same_key() -> None:
    world = World()
    world.orchestrator.streams = [says(Progress(text="x"), OrchestratorLost(INNER)), says(NOON_IN_TOKYO)]
    events = await world.hear(WISH)
    assert replies(events)[-1] == ("tool", "It is noon in Tokyo.")
    assert world.ledger.row.status is Status.SUCCESS
    assert world.orchestrator.keys == [world.ledger.row.idempotency_key] * 2


@pytest.mark.parametrize("second", [OrchestratorAway(INNER), OrchestratorLost(INNER), BadResult(INNER)])
async def test_it_is_asked_again_once_and_keeps_its_first_trouble(second: OrchestratorError) -> None:
    world = World()
    world.orchestrator.plans = [ORDER.model_copy(update={"idempotent": True})]
    world.orchestrator.streams = [says(OrchestratorLost("first")), says(second), says(NOON_IN_TOKYO)]
    assert replies(await world.hear(WISH))[-1][1] == NOBODY_KNOWS
    assert len(world.orchestrator.keys) == 2
    assert world.ledger.row.status is Status.UNKNOWN
    assert world.ledger.row.error == {"code": "orchestrator_lost", "message": "first"}


async def test_what_is_not_idempotent_is_never_asked_again() -> None:
    world = World()
    world.orchestrator.plans = [ORDER]
    world.orchestrator.streams = [says(OrchestratorLost(INNER)), says(NOON_IN_TOKYO)]
    assert replies(await world.hear(WISH))[-1][1] == NOBODY_KNOWS
    assert len(world.orchestrator.keys) == 1


async def test_a_stream_that_ends_without_a_result_counts_as_lost() -> None:
    world = World()
    world.orchestrator.plans = [ORDER]
    world.orchestrator.streams = [says(Progress(text="half way"))]
    await world.hear(WISH)
    assert (world.ledger.row.status, code_of(world)) == (Status.UNKNOWN, "orchestrator_lost")


async def test_a_failure_that_the_orchestrator_tells_is_certain() -> None:
    world = World()
    world.orchestrator.plans = [ORDER]
    world.orchestrator.streams = [says(Failure(code="tool_timeout", message=INNER))]
    events = await world.hear(WISH)
    assert "took too long" in replies(events)[-1][1]
    assert world.ledger.row.status is Status.ERROR
    assert world.ledger.row.error == {"code": "tool_timeout", "message": INNER}


async def test_a_code_nobody_knows_is_still_a_sentence() -> None:
    world = World()
    world.orchestrator.streams = [says(Failure(code="flux_capacitor", message=INNER))]
    text = replies(await world.hear(WISH))[-1][1]
    assert "something went wrong on the way" in text
    assert "flux" not in text


async def test_a_tool_that_explains_its_failure_is_heard() -> None:
    world = World()
    result = ChatResult(
        response_text="I don't know a city called Atlantis.",
        status="error",
        error={"code": "unknown_place", "message": INNER},
    )
    world.orchestrator.streams = [says(result)]
    assert replies(await world.hear(WISH))[-1][1] == "I don't know a city called Atlantis."
    assert (world.ledger.row.status, code_of(world)) == (Status.ERROR, "unknown_place")


async def test_a_tool_that_explains_itself_with_a_traceback_is_not() -> None:
    world = World()
    world.orchestrator.streams = [says(ChatResult(response_text=f"KeyError: {INNER}", status="error"))]
    assert "something went wrong" in replies(await world.hear(WISH))[-1][1]
    assert code_of(world) == "tool_failed"


# The ledger.


async def test_a_ledger_away_before_the_deed_stops_it_and_that_is_said() -> None:
    world = World()
    world.ledger.away = {"requested": 99}
    events = await world.hear(WISH)
    (reply,) = replies(events)
    assert reply[0] == "notice"
    assert "left it undone" in reply[1]
    assert world.orchestrator.keys == []
    assert not any(isinstance(event, InvocationChanged) for event in events)


async def test_a_ledger_away_before_the_start_stops_it_and_the_row_is_closed() -> None:
    world = World()
    world.ledger.away = {"running": 1}
    events = await world.hear(WISH)
    assert "left it undone" in replies(events)[-1][1]
    assert world.orchestrator.keys == []
    assert (world.ledger.row.status, code_of(world)) == (Status.ERROR, "ledger_away")
    assert world.ledger.row.started_at is None


async def test_a_ledger_away_after_the_deed_does_not_keep_the_result_from_being_said() -> None:
    world = World()
    world.ledger.away = {"success": 3}
    events = await world.hear(WISH)
    assert kinds(events)[-2:] == ["Reply", "InvocationChanged"]
    assert replies(events)[-1] == ("tool", "It is noon in Tokyo.")
    assert world.ledger.row.status is Status.SUCCESS
    assert world.order.count("chat clock") == 1


async def test_a_ledger_that_stays_away_is_given_up_loudly(caplog: pytest.LogCaptureFixture) -> None:
    world = World(Limits(insist=0.01, pause=0.001))
    world.ledger.away = {"success": 10**6}
    events = await world.hear(WISH)
    assert replies(events)[-1] == ("tool", "It is noon in Tokyo.")
    assert world.ledger.row.status is Status.RUNNING
    assert "lacks the end of a deed" in caplog.text


async def test_a_store_that_breaks_or_hangs_is_a_ledger_away() -> None:
    broken, hanging = World(), World(Limits(ledger=0.01))
    broken.ledger.away, broken.ledger.fault = {"requested": 1}, ValueError(INNER)
    hanging.ledger.gates = {"requested": Gate()}
    for world in (broken, hanging):
        (reply,) = replies(await world.hear(WISH))
        assert "left it undone" in reply[1]
        assert world.orchestrator.keys == []


async def test_the_result_is_said_before_the_ledger_is_back() -> None:
    world = World()
    back = Gate()
    world.ledger.away = {"success": 1}
    stream = world.bridge.take(world.utterance(WISH))
    async with asyncio.timeout(PATIENCE):
        async for event in stream:
            if world.ledger.failed.is_set() and not back.reached.is_set():
                # The next write waits until the reply has been seen.
                world.ledger.gates = {"success": back}
            if kinds([event]) == ["Reply"] and world.ledger.failed.is_set():
                assert world.ledger.row.status is Status.RUNNING
                back.open.set()
    assert world.ledger.row.status is Status.SUCCESS


async def test_a_deed_that_the_tool_itself_cannot_vouch_for_is_unknown_and_said_in_its_words() -> None:
    world = World()
    world.orchestrator.plans = [ORDER]
    error = {"code": "webhook_timeout", "message": "no answer in 18 s", "in_doubt": True}
    told = ChatResult(response_text="Shop took too long to answer.", status="error", error=error)
    world.orchestrator.streams = [says(told)]
    events = await world.hear("order more spawn")
    assert replies(events)[-1] == ("tool", told.response_text)
    assert (world.ledger.row.status, code_of(world)) == (Status.UNKNOWN, "webhook_timeout")
