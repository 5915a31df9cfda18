"""Control phrases are matched whole."""

import pytest

from bridge.controls import control_of


@pytest.mark.parametrize(
    ("text", "control"),
    [
        ("Stop.", "stop"),
        ("stop stop stop", "stop"),
        ("okay, stop it please", "stop"),
        ("Could you be quiet, please?", "stop"),
        ("hold on a second", "wait"),
        ("wait, wait", "wait"),
        ("Say that again, please.", "repeat"),
        ("sorry what was that", "repeat"),
        ("can you repeat that for me", "repeat"),
        ("I didn’t catch that", "repeat"),
        ("sorry, I didn't hear what you just said, can you say it again?", "repeat"),
        ("I need you to repeat the last thing you told me", "repeat"),
        ("please say that one more time", "repeat"),
        ("cancel my last request", "never_mind"),
        ("never mind, cancel that, I changed my mind", "never_mind"),
        ("oh never mind", "never_mind"),
        ("Forget it!", "never_mind"),
        ("no, cancel that", "never_mind"),
        ("um stop", "stop"),
        ("stop, uh, stop", "stop"),
        ("alright, you can stop now", "stop"),
        ("I said stop!", "stop"),
        ("let me talk", "stop"),
        ("wait no", "wait"),
        ("hold up", "wait"),
        ("um hold on for a second please", "wait"),
        ("let me think", "wait"),
        ("not yet", "wait"),
        ("just a couple of seconds", "wait"),
        ("Sorry, what?", "repeat"),
        ("again please", "repeat"),
        ("can you say that again slowly", "repeat"),
        ("never mind that", "never_mind"),
        ("forget what I said", "never_mind"),
        ("ignore that please", "never_mind"),
        ("no, don't do that", "never_mind"),
        ("no, don't!", "never_mind"),
        ("I changed my mind", "never_mind"),
    ],
)
def test_a_whole_phrase_is_a_control(text: str, control: str) -> None:
    assert control_of(text) == control


@pytest.mark.parametrize(
    ("text", "control"),
    [
        ("stop, wait a second", "stop"),
        ("wait, stop", "stop"),
        ("hold on, cancel that", "never_mind"),
        ("stop, never mind", "never_mind"),
        ("never mind. I changed my mind.", "never_mind"),
    ],
)
def test_of_several_the_strongest_counts(text: str, control: str) -> None:
    assert control_of(text) == control


@pytest.mark.parametrize(
    "text",
    [
        "",
        "um",
        "uh-huh",
        "mhm",
        "please",
        "no",
        "i know",
        "where is the next bus stop",
        "stop the pump in bay two",
        "cancel my order from yesterday",
        "wait for the train and then call me",
        "how many seconds are in one hour",
        "repeat the experiment at noon",
        "i would never mind that",
        "say hello again",
        "undo that",
        "stop the process in the incubator",
        "what was the question of the day",
        "enough water for two litres",
        "what time is it",
        "wait what time is it",
        "stop and tell me the time",
        "never mind the gap",
        "remind me in a minute",
        "no more than ten",
        "forget about the meeting tomorrow",
        "don't stop",
        "wait, don't cancel that",
        "let me think about lunch",
        " ".join(["stop"] * 21),
    ],
)
def test_a_phrase_inside_other_words_is_none(text: str) -> None:
    assert control_of(text) is None
