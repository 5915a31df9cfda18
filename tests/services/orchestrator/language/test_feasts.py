"""Feasts that move, against published dates."""

from datetime import date

import pytest

from services.orchestrator.language.feasts import MOVING, easter
from services.orchestrator.language.times import read_date, read_month
from services.orchestrator.language.words import tokenise

TUESDAY = date(2026, 7, 14)


@pytest.mark.parametrize(
    "day",
    [
        date(1818, 3, 22),
        date(1943, 4, 25),
        date(1961, 4, 2),
        date(2000, 4, 23),
        date(2024, 3, 31),
        date(2025, 4, 20),
        date(2038, 4, 25),
        date(2285, 3, 22),
    ],
)
def test_easter_falls_where_the_church_has_it(day: date) -> None:
    assert easter(day.year) == day


def test_easter_is_a_sunday_between_its_bounds_in_every_year() -> None:
    for year in range(1583, 4100):
        day = easter(year)
        assert day.weekday() == 6
        assert date(year, 3, 22) <= day <= date(year, 4, 25)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("thanksgiving", date(2026, 11, 26)),
        ("black friday", date(2026, 11, 27)),
        ("memorial day", date(2026, 5, 25)),
        ("labor day", date(2026, 9, 7)),
        ("mother 's day", date(2026, 5, 10)),
        ("father 's day", date(2026, 6, 21)),
        ("good friday", date(2026, 4, 3)),
        ("pentecost", date(2026, 5, 24)),
        ("ash wednesday", date(2026, 2, 18)),
        ("martin luther king day", date(2026, 1, 19)),
    ],
)
def test_the_others_follow_their_rules(name: str, day: date) -> None:
    assert MOVING[name](2026) == day


@pytest.mark.parametrize(
    ("said", "past", "day"),
    [
        ("easter", False, date(2027, 3, 28)),
        ("easter", True, date(2026, 4, 5)),
        ("thanksgiving this year", False, date(2026, 11, 26)),
        ("easter twenty thirty eight", False, date(2038, 4, 25)),
        ("mother's day next year", False, date(2027, 5, 9)),
    ],
)
def test_a_moving_feast_is_the_next_or_the_last(said: str, past: bool, day: date) -> None:
    assert read_date(tokenise(said), TUESDAY, past=past) == day


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("february", date(2026, 2, 1)),
        ("february twenty twenty eight", date(2028, 2, 1)),
        ("the month of may", None),
        ("this month", date(2026, 7, 1)),
        ("next month", date(2026, 8, 1)),
        ("december next year", date(2027, 12, 1)),
        ("feb of 2028", date(2028, 2, 1)),
        ("month", None),
        ("", None),
    ],
)
def test_a_month_is_named_with_or_without_its_year(said: str, first: date | None) -> None:
    assert read_month(tokenise(said), TUESDAY) == first
