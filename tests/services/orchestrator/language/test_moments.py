"""Moments as people say them, on Tuesday, July 14, 2026, at 6:42 in the evening in Berlin."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from services.orchestrator.language.moments import read_moment
from services.orchestrator.language.words import tokenise

NOW = datetime(2026, 7, 14, 18, 42, tzinfo=ZoneInfo("Europe/Berlin"))


def moment(text: str, answers: bool = False) -> str | None:
    found = read_moment(tokenise(text), NOW, answers=answers)
    return found.strftime("%m-%d %H:%M") if found else None


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("in twenty minutes", "07-14 19:02"),
        ("in an hour and a half", "07-14 20:12"),
        ("two hours from now", "07-14 20:42"),
        ("in three days", "07-17 18:42"),
        ("in a week", "07-21 18:42"),
        ("tomorrow at nine", "07-15 09:00"),
        ("at nine tomorrow", "07-15 09:00"),
        ("tomorrow at nine in the evening", "07-15 21:00"),
        ("tomorrow at nine pm", "07-15 21:00"),
        ("tomorrow at six", "07-15 18:00"),
        ("tomorrow at half past six in the morning", "07-15 06:30"),
        ("tomorrow at twelve", "07-15 12:00"),
        ("at nine", "07-14 21:00"),
        ("at six", "07-15 06:00"),
        ("at half past six", "07-15 06:30"),
        ("at quarter to seven", "07-14 18:45"),
        ("at noon", "07-15 12:00"),
        ("at midnight", "07-15 00:00"),
        ("today at midnight", "07-15 00:00"),
        ("on friday at noon", "07-17 12:00"),
        ("friday at 15:30", "07-17 15:30"),
        ("at 09:15", "07-15 09:15"),
        ("at eight o'clock", "07-14 20:00"),
        ("at 7 a.m.", "07-15 07:00"),
        ("tonight", "07-14 19:00"),
        ("tonight at eleven", "07-14 23:00"),
        ("tonight at one", "07-15 01:00"),
        ("this evening at eight thirty", "07-14 20:30"),
        ("tomorrow morning", "07-15 09:00"),
        ("tomorrow morning at six", "07-15 06:00"),
        ("at eight tomorrow morning", "07-15 08:00"),
        ("in the morning", "07-15 09:00"),
        ("in the morning at seven", "07-15 07:00"),
        ("next monday", "07-20 09:00"),
        ("on tuesday", "07-21 09:00"),
        ("tuesday at noon", "07-21 12:00"),
        ("on the first of august at ten", "08-01 10:00"),
        ("on july twentieth", "07-20 09:00"),
        ("around eight", "07-14 20:00"),
    ],
)
def test_a_moment_is_the_next_that_people_mean(text: str, when: str) -> None:
    assert moment(text) == when


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nine",
        "twenty minutes",
        "call my mother at nine",
        "at the station",
        "in tokyo",
        "yesterday",
        "today at five in the afternoon",
        "this morning",
        "in no time",
        "at nine at ten",
        "in a thousand million years",
        "seven eleven",
    ],
)
def test_what_names_no_moment_to_come_is_none(text: str) -> None:
    assert moment(text) is None


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("ten minutes", "07-14 18:52"),
        ("nine", "07-14 21:00"),
        ("half past eight", "07-14 20:30"),
        ("tomorrow", "07-15 09:00"),
    ],
)
def test_an_answer_may_leave_more_out(text: str, when: str) -> None:
    assert moment(text, answers=True) == when


def test_behind_the_last_day_of_the_calendar_there_is_no_moment() -> None:
    here = NOW.astimezone(ZoneInfo("America/New_York"))
    assert read_moment(tokenise("on december thirty first 9999 at nine in the evening"), here) is None


BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


@pytest.mark.parametrize(
    ("text", "zone", "now", "when"),
    [
        # Berlin's clocks go back from three to two at 01:00, and forth from two to three at 01:00.
        ("in two hours", BERLIN, "2026-10-25T00:30", "2026-10-25T03:30+01:00"),
        ("in 24 hours", BERLIN, "2026-10-24T10:00", "2026-10-25T11:00+01:00"),
        ("in 24 hours", BERLIN, "2026-03-28T11:00", "2026-03-29T13:00+02:00"),
        ("in a day", BERLIN, "2026-10-24T10:00", "2026-10-25T12:00+01:00"),
        ("in a day and two hours", BERLIN, "2026-10-24T10:00", "2026-10-25T13:00+01:00"),
        ("in a week", BERLIN, "2026-10-24T10:00", "2026-10-31T12:00+01:00"),
        ("in a day", BERLIN, "2026-03-28T01:30", "2026-03-29T03:30+02:00"),
        ("tomorrow at 02:30", BERLIN, "2026-03-28T11:00", "2026-03-29T03:30+02:00"),
        ("tomorrow at 02:30", BERLIN, "2026-10-24T10:00", "2026-10-25T02:30+02:00"),
        # New York's go back from two to one at 06:00.
        ("at 1:45", NEW_YORK, "2026-11-01T05:20", "2026-11-01T01:45-04:00"),
        ("at 1:45", NEW_YORK, "2026-11-01T05:50", "2026-11-01T01:45-05:00"),
        ("at 1:45", NEW_YORK, "2026-11-01T06:20", "2026-11-01T01:45-05:00"),
        ("at 1:45", NEW_YORK, "2026-11-01T06:50", "2026-11-01T13:45-05:00"),
        ("at 01:45", NEW_YORK, "2026-11-01T06:20", "2026-11-01T01:45-05:00"),
        ("at 01:45", NEW_YORK, "2026-11-01T06:50", "2026-11-02T01:45-05:00"),
        ("in ten minutes", NEW_YORK, "2026-11-01T05:55", "2026-11-01T01:05-05:00"),
    ],
)
def test_when_the_clocks_change_a_moment_is_the_one_that_is_meant(
    text: str, zone: str, now: str, when: str
) -> None:
    """`now` is in UTC, and `when` as the clocks there show it, with their offset."""
    found = read_moment(tokenise(text), datetime.fromisoformat(f"{now}Z").astimezone(ZoneInfo(zone)))
    assert found
    assert found.isoformat(timespec="minutes") == when
