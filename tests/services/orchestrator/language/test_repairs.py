"""Corrections in mid-sentence: what may have been meant, and what is none."""

import pytest

from services.orchestrator.language.repairs import repairs


def mended(text: str) -> list[str]:
    return [" ".join(tokens) for tokens in repairs(tuple(text.split()))]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("a timer for five no ten minutes", "a timer for ten minutes"),
        ("a timer for five minutes no ten minutes", "a timer for ten minutes"),
        ("a timer for ten minutes no twenty", "a timer for twenty minutes"),
        ("a timer for ten minutes no twenty seconds", "a timer for twenty seconds"),
        ("a timer for twenty five no thirty minutes", "a timer for thirty minutes"),
        ("remind me on monday no on tuesday to call", "remind me on tuesday to call"),
        ("remind me on monday no tuesday to call", "remind me on tuesday to call"),
        ("call ada tomorrow no on friday", "call ada on friday"),
        ("the time in london sorry in new york", "the time in new york"),
        ("ten miles to kilometers no meters", "ten miles to meters"),
        ("weeks until halloween actually until christmas", "weeks until christmas"),
        ("three plus four no three plus five", "three plus five"),
        ("call ada i mean bob tomorrow", "call bob tomorrow"),
        ("what time is it no wait set a timer", "set a timer"),
        ("at four no five no six", "at six"),
    ],
)
def test_what_stands_in_its_place_is_among_what_may_have_been_meant(said: str, meant: str) -> None:
    assert meant in mended(said)


@pytest.mark.parametrize(
    "said",
    [
        "what time is it in paris",
        "no i want the time in paris",
        "i want the time no",
        "a note that says no sugar",
        "a note that bob said no to ten dollars",
        "there are no five minute timers",
        "remind me in five minutes to wait two hours",
        "remind me to call ada no bob",
    ],
)
def test_a_word_that_may_be_part_of_the_wish_takes_nothing_back_but_a_value_for_a_value(said: str) -> None:
    assert mended(said) == []


def test_what_is_not_like_it_and_near_is_not_taken_back() -> None:
    far = "at four tell everybody who is still there to come home"
    assert mended(f"{far} no five") == []


def test_a_correction_of_any_length_ends() -> None:
    assert len(mended(" ".join(["five no"] * 16) + " six")) < 100
