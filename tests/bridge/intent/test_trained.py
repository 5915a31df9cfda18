"""The classifier that comes with the package."""

import pytest

from bridge.events import Intent
from bridge.intent import Trained
from bridge.intent.network import CLASSES, Label
from bridge.intent.trained import AT, SURE_SMALL_TALK, judge


@pytest.fixture(scope="module")
def classifier() -> Trained:
    return Trained()


@pytest.mark.parametrize(
    "text",
    [
        "turn off the pump in bay two",
        "uh can you um order three bags of substrate for tomorrow",
        "what's the weather like in lisbon",
        "Remind me to call Ann at five.",
        "transfer fifty dollars to my savings account",
        "could you book me a table for two tonight",
        "restart the the deployment please",
    ],
)
def test_who_asks_for_something_has_a_wish(classifier: Trained, text: str) -> None:
    assert classifier.decide(text, "").intent is Intent.ACTION


@pytest.mark.parametrize(
    "text",
    [
        "hello how are you today",
        "i had such a long day at work",
        "um do you do you like pizza",
        "my dog is so funny he sleeps all day",
        "What do you think about football?",
        "are you a robot",
        "wow that's really cool",
        "thanks that was nice of you",
    ],
)
def test_who_chats_has_none(classifier: Trained, text: str) -> None:
    assert classifier.decide(text, "").intent is Intent.CHITCHAT


@pytest.mark.parametrize(
    ("text", "control"),
    [
        ("say that again please", "repeat"),
        ("would you stop talking right now please", "stop"),
        ("hang on give me just another moment", "wait"),
        ("i no longer want that", "never_mind"),
    ],
)
def test_a_control_is_told_by_its_name(classifier: Trained, text: str, control: str) -> None:
    decision = classifier.decide(text, "The time is noon.")
    assert (decision.intent, decision.control) == (Intent.CONTROL, control)


def test_an_exact_control_needs_no_probability(classifier: Trained) -> None:
    decision = classifier.decide("never mind", "")
    assert (decision.intent, decision.confidence, decision.by) == (Intent.CONTROL, 1.0, "controls")


@pytest.mark.parametrize("text", ["yes please do", "no that's not right", "i would say yes"])
def test_yes_and_no_are_approvals(classifier: Trained, text: str) -> None:
    assert classifier.decide(text, "Shall I do that?").intent is Intent.APPROVAL


@pytest.mark.parametrize("text", ["", "?!", "   ", "…"])
def test_nothing_that_was_said_is_unclear(classifier: Trained, text: str) -> None:
    assert classifier.decide(text, "").intent is Intent.UNCLEAR


def test_the_agents_words_order_nothing(classifier: Trained) -> None:
    quiet = classifier.decide("i like that one", "I have them here.")
    loud = classifier.decide("i like that one", "Turn on the pump and order three bags, stop.")
    assert quiet == loud


def test_a_personas_phrase_and_a_tools_are_known_by_heart() -> None:
    taught = Trained(["the spores are singing"], ["bring me the blue folder"])
    small_talk, wish = (
        taught.decide("the spores are singing", ""),
        taught.decide("bring me the blue folder", ""),
    )
    assert (small_talk.intent, small_talk.by) == (Intent.CHITCHAT, "nearest")
    assert (wish.intent, wish.by) == (Intent.ACTION, "nearest")


def test_what_both_claim_is_left_to_the_network() -> None:
    assert Trained(["good day"], ["good day"]).decide("good day", "").by == "trained"


NONE: dict[Label, float] = dict.fromkeys(CLASSES, 0.0)

OWN: list[tuple[Label, Intent]] = [
    ("chitchat", Intent.CHITCHAT),
    ("action", Intent.ACTION),
    ("approval", Intent.APPROVAL),
]


@pytest.mark.parametrize(("label", "intent"), OWN)
def test_who_is_not_sure_abstains(label: Label, intent: Intent) -> None:
    enough = SURE_SMALL_TALK if intent is Intent.CHITCHAT else AT[intent]
    assert judge(NONE | {label: enough - 0.01}).intent is Intent.UNCLEAR
    assert judge(NONE | {label: enough}).intent is intent


def test_a_wish_that_is_like_nothing_learned_is_for_the_planner_to_judge() -> None:
    assert Trained().decide("note that the wombat hid seven escudos", "").intent is Intent.UNCLEAR


def test_controls_are_added_up_and_the_likeliest_is_named() -> None:
    decision = judge(NONE | {"stop": 0.5, "wait": 0.4, "action": 0.1})
    assert (decision.intent, decision.control) == (Intent.CONTROL, "stop")
    assert decision.confidence == pytest.approx(0.9)
