"""What a call has come to, counted as it is told."""

from dataclasses import replace
from datetime import UTC, datetime

from bridge import events as bridge
from bridge.ledger import Invocation, Status
from gateway.session import effects as do
from gateway.tally import Tally
from services.base.ids import new_id

AT = datetime(2026, 11, 21, tzinfo=UTC)


def said(turn_id: object, breath_id: object) -> do.UserTurnEnded:
    return do.UserTurnEnded(turn_id, "hi", (), 0.9, "en", 0, 1, "voice", False, True, breath_id, "hi")  # type: ignore[arg-type]


def test_a_turn_of_two_breaths_is_one_turn() -> None:
    tally, turn = Tally(), new_id()
    tally.told(said(turn, turn), 1)
    tally.told(said(turn, new_id()), 2)
    assert tally.user_turns == 1


def test_an_agents_turn_counts_once_it_sounds() -> None:
    tally, turn = Tally(), new_id()
    tally.told(do.AgentStarted(turn, 0, "mind", None, None, ""), 0)
    assert tally.agent_turns == 0
    tally.told(do.AgentSounded(turn, 10), 10)
    assert tally.agent_turns == 1


def test_a_nod_is_no_barge_in() -> None:
    tally = Tally()
    tally.told(do.BargeIn(1, new_id(), "backchannel", "", 0, 1.0), 1)
    tally.told(do.BargeIn(2, new_id(), "barge_in", "", 0, 1.0), 2)
    assert tally.barge_ins == 1


def test_only_the_answers_own_latency_is_kept() -> None:
    tally = Tally()
    assert tally.turn_ms is None
    tally.told(do.Measured(1, new_id(), "turn", 480.0), 1)
    tally.told(do.Measured(2, new_id(), "transcript", 9.0), 2)
    assert tally.turn_ms == 480.0


def test_a_tool_call_is_counted_once_however_often_its_row_changes() -> None:
    tally = Tally()
    row = Invocation(
        new_id(), new_id(), new_id(), "key", "clock", "tell_time", {}, "read", Status.RUNNING, AT
    )
    failed = replace(row, invocation_id=new_id(), status=Status.ERROR)
    for at, each in enumerate((row, replace(row, status=Status.SUCCESS), failed)):
        tally.told(bridge.InvocationChanged(each), at)
    assert (len(tally.tools), tally.tool_failures) == (2, 1)
    assert (tally.last_tool, tally.tool_at) == (failed, 2)
