"""Sentences out of patterns."""

from itertools import islice
from random import Random

import pytest

from bridge.intent.patterns import draw, read_patterns, read_slots, sentences

SLOTS = read_slots("# rooms\n[room] the kitchen ; the (small|large) hall\nbay two\n[deed] light {room}\n")


def test_a_slot_goes_on_in_the_next_line() -> None:
    assert SLOTS["room"] == ["the kitchen", "the (small|large) hall", "bay two"]


def test_slots_and_alternatives_are_filled_to_the_last() -> None:
    drawn = {draw("(please |){deed}", SLOTS, Random(seed)) for seed in range(200)}
    rooms = ("the kitchen", "the small hall", "the large hall", "bay two")
    assert drawn == {f"{polite}light {room}" for polite in ("", "please ") for room in rooms}


def test_an_empty_alternative_leaves_one_space() -> None:
    assert draw("a (|) b", {}, Random(0)) == "a b"


def test_a_slot_that_is_none_is_an_error() -> None:
    with pytest.raises(KeyError):
        draw("{nobody}", SLOTS, Random(0))


def test_each_pattern_comes_as_often_as_the_others() -> None:
    assert sorted(islice(sentences(["a", "b", "c"], {}, Random(1)), 9)) == ["a"] * 3 + ["b"] * 3 + ["c"] * 3


def test_comments_and_empty_lines_are_no_patterns() -> None:
    assert read_patterns("# one\n\ntwo\n") == ["two"]
