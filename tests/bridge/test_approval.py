"""What an utterance is as the answer to a question for consent: decided on whole words, and on all of them."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.approval import (
    TRIES,
    UNSURE,
    Answer,
    Approval,
    Verdict,
    answer_to,
    is_due,
    says_no,
    verdict,
    was_heard,
)
from services.orchestrator.protocol import Plan

QUESTION = "Shall I delete all three reminders?"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ASKED = Approval(UUID(int=1), QUESTION, NOON, NOON, needs_clear_yes=True)
MENDABLE = Approval(UUID(int=2), "Shall I set a timer for ten minutes?", NOON, NOON, needs_clear_yes=False)

CLEAR = """yes|Yes.|yes please|yes, do it|yeah|um, yes|yes yes|go ahead|okay, go ahead|do it|please do|yes I'm sure|
yes of course|absolutely|yes, that's right|yes, delete them|yes, delete all three reminders|yes please delete them now|
yes go right ahead thanks|I confirm"""
WEAK = "okay|ok|sure|fine|all right|okay then|good|mhm|sounds good|that's fine|I guess so|right|correct|sure, fine"
NO = """no|No!|nope|no thanks|don't|please don't|don't do it|no, don't do that|no, leave them|absolutely not|
of course not|not now|I'd rather not|better not|no no no|no, cancel that|no, never mind|well, no|I don't want that"""
MORE = """yes but tomorrow|yes, and also the notes|yes, delete the first|yes, delete all three|yes please don't|
sure, turn off the pump|okay, what time is it|no, the other one|no, Tuesday|no, I mean yes|yes no|yes, delete my notes|
yes if nobody needs them|yes, delete all three reminders but the last|yes, not|yes you may not|right, but later"""
OTHER = """I know|know|do you know|I don't know|what time is it|yesterday|now|nobody|noon|do it tomorrow|
go ahead tomorrow|do it not|delete all three reminders|the first one|banana|yesterday all my troubles|notes|
I said yes|he said yes|"""


def each(phrases: str) -> list[str]:
    return [phrase.strip() for phrase in phrases.split("|")]


@pytest.mark.parametrize("text", each(CLEAR))
def test_a_clear_yes_is_a_yes(text: str) -> None:
    assert answer_to(QUESTION, text) is Answer.YES


@pytest.mark.parametrize("text", each(WEAK))
def test_an_okay_is_weak(text: str) -> None:
    assert answer_to(QUESTION, text) is Answer.WEAK


@pytest.mark.parametrize("text", each(NO))
def test_a_no_is_a_no(text: str) -> None:
    assert answer_to(QUESTION, text) is Answer.NO
    assert says_no(text)


@pytest.mark.parametrize("text", each(MORE))
def test_a_yes_or_a_no_with_more_to_it_is_neither(text: str) -> None:
    assert answer_to(QUESTION, text) is Answer.AMENDED


@pytest.mark.parametrize("text", each(OTHER))
def test_what_only_sounds_like_an_answer_is_none(text: str) -> None:
    assert answer_to(QUESTION, text) is Answer.OTHER


def test_the_action_said_again_is_a_yes_only_where_it_is_all_of_it() -> None:
    question = "Shall I transfer ten thousand to Ada?"
    assert answer_to(question, "yes, transfer ten thousand to Ada") is Answer.YES
    assert answer_to(question, "yes, transfer it") is Answer.YES
    assert answer_to(question, "yes, transfer ten") is Answer.AMENDED
    assert answer_to(question, "yes, transfer ten thousand") is Answer.AMENDED


def test_words_of_the_question_turn_no_refusal_into_a_yes() -> None:
    assert answer_to("Shall I note: do not delete them?", "yes do not delete them") is Answer.AMENDED


WORDS = st.sampled_from("yes no okay sure but not tomorrow delete them the other one know do it and".split())


@given(st.lists(WORDS, min_size=1, max_size=6))
def test_no_utterance_with_a_no_or_a_but_in_it_is_a_yes(words: list[str]) -> None:
    answer = answer_to(QUESTION, " ".join(words))
    if {"no", "not", "but", "tomorrow", "other", "know"} & {*words}:
        assert answer not in (Answer.YES, Answer.WEAK)
    if answer is Answer.YES:
        assert {"yes", "do"} & {*words}


# What follows.


def test_an_okay_is_consent_to_what_can_be_mended_and_none_to_what_is_dangerous() -> None:
    assert verdict(Answer.WEAK, True, MENDABLE) is Verdict.GRANTED
    assert verdict(Answer.WEAK, True, ASKED) is Verdict.ASK_AGAIN
    assert verdict(Answer.YES, True, ASKED) is Verdict.GRANTED


def test_a_yes_to_a_question_that_was_not_heard_is_asked_about_again() -> None:
    assert verdict(Answer.YES, False, ASKED) is Verdict.ASK_AGAIN
    assert verdict(Answer.NO, False, ASKED) is Verdict.DENIED


def test_after_so_many_tries_it_is_let_go() -> None:
    last = Approval(UUID(int=1), QUESTION, NOON, NOON, True, tries=TRIES)
    assert verdict(Answer.WEAK, True, last) is Verdict.LET_GO
    assert verdict(Answer.YES, True, last) is Verdict.GRANTED


def test_a_question_was_heard_when_its_last_word_was_the_last_that_the_agent_said_or_before_it() -> None:
    assert was_heard(ASKED, QUESTION)
    assert was_heard(ASKED, f"Sorry, I need a clear yes or no. {QUESTION}")
    assert not was_heard(ASKED, "Shall I delete all three")
    assert not was_heard(ASKED, "It is noon in Tokyo.")
    assert not was_heard(ASKED, "")


def test_whoever_has_heard_it_before_need_not_hear_it_out_again() -> None:
    known = Approval(UUID(int=1), QUESTION, NOON, NOON, True, heard=True)
    assert was_heard(known, "Shall I delete")
    assert not was_heard(known, "Shall I call")
    assert not was_heard(known, "")


# When it is due.


@pytest.mark.parametrize(
    ("plan", "due", "due_where_the_persona_asks"),
    [
        (Plan(tool="wipe", risk="dangerous", confidence=1), True, True),
        (Plan(tool="order", risk="write", confidence=1), False, True),
        (Plan(tool="order", risk="write", confidence=UNSURE), False, True),
        (Plan(tool="order", risk="write", confidence=UNSURE - 0.01), True, True),
        (Plan(tool="chat", risk="write"), False, True),
        (Plan(tool="clock", risk="read", confidence=0.1), False, False),
    ],
)
def test_it_is_asked_for_by_risk_and_confidence_and_as_the_persona_wants(
    plan: Plan, due: bool, due_where_the_persona_asks: bool
) -> None:
    assert is_due(plan, "dangerous") is due
    assert is_due(plan, "write") is due_where_the_persona_asks
