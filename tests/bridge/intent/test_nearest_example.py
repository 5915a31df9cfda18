"""Chitchat, wish, control, or an honest "unclear"."""

import pytest

from bridge.events import Intent
from bridge.intent.nearest_example import ACTION_AT, APART, CHITCHAT_AT, NearestExample, judge

WISHES = ["what time is it in tokyo", "what's the time in new york", "tell me the time"]
SMALL_TALK = ["hello", "how are you", "thank you very much", "what is your name", "tell me a joke"]


@pytest.fixture
def classifier() -> NearestExample:
    return NearestExample(SMALL_TALK, WISHES)


@pytest.mark.parametrize("text", ["hello", "How are you?", "hey how are you", "thank you so much"])
def test_small_talk_is_chitchat(classifier: NearestExample, text: str) -> None:
    assert classifier.decide(text, "").intent is Intent.CHITCHAT


@pytest.mark.parametrize(
    "text", ["what time is it in Tokyo?", "what's the time in tokyo", "tell me the time please"]
)
def test_what_a_tool_is_for_is_a_wish(classifier: NearestExample, text: str) -> None:
    decision = classifier.decide(text, "")
    assert (decision.intent, decision.by) == (Intent.ACTION, "nearest")


@pytest.mark.parametrize("text", ["", "the mitochondria of yeast", "reset the database", "sunset", "nuclear"])
def test_what_is_near_nothing_is_unclear(classifier: NearestExample, text: str) -> None:
    assert classifier.decide(text, "").intent is Intent.UNCLEAR


def test_hello_inside_a_wish_does_not_make_it_chitchat(classifier: NearestExample) -> None:
    assert classifier.decide("hello what time is it in tokyo", "").intent is Intent.ACTION


def test_a_control_names_itself(classifier: NearestExample) -> None:
    decision = classifier.decide("say that again please", "The time is noon.")
    assert (decision.intent, decision.control, decision.by) == (Intent.CONTROL, "repeat", "controls")


def test_the_agents_words_decide_nothing(classifier: NearestExample) -> None:
    text = "what time is it in tokyo"
    assert classifier.decide(text, "stop, thank you, hello") == classifier.decide(text, "")


def test_two_kinds_too_near_to_each_other_are_unclear() -> None:
    assert judge(0.9, 0.9 - APART / 2).intent is Intent.UNCLEAR
    assert judge(0.9 - APART / 2, 0.9).intent is Intent.UNCLEAR


def test_chitchat_has_to_be_surer_than_a_wish() -> None:
    between = (CHITCHAT_AT + ACTION_AT) / 2
    assert judge(between, 0.0).intent is Intent.UNCLEAR
    assert judge(0.0, between).intent is Intent.ACTION


def test_without_tools_nothing_is_a_wish_and_the_planner_is_asked() -> None:
    classifier = NearestExample(SMALL_TALK, [])
    assert classifier.decide("what time is it in tokyo", "").intent is Intent.UNCLEAR
    assert classifier.decide("what is your name", "").intent is Intent.CHITCHAT
