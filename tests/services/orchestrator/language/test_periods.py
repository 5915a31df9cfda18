"""Stretches of time in the past, on Tuesday, July 14, 2026, 15:42 in New York."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from services.orchestrator.language.periods import read_period
from services.orchestrator.language.words import tokenise

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 7, 14, 15, 42, tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("text", "start", "end", "spoken"),
    [
        ("today", "2026-07-14", "2026-07-15", "today"),
        ("so far today", "2026-07-14", "2026-07-15", "today"),
        ("yesterday", "2026-07-13", "2026-07-14", "yesterday"),
        ("this week", "2026-07-13", "2026-07-20", "this week"),
        ("last week", "2026-07-06", "2026-07-13", "last week"),
        ("in the last month", "2026-06-01", "2026-07-01", "last month"),
        ("this month", "2026-07-01", "2026-08-01", "this month"),
        ("this year", "2026-01-01", "2027-01-01", "this year"),
        ("last year", "2025-01-01", "2026-01-01", "last year"),
        ("on sunday", "2026-07-12", "2026-07-13", "on Sunday"),
        ("on july fourth", "2026-07-04", "2026-07-05", "on Saturday, July 4"),
        ("three days ago", "2026-07-11", "2026-07-12", "on Saturday, July 11"),
        ("since monday", "2026-07-13", None, "since Monday"),
        ("since yesterday", "2026-07-13", None, "since yesterday"),
        ("since the first of july", "2026-07-01", None, "since Wednesday, July 1"),
        ("in the last hour", "2026-07-14T14:42", None, "in the last hour"),
        ("in the past 24 hours", "2026-07-13T15:42", None, "in the last 24 hours"),
        ("over the last seven days", "2026-07-07T15:42", None, "in the last seven days"),
        ("the past week", "2026-07-07T15:42", None, "in the last week"),
        ("last half an hour", "2026-07-14T15:12", None, "in the last half an hour"),
        ("this morning", "2026-07-14", "2026-07-14T12:00", "this morning"),
        ("this evening", "2026-07-14T18:00", "2026-07-15", "this evening"),
        ("so far", None, None, "so far"),
        ("in total", None, None, "so far"),
        ("up to now", None, None, "so far"),
    ],
)
def test_a_period_is_read_by_the_callers_calendar(
    text: str, start: str | None, end: str | None, spoken: str
) -> None:
    found = read_period(tokenise(text), NOW)
    assert found is not None

    def local(moment: datetime | None) -> str | None:
        return moment.isoformat() if moment else None

    def wanted(told: str | None) -> str | None:
        return datetime.fromisoformat(told).replace(tzinfo=NEW_YORK).isoformat() if told else None

    assert (local(found.start), local(found.end), found.spoken) == (wanted(start), wanted(end), spoken)


@pytest.mark.parametrize(
    "text", ["", "of", "the", "calls", "last", "last tuna", "since", "since tuna", "for me"]
)
def test_what_names_no_period_is_none(text: str) -> None:
    assert read_period(tokenise(text), NOW) is None


def test_a_day_on_which_the_clocks_change_has_its_own_length() -> None:
    spring = datetime(2026, 3, 8, 12, tzinfo=NEW_YORK)
    found = read_period(("today",), spring)
    assert found is not None
    assert found.start is not None
    assert found.end is not None
    assert (found.end.timestamp() - found.start.timestamp()) / 3600 == 23


@pytest.mark.parametrize(
    ("text", "now", "start"),
    [
        ("in the last hour", "2026-03-08T07:20", "2026-03-08T06:20"),
        ("in the last ten minutes", "2026-11-01T06:20", "2026-11-01T06:10"),
        ("in the last half an hour", "2026-11-01T06:20", "2026-11-01T05:50"),
        ("in the past 24 hours", "2026-03-08T16:00", "2026-03-07T16:00"),
        ("in the past day", "2026-03-08T16:00", "2026-03-07T17:00"),
        ("over the last seven days", "2026-11-01T17:00", "2026-10-25T16:00"),
    ],
)
def test_when_the_clocks_change_hours_stay_hours_and_days_stay_days(text: str, now: str, start: str) -> None:
    """All in UTC: the clocks change at 7:00 on March 8, and at 6:00 on November 1."""
    found = read_period(tokenise(text), datetime.fromisoformat(f"{now}Z").astimezone(NEW_YORK))
    assert found is not None
    assert found.start is not None
    assert found.start.astimezone(UTC) == datetime.fromisoformat(f"{start}Z")


PERIODS = ("yesterday", "this morning", "today", "since monday")


def test_only_a_period_that_has_ended_is_over() -> None:
    over = {text: found.is_over(NOW) for text in PERIODS if (found := read_period(tokenise(text), NOW))}
    assert over == {"yesterday": True, "this morning": True, "today": False, "since monday": False}
