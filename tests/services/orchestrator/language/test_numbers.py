"""Numbers as people say and type them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orchestrator.language.numbers import read_number, read_ordinal
from services.orchestrator.language.words import tokenise

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def in_words(number: int, joint: str = "") -> str:
    """The cardinal in words; `joint` is "and" where the British say it."""
    for size, name in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand")):
        if number >= size:
            rest = f" {in_words(number % size, joint)}" if number % size else ""
            return f"{in_words(number // size, joint)} {name}{rest}"
    if number >= 100:
        rest = f" {joint} {in_words(number % 100)}" if number % 100 else ""
        return f"{ONES[number // 100]} hundred{rest}".replace("  ", " ")
    if number >= 20:
        return TENS[number // 10 - 2] + (f" {ONES[number % 10]}" if number % 10 else "")
    return ONES[number]


def read(text: str) -> Fraction | None:
    """The number that is all of `text`."""
    tokens = tokenise(text)
    found = read_number(tokens)
    return found[0] if found and found[1] == len(tokens) else None


@given(st.integers(0, 10**15 - 1), st.sampled_from(["", "and"]))
def test_every_cardinal_in_words_is_read_back(number: int, joint: str) -> None:
    assert read(in_words(number, joint)) == number


@given(st.integers(0, 10**6), st.lists(st.integers(0, 9), min_size=1, max_size=8))
def test_every_decimal_in_words_is_read_back(whole: int, digits: list[int]) -> None:
    said = f"{in_words(whole)} point {' '.join(ONES[digit] for digit in digits)}"
    assert read(said) == Fraction(f"{whole}.{''.join(map(str, digits))}")


@given(st.integers(0, 10**12))
def test_every_number_typed_with_commas_is_read_back(number: int) -> None:
    assert read(f"{number:,}") == number


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("twenty three point five", "23.5"),
        ("a half", "1/2"),
        ("three quarters", "3/4"),
        ("two thirds", "2/3"),
        ("two and three quarters", "11/4"),
        ("one and a half", "3/2"),
        ("a hundred and a half", "201/2"),
        ("two and a half million", "2500000"),
        ("a dozen", "12"),
        ("point five", "1/2"),
        ("zero point two five", "1/4"),
        ("nineteen eighty four", "1984"),
        ("twenty oh five", "2005"),
        ("two fifty", "250"),
        ("minus seven", "-7"),
        ("negative one point five", "-1.5"),
        ("1.5 million", "1500000"),
        ("1e3", "1000"),
        (".5", "1/2"),
    ],
)
def test_what_people_say_for_numbers_is_read(said: str, value: str) -> None:
    assert read(said) == Fraction(value)


@pytest.mark.parametrize("said", ["", "and", "point", "hundred", "a", "the five", "five six", "thousand and"])
def test_what_is_no_single_number_is_not_read_as_one(said: str) -> None:
    assert read(said) is None


@pytest.mark.parametrize(
    ("said", "value"), [("third", 3), ("twenty first", 21), ("21st", 21), ("thirtieth", 30)]
)
def test_ordinals_are_read(said: str, value: int) -> None:
    assert read_ordinal(tokenise(said)) == (value, len(said.split()))
