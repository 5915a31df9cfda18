"""Counting word errors."""

import pytest

from gateway.cli.bench.word_errors import Heard, rate


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("what time is it", "what time is it", 0),
        ("what time is it", "what time it", 1),
        ("what time is it", "what time is it in", 1),
        ("what time is it", "one time is it", 1),
        ("what time is it", "", 4),
        ("", "uh", 1),
        ("whats the time", "what's the time", 0),
        ("What time is it?", "what time is it", 0),
    ],
)
def test_words_put_in_left_out_and_changed_are_errors(said: str, heard: str, errors: int) -> None:
    assert Heard(said, heard).errors == errors


def test_a_rate_counts_words_and_not_utterances() -> None:
    assert rate([Heard("yes", ""), Heard("turn off the pump now", "turn off the pump now")]).mean == 1 / 6


def test_the_interval_holds_the_mean_and_shrinks_with_more_utterances() -> None:
    mixed = [Heard("turn it off", "turn it off"), Heard("turn it on", "turn on")]
    few, many = rate(mixed * 5), rate(mixed * 80)
    assert few.low < few.mean < few.high
    assert many.high - many.low < (few.high - few.low) / 2


def test_where_nothing_is_wrong_the_interval_is_a_point() -> None:
    right = rate([Heard("yes", "yes")] * 3)
    assert (right.low, right.mean, right.high) == (0, 0, 0)
