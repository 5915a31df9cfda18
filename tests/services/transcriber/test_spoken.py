"""Written text to spoken words."""

import pytest

from services.transcriber.spoken import number, ordinal, spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("What's the time in Tokyo?", "what's the time in tokyo"),
        (
            "transfer $1,250.50 to savings",
            "transfer one thousand two hundred fifty dollars fifty cents to savings",
        ),
        ("wake me at 5:30pm, not 8:00", "wake me at five thirty pm not eight"),
        ("at 7:05", "at seven oh five"),
        ("the 21st of may", "the twenty first of may"),
        ("3.14 + 2%", "three point one four plus two percent"),
        ("my 401k", "my four hundred one k"),
        (
            "card 1234567890123456",
            "card one two three four five six seven eight nine zero one two three four five six",
        ),
        ("a café – it’s “nice”", "a cafe it's nice"),
        ("…", ""),
    ],
)
def test_text_becomes_what_one_says(written: str, said: str) -> None:
    assert " ".join(spoken(written)) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "zero"),
        (17, "seventeen"),
        (40, "forty"),
        (99, "ninety nine"),
        (100, "one hundred"),
        (2_000_011, "two million eleven"),
    ],
)
def test_numbers_have_names(value: int, said: str) -> None:
    assert " ".join(number(value)) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1, "first"),
        (2, "second"),
        (5, "fifth"),
        (12, "twelfth"),
        (20, "twentieth"),
        (104, "one hundred fourth"),
    ],
)
def test_places_in_a_row_have_names(value: int, said: str) -> None:
    assert " ".join(ordinal(value)) == said
