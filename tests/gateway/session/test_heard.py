"""What the user heard of the agent, and how we know."""

from functools import partial
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import ms, samples
from gateway.session.rules import Traits
from tests.gateway.session.driver import WORD, Call

ANSWER = "one two three four five six seven eight nine ten eleven twelve"


def cut_at(when: float) -> tuple[Call, do.AgentEnded]:
    """A call in which the agent sounds from 180 ms on and is cancelled."""
    call = Call(answer=ANSWER)
    call.types("count", at=0)
    call.event(when, on.CancelAsked)
    call.until(when)
    return call, call.told(do.AgentEnded)[0]


def reported(call: Call, turn_id: UUID, heard: float) -> None:
    call.feed(on.PlaybackReported(samples(call.time), turn_id, samples(heard)))


@settings(deadline=None)
@given(st.integers(min_value=130, max_value=3000))
def test_what_was_heard_is_within_a_word_of_the_truth_whenever_it_is_cut(when: int) -> None:
    call, ended = cut_at(when)
    truly = call.sounding(0, when)
    assert abs(ms(ended.heard) - truly) <= 1
    words = len(ended.heard_text.split())
    assert abs(words - truly / WORD) <= 1
    assert ANSWER.startswith(ended.heard_text)
    assert ended.heard_basis == "synthesizer"


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4000), st.integers(-100, 9000)), max_size=12),
    st.integers(min_value=130, max_value=3500),
)
def test_nobody_heard_what_was_not_sent(reports: list[tuple[int, int]], when: int) -> None:
    call = Call(answer=ANSWER)
    call.types("count", at=0)
    call.until(120)
    turn_id = call.told(do.AgentStarted)[0].turn_id
    for at, heard in reports:
        call.event(at + 120, partial(on.PlaybackReported, turn_id=turn_id, heard=heard * samples(1)))
    call.event(when, on.CancelAsked)
    call.until(5000)
    sent = len(call.pcm(turn_id))
    (ended,) = call.told(do.AgentEnded)
    assert 0 <= ended.heard <= sent
    assert all(0 <= corrected.heard <= sent for corrected in call.told(do.HeardCorrected))


def test_a_client_that_plays_late_is_believed() -> None:
    call = Call(answer=ANSWER)
    call.types("count", at=0)
    call.until(1180)
    turn_id = call.told(do.AgentStarted)[0].turn_id
    reported(call, turn_id, 600)
    call.until(1280)
    call.feed(on.CancelAsked(samples(1280)))
    (ended,) = call.told(do.AgentEnded)
    # A second was played for all we know; the client is 400 ms behind, and has gone on for 100 ms.
    assert (ms(ended.heard), ended.heard_basis) == (700, "client")
    assert ended.heard_text == "one two three"


def test_a_report_after_the_cut_corrects_what_was_heard() -> None:
    call, ended = cut_at(1180)
    assert ended.heard_text == "one two three four"
    reported(call, ended.turn_id, 520)
    (corrected,) = call.told(do.HeardCorrected)
    assert (corrected.heard_text, corrected.heard_basis) == ("one two", "client")
    reported(call, ended.turn_id, 520)
    assert len(call.told(do.HeardCorrected)) == 1, "the same again is no news"


def test_a_report_of_more_than_was_sent_counts_as_all_of_it() -> None:
    call, ended = cut_at(1180)
    reported(call, ended.turn_id, 60_000)
    (corrected,) = call.told(do.HeardCorrected)
    assert corrected.heard == len(call.pcm(ended.turn_id))


def test_a_truncation_after_the_end_corrects_the_injection_too() -> None:
    call = Call()
    tea = call.injects("Your tea is ready and the kettle is off.", at=0)
    call.until(4000)
    assert call.injection(tea)[-1] == "heard"
    reported(call, call.told(do.AgentEnded)[0].turn_id, 700)
    cut = call.told(do.InjectionChanged)[-1]
    assert (cut.state, cut.said, cut.why) == ("cut", "Your tea is", "client_stopped")
    assert cut.unsaid == "ready and the kettle is off."


def test_a_late_report_that_all_was_played_leaves_it_heard() -> None:
    call = Call()
    tea = call.injects("Your tea is ready.", at=0)
    call.until(4000)
    turn_id = call.told(do.AgentEnded)[0].turn_id
    reported(call, turn_id, 700)
    reported(call, turn_id, 1000)
    assert call.injection(tea)[-2:] == ["cut", "heard"]
    assert call.told(do.InjectionChanged)[-1].why == ""
    assert call.told(do.HeardCorrected)[-1].heard_text == "Your tea is ready."


def test_a_report_about_an_unknown_turn_does_nothing() -> None:
    call = Call()
    reported(call, UUID(int=77), 500)
    assert call.log == []


def test_a_turn_that_sounded_to_its_end_was_heard_whole_though_the_client_is_behind() -> None:
    call = Call(answer="one two three")
    call.types("count", at=0)
    call.until(900)
    reported(call, call.told(do.AgentStarted)[0].turn_id, 400)
    call.until(2000)
    (ended,) = call.told(do.AgentEnded)
    assert ended.heard_text == "one two three"


@pytest.mark.parametrize("basis", ["model", "estimate"])
def test_the_engines_basis_is_told(basis: do.HeardBasis) -> None:
    call = Call(traits=Traits(basis=basis), answer="one two")
    call.types("count", at=0)
    call.until(2000)
    assert call.told(do.AgentEnded)[0].heard_basis == basis
