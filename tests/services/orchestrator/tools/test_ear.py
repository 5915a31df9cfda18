"""Numbers and times for the ear."""

from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction

import pytest

from services.orchestrator.tools.ear import (
    about,
    spoken_date,
    spoken_difference,
    spoken_moment,
    spoken_number,
    spoken_span,
    spoken_time,
    timer_name,
    to_you,
)


@pytest.mark.parametrize(
    ("value", "text", "rounded"),
    [
        (Fraction(12), "12", False),
        (Fraction(-5, 2), "minus 2.5", False),
        (Fraction(1, 16), "0.0625", False),
        (Fraction(2, 3), "0.667", True),
        (Fraction(10, 3), "3.33", True),
        (29.79932885, "29.8", True),
        (2.0, "2", False),
        (Fraction(10**15), "1 times 10 to the power of 15", True),
        (Fraction(1, 10**6), "1 times 10 to the power of minus 6", True),
        (Fraction(0), "0", False),
    ],
)
def test_a_number_is_rounded_as_people_round(value: Fraction | float, text: str, rounded: bool) -> None:
    assert spoken_number(value) == (text, rounded)
    assert about(value) == (f"about {text}" if rounded else text)


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (time(15, 42), "3:42 in the afternoon"),
        (time(9), "9 o'clock in the morning"),
        (time(0), "midnight"),
        (time(12), "noon"),
        (time(12, 30), "12:30 in the afternoon"),
        (time(0, 30), "12:30 at night"),
        (time(3, 5), "3:05 at night"),
        (time(19, 15), "7:15 in the evening"),
    ],
)
def test_a_time_is_told_without_symbols(at: time, text: str) -> None:
    assert spoken_time(at) == text


def test_a_date_has_its_year_only_where_it_is_another() -> None:
    assert spoken_date(date(2026, 12, 25), date(2026, 7, 14)) == "Friday, December 25"
    assert spoken_date(date(2027, 1, 1), date(2026, 7, 14)) == "Friday, January 1, 2027"


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (60, "1 hour"),
        (330, "5 and a half hours"),
        (-345, "5 hours and 45 minutes"),
        (30, "30 minutes"),
        (0, "0 hours"),
    ],
)
def test_a_difference_is_told_in_hours_and_minutes(minutes: int, text: str) -> None:
    assert spoken_difference(timedelta(minutes=minutes)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (0.4, "0 seconds"),
        (1, "1 second"),
        (59.6, "1 minute"),
        (192, "3 minutes and 12 seconds"),
        (3600, "1 hour"),
        (3605, "1 hour"),
        (3840, "1 hour and 4 minutes"),
        (2 * 86400 + 3 * 3600 + 59, "2 days and 3 hours"),
    ],
)
def test_a_span_is_told_by_its_two_largest_parts(seconds: float, text: str) -> None:
    assert spoken_span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "name"),
    [
        (2, "2 second timer"),
        (60, "1 minute timer"),
        (5400, "1 hour 30 minute timer"),
        (5401, "1 hour 30 minute 1 second timer"),
        (259.6, "4 minute 20 second timer"),
    ],
)
def test_a_timer_is_named_by_what_it_is_for_or_how_long_it_was_set(seconds: float, name: str) -> None:
    assert timer_name(None, seconds) == name
    assert timer_name("pasta", seconds) == "pasta timer"


EVENING = datetime(2026, 7, 14, 18, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ahead", "told"),
    [
        (timedelta(seconds=5), "in 5 seconds"),
        (timedelta(minutes=19, seconds=58), "in 20 minutes"),
        (timedelta(hours=2, minutes=18), "at 9 o'clock in the evening"),
        (timedelta(hours=14, minutes=18), "tomorrow at 9 o'clock in the morning"),
        (timedelta(days=3), "on Friday at 6:42 in the evening"),
        (timedelta(days=7), "on Tuesday, July 21 at 6:42 in the evening"),
    ],
)
def test_a_moment_is_told_as_near_as_it_is(ahead: timedelta, told: str) -> None:
    assert spoken_moment(EVENING + ahead, EVENING) == told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("call my mother", "call your mother"),
        ("i am late for myself", "you are late for yourself"),
        ("what is mine is mine", "what is yours is yours"),
        ("tell me that am radio is off", "tell you that am radio is off"),
    ],
)
def test_what_somebody_said_of_themselves_is_turned(said: str, told: str) -> None:
    assert to_you(said) == told
