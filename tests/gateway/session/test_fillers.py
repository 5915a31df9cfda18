"""A filler never goes over the user, never behind the result, and ends where a person would."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import samples
from tests.gateway.session.driver import WORD, Call

TIME = "what time is it"
LONG = "I am looking at the clock now, give me a second please."


def asked(*replies: tuple[int, str, on.Source]) -> Call:
    """A question that is typed, and what the bridge has said to it; delays in ms, one behind the other."""
    call = Call(replies={TIME: list(replies)})
    call.types(TIME, at=0)
    return call


def filler(call: Call) -> do.InjectionChanged:
    """What became of it."""
    return [change for change in call.told(do.InjectionChanged) if change.source == "filler"][-1]


def test_one_that_still_waits_is_dropped_when_the_result_comes() -> None:
    call = asked((900, LONG, "filler"), (10, "It is noon.", "tool"))
    call.injects("Your tea is ready on the table.", at=0, priority=9, interrupt=True)
    call.until(8000)
    assert call.said_by_agent() == ["Your tea is ready on the table.", "It is noon."]
    assert (filler(call).state, filler(call).why) == ("dropped", "answered")


def test_one_that_was_not_heard_yet_is_not_said() -> None:
    call = asked((0, LONG, "filler"), (50, "It is noon.", "tool"))
    call.until(8000)
    assert [text for text in call.said_by_agent() if text] == ["It is noon."]
    assert (filler(call).state, filler(call).said) == ("cut", "")


def test_one_that_sounds_ends_with_its_clause_where_that_is_near() -> None:
    call = asked((0, LONG, "filler"), (6 * WORD, "It is noon.", "tool"))
    call.until(8000)
    assert call.said_by_agent() == ["I am looking at the clock now,", "It is noon."]
    change = filler(call)
    assert (change.state, change.why) == ("cut", "answered")
    assert (change.said, change.unsaid) == ("I am looking at the clock now,", "give me a second please.")


def test_else_it_ends_with_its_word_and_no_half_of_another_is_heard() -> None:
    call = asked((0, LONG, "filler"), (2 * WORD, "It is noon.", "tool"))
    call.until(8000)
    first, result = call.said_by_agent()
    assert result == "It is noon."
    assert 1 <= len(first.split()) <= 3
    said = call.told(do.AgentStarted)[0].turn_id
    assert len(call.pcm(said)) == samples(WORD) * len(first.split())
    assert call.told(do.AgentEnded)[0].status == "completed"
    assert [cut.turn_id for cut in call.told(do.CancelEngine)] == [said]


def test_one_that_is_all_but_said_is_said_to_its_end() -> None:
    call = asked((0, "One moment.", "filler"), (2 * WORD + 70, "It is noon.", "tool"))
    call.until(8000)
    assert call.said_by_agent() == ["One moment.", "It is noon."]
    assert filler(call).state == "heard"
    assert not call.told(do.CancelEngine)


def test_the_result_of_another_turn_leaves_it_alone() -> None:
    call = asked((0, LONG, "filler"))
    call.injects("Your order has left.", at=500, source="tool", turn_id=call.new_id())
    call.until(8000)
    assert call.said_by_agent() == [LONG, "Your order has left."]


def test_one_that_could_not_be_said_in_time_is_not_said_late() -> None:
    call = Call(bridge=None)
    call.says("I was thinking about the holidays and all that", at=100)
    call.injects("Still on it.", at=500, source="filler", expires_at=samples(2000))
    call.until(8000)
    assert call.said_by_agent() == []
    assert (filler(call).state, filler(call).why) == ("dropped", "expired")


def test_left_to_the_mind_nothing_is_filled_any_more() -> None:
    call = Call(bridge=1000)
    turn = call.types("hello", at=0)
    call.injects("Something long is said meanwhile.", at=100, interrupt=True)
    call.injects("Let me see.", at=900, source="filler", turn_id=turn)
    call.until(8000)
    assert "Let me see." not in call.said_by_agent()
    assert (filler(call).state, filler(call).why) == ("dropped", "answered")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4000), st.none() | st.integers(0, 4000))
def test_whenever_the_result_comes_it_is_said_last_and_whole(delay: int, client_lost: int | None) -> None:
    call = asked((0, LONG, "filler"), (delay, "It is noon.", "tool"))
    if client_lost is not None:
        call.event(client_lost, on.ClientLost)
        call.event(client_lost + 500, lambda now: on.ClientBack(now, ()))
    call.until(12_000)
    *before, result = [text for text in call.said_by_agent() if text]
    assert result == "It is noon."
    assert all(LONG.startswith(text) for text in before)
    fillers = {started.turn_id for started in call.told(do.AgentStarted) if started.source == "filler"}
    sounding = np.array([when for when, piece in call.sent if piece.turn_id in fillers])
    result_begins = call.when(do.Speak, -1)
    assert not (sounding > result_begins).any()


@pytest.mark.parametrize("delay", [0, 300, 700, 1100, 3000])
def test_who_speaks_meanwhile_is_not_spoken_over(delay: int) -> None:
    call = asked((0, LONG, "filler"), (4000, "It is noon.", "tool"))
    call.says("I have one more thing to tell you about", at=600 + delay)
    call.until(1800 + delay)
    assert call.sounding(1700 + delay, 1800 + delay) == 0
