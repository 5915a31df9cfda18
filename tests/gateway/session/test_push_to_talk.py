"""Turns that end when the client says so."""

import pytest

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import samples
from gateway.session.rules import Rules
from tests.gateway.session.driver import Call


@pytest.fixture
def call() -> Call:
    return Call(rules=Rules(push_to_talk=True))


def test_a_turn_ends_at_the_commit_and_not_by_silence(call: Call) -> None:
    call.says("what time is it", at=1000)
    call.until(8000)
    assert not call.told(do.FinishTranscript)
    call.event(8000, on.InputCommitted)
    call.until(15_000)
    assert call.story(do.UserStarted, do.UserStopped, do.FinishTranscript, do.UserTurnEnded) == [
        "UserStopped",
        "FinishTranscript",
        "UserTurnEnded",
    ]
    (turn,) = call.told(do.UserTurnEnded)
    assert (turn.text, turn.start, turn.end) == ("what time is it", samples(1000), samples(2000))


def test_voice_alone_interrupts_nothing(call: Call) -> None:
    call.types("hello", at=0)
    call.says("stop stop stop", at=500)
    call.until(4000)
    assert not call.told(do.Ducked)
    assert call.said_by_agent() == [call.script.answer]


def test_an_answer_asked_for_before_the_final_words_are_there_is_given() -> None:
    call = Call(rules=Rules(push_to_talk=True, answers_by_itself=False))
    call.says("what time is it", at=1000)
    call.event(2200, on.InputCommitted)
    call.event(2200, on.AnswerAsked)
    call.until(8000)
    (turn,) = call.told(do.UserTurnEnded)
    assert turn.answered
    assert call.said_by_agent() == [call.script.answer]
    assert not call.told(do.Refused)


def test_where_nothing_was_understood_the_answer_is_refused(call: Call) -> None:
    call.sounds(1000, lasts=300)
    call.event(2000, on.InputCommitted)
    call.event(2000, on.AnswerAsked)
    call.until(4000)
    assert [turn.text for turn in call.told(do.UserTurnEnded)] == [""]
    assert [refused.code for refused in call.told(do.Refused)] == ["no_input"]


def test_sound_that_is_committed_before_anybody_listened_to_it_is_one_turn(call: Call) -> None:
    # A file at once: the voice activity in it is told of after the commit.
    call.event(100, on.InputCommitted)
    call.event(100, on.AnswerAsked)
    call.event(140, lambda now: on.SpeechStarted(now, samples(90)))
    call.event(150, lambda now: on.SpeechStopped(now, samples(98)))
    call.script.transcript = None
    call.event(
        160,
        lambda now: on.TranscriptReady(
            now, "hello", (on.Word("hello", samples(90), samples(98)),), 0.9, "en"
        ),
    )
    call.until(8000)
    (turn,) = call.told(do.UserTurnEnded)
    assert (turn.text, turn.start, turn.end) == ("hello", samples(90), samples(98))
    assert call.said_by_agent() == [call.script.answer]


def test_a_second_turn_committed_while_the_first_has_no_words_yet_is_not_lost() -> None:
    call = Call(rules=Rules(push_to_talk=True, answers_by_itself=False), transcript=800)
    call.says("what time is it", at=1000)
    call.event(2200, on.InputCommitted)
    call.says("and in Tokyo", at=2250, word=150)
    call.event(2900, on.InputCommitted)
    call.event(2900, on.AnswerAsked)
    call.until(9000)
    (first, second) = call.told(do.UserTurnEnded)
    assert [first.text, second.text] == ["what time is it", "and in Tokyo"]
    assert [first.answered, second.answered] == [False, True]


def test_what_was_said_can_be_taken_back(call: Call) -> None:
    call.says("what time is it", at=1000)
    call.event(2500, on.InputCleared)
    call.until(4000)
    assert not call.told(do.UserTurnEnded)
    assert not call.told(do.AnswerWanted)
    # The transcriber forgets the words, or they would turn up in the next turn.
    assert call.story(do.FinishTranscript) == ["FinishTranscript"]
    call.says("tell me a joke", at=5000)
    call.event(6500, on.InputCommitted)
    call.until(9000)
    assert [turn.text for turn in call.told(do.UserTurnEnded)] == ["tell me a joke"]


def test_clearing_takes_back_nothing_that_was_committed(call: Call) -> None:
    call.says("what time is it", at=1000)
    call.event(2200, on.InputCommitted)
    call.event(2210, on.InputCleared)
    call.until(4000)
    assert [turn.text for turn in call.told(do.UserTurnEnded)] == ["what time is it"]


def test_a_sound_that_nobody_commits_does_not_keep_the_agent_silent_for_ever(call: Call) -> None:
    call.sounds(1000, lasts=300)
    tea = call.injects("Your tea is ready.", at=1500)
    call.until(2600)
    assert call.injection(tea) == ["waiting"]
    call.until(6000)
    assert call.injection(tea) == ["waiting", "speaking", "heard"]


def test_a_commit_ends_a_turn_where_silence_would_too() -> None:
    call = Call()
    last = call.says("remind me in", at=1000)
    call.event(last + 250, on.InputCommitted)
    call.until(5000)
    (turn,) = call.told(do.UserTurnEnded)
    assert turn.text == "remind me in"
    assert call.when(do.FinishTranscript) == last + 250


def test_the_change_to_push_to_talk_ends_a_ducking() -> None:
    call = Call()
    call.types("hello", at=0)
    call.sounds(500, lasts=2000)
    call.event(700, lambda now: on.RulesChanged(now, push_to_talk=True))
    call.until(6000)
    assert call.story(do.Ducked, do.Unducked, do.BargeIn) == ["Ducked", "Unducked"]
    assert call.said_by_agent() == [call.script.answer]
