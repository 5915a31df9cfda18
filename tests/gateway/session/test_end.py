"""The end of a call leaves nothing open, whatever was going on."""

import pytest

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import samples
from tests.gateway.session.driver import Call

TIME = "what time is it"


def test_while_the_agent_speaks_its_turn_is_cut() -> None:
    call = Call()
    call.types("hello", at=0)
    call.until(1000).end()
    (ended,) = call.told(do.AgentEnded)
    assert (ended.status, ended.reason) == ("cancelled", "session_ended")
    assert ended.heard_text
    assert call.story(do.AgentEnded, do.CancelEngine) == ["AgentEnded", "CancelEngine"]


def test_while_the_user_speaks_the_words_so_far_are_kept() -> None:
    call = Call()
    call.says("so yesterday I went to the lake", at=1000)
    call.until(2000).end()
    assert call.story(do.UserStarted, do.UserStopped, do.UserTurnEnded) == [
        "UserStarted",
        "UserStopped",
        "UserTurnEnded",
    ]
    (turn,) = call.told(do.UserTurnEnded)
    assert (turn.text, turn.answered) == ("so yesterday I", False)


def test_while_final_words_are_awaited_those_so_far_are_kept() -> None:
    call = Call(transcript=None)
    call.says(TIME, at=1000)
    call.until(2600).end()
    assert [turn.text for turn in call.told(do.UserTurnEnded)] == [TIME]
    assert len(call.told(do.UserStopped)) == 1


def test_while_it_is_being_decided_who_has_the_floor() -> None:
    call = Call()
    call.types("hello", at=0)
    call.says("what about tomorrow", at=1000)
    call.until(1200).end()
    assert call.story(do.Ducked, do.Unducked, do.BargeIn, do.AgentEnded) == ["Ducked", "AgentEnded"]


def test_a_murmur_that_has_no_final_words_yet_stays_one() -> None:
    call = Call()
    call.types("hello", at=0)
    call.says("mhm", at=1000, word=300)
    call.until(1600).end()
    assert call.told(do.UserTurnEnded)[1].backchannel


def test_what_waits_to_be_said_is_dropped() -> None:
    call = Call()
    said = call.injects("one two three four five", at=0)
    waits = call.injects("Your tea is ready.", at=100)
    call.until(1000).end()
    assert call.injection(said)[-1] == "cut"
    assert call.injection(waits)[-1] == "dropped"
    assert call.told(do.InjectionChanged)[-1].why == "ended"


def test_in_silence_nothing_is_told() -> None:
    call = Call()
    call.until(500).end()
    assert call.log == []


@pytest.mark.parametrize(
    "late",
    [
        on.Tick(samples(9000)),
        on.TextGiven(samples(9000), Call().new_id(), "hello"),
        on.AnswerAsked(samples(9000)),
        on.SpeechStarted(samples(9000), samples(8900)),
    ],
)
def test_what_comes_after_the_end_changes_nothing(late: on.Event) -> None:
    call = Call()
    call.types("hello", at=0)
    call.until(1000).end()
    told = len(call.log)
    call.feed(late)
    call.end()
    assert len(call.log) == told
