"""Times of day, dates and durations."""

from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orchestrator.language.times import (
    from_iso_duration,
    iso_duration,
    read_date,
    read_duration,
    read_time,
)
from services.orchestrator.language.words import tokenise

TUESDAY = date(2026, 7, 14)


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("3:42 pm", time(15, 42)),
        ("three pm", time(15)),
        ("three p m", time(15)),
        ("half past three", time(3, 30)),
        ("quarter to five in the afternoon", time(16, 45)),
        ("ten to one pm", time(12, 50)),
        ("twenty past nine", time(9, 20)),
        ("three thirty", time(3, 30)),
        ("nine oh five am", time(9, 5)),
        ("twelve am", time(0)),
        ("twelve thirty pm", time(12, 30)),
        ("noon", time(12)),
        ("midnight", time(0)),
        ("seven o'clock in the evening", time(19)),
        ("15:30", time(15, 30)),
    ],
)
def test_a_time_of_day_is_read(said: str, at: time) -> None:
    assert read_time(tokenise(said)) == at


@pytest.mark.parametrize("said", ["", "twenty five", "13 pm", "half past", "3:75", "tomorrow", "three cats"])
def test_what_is_no_time_of_day_is_none(said: str) -> None:
    assert read_time(tokenise(said)) is None


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("tomorrow", date(2026, 7, 15)),
        ("the day after tomorrow", date(2026, 7, 16)),
        ("friday", date(2026, 7, 17)),
        ("next tuesday", date(2026, 7, 21)),
        ("last friday", date(2026, 7, 10)),
        ("in three days", date(2026, 7, 17)),
        ("two weeks from now", date(2026, 7, 28)),
        ("a week ago", date(2026, 7, 7)),
        ("july fourth", date(2027, 7, 4)),
        ("the twenty first of december", date(2026, 12, 21)),
        ("the third of march twenty twenty", date(2020, 3, 3)),
        ("july 4th 1976", date(1976, 7, 4)),
        ("christmas", date(2026, 12, 25)),
        ("christmas next year", date(2027, 12, 25)),
        ("2026-07-04", date(2026, 7, 4)),
    ],
)
def test_a_date_is_read_as_the_next_one_to_come(said: str, day: date) -> None:
    assert read_date(tokenise(said), TUESDAY) == day


def test_a_date_in_the_past_is_the_last_one_that_was() -> None:
    assert read_date(tokenise("july fourth"), TUESDAY, past=True) == date(2026, 7, 4)
    assert read_date(tokenise("christmas"), TUESDAY, past=True) == date(2025, 12, 25)
    assert read_date(tokenise("friday"), TUESDAY, past=True) == date(2026, 7, 10)


@pytest.mark.parametrize("said", ["", "february thirtieth", "in three hours", "2026-13-01", "may", "soon"])
def test_what_is_no_date_is_none(said: str) -> None:
    assert read_date(tokenise(said), TUESDAY) is None


@pytest.mark.parametrize(
    ("said", "iso"),
    [
        ("three days", "P3D"),
        ("an hour and a half", "PT1H30M"),
        ("two and a half hours", "PT2H30M"),
        ("half an hour", "PT30M"),
        ("2 hours 30 minutes", "PT2H30M"),
        ("ninety minutes", "PT1H30M"),
        ("a couple of weeks", "P14D"),
        ("one minute and thirty seconds", "PT1M30S"),
    ],
)
def test_a_duration_is_read(said: str, iso: str) -> None:
    span = read_duration(tokenise(said))
    assert span is not None
    assert iso_duration(span) == iso


@pytest.mark.parametrize("said", ["", "three", "hours", "minus two days", "zero minutes", "a billion weeks"])
def test_what_is_no_duration_is_none(said: str) -> None:
    assert read_duration(tokenise(said)) is None


@given(st.integers(1, 10**9))
def test_iso_durations_are_read_back(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    assert from_iso_duration(iso_duration(span)) == span
