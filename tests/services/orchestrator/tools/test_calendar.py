"""The calendar on Tuesday, July 14, 2026, 19:42 in London."""

from calendar import isleap
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orchestrator.tooling import Answer, Refused
from services.orchestrator.tools import calendar

LONDON = "Europe/London"
TODAY = date(2026, 7, 14)


@pytest.fixture(autouse=True, scope="module")
def _moment() -> Any:
    class Frozen(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Frozen":
            return cls(2026, 7, 14, 18, 42, tzinfo=UTC).astimezone(tz)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("services.orchestrator.localtime.datetime", Frozen)
        yield


async def ask(question: Any, **arguments: Any) -> Answer:
    answer = await question(**arguments, timezone=LONDON)
    assert isinstance(answer, Answer)
    return answer


@pytest.mark.parametrize(
    ("question", "arguments", "text"),
    [
        (calendar.tell_week, {}, "It's week 29."),
        (calendar.tell_week, {"date": "2026-12-25"}, "Friday, December 25 is in week 52."),
        (calendar.tell_week, {"date": "2027-01-01"}, "Friday, January 1, 2027 is in week 53."),
        (calendar.tell_quarter, {}, "We're in the third quarter."),
        (calendar.day_of_year, {}, "It's day 195 of the year, with 170 days left."),
        (
            calendar.days_between,
            {"date": "2026-12-25", "other": "2027-01-01"},
            "From Friday, December 25 to Friday, January 1, 2027 it's 7 days.",
        ),
        (calendar.time_until, {"unit": "week", "date": "2026-07-28"}, "2 weeks until Tuesday, July 28."),
        (
            calendar.time_until,
            {"unit": "week", "date": "2026-12-25"},
            "23 weeks and 3 days until Friday, December 25.",
        ),
        (
            calendar.time_until,
            {"unit": "month", "date": "2026-12-25"},
            "5 months and 11 days until Friday, December 25.",
        ),
        (calendar.time_until, {"unit": "hour", "date": "2026-07-15"}, "4 hours until Wednesday, July 15."),
        (calendar.time_until, {"unit": "week", "date": "2026-07-14"}, "No time until Tuesday, July 14."),
        (calendar.leap_year, {}, "2026 is no leap year. The next one is 2028."),
        (calendar.leap_year, {"year": 2028}, "2028 is a leap year."),
        (calendar.leap_year, {"year": 1900}, "1900 was no leap year."),
        (calendar.age_of, {"year": 1960}, "66, or still 65 before this year's birthday."),
        (calendar.age_of, {"year": 2026}, "Less than a year."),
        (calendar.age_of, {"date": "1985-07-14"}, "That makes 41 years."),
        (calendar.age_of, {"date": "1985-07-15"}, "That makes 40 years."),
        (calendar.days_in_month, {"month": "2026-02"}, "February has 28 days."),
        (calendar.days_in_month, {"month": "2028-02"}, "February 2028 has 29 days."),
    ],
)
async def test_the_calendar_is_told_for_the_ear(question: Any, arguments: dict[str, Any], text: str) -> None:
    assert (await ask(question, **arguments)).text == text


@pytest.mark.parametrize(
    ("question", "arguments", "code"),
    [
        (calendar.tell_week, {"date": "soon"}, "bad_date"),
        (calendar.time_until, {"unit": "week", "date": "2026-07-13"}, "past_date"),
        (calendar.time_until, {"unit": "mile", "date": "2026-12-25"}, "no_time_unit"),
        (calendar.leap_year, {"year": 2028.5}, "bad_year"),
        (calendar.leap_year, {"year": 10**9}, "bad_year"),
        (calendar.age_of, {"year": 2030}, "not_born"),
        (calendar.age_of, {"date": "2026-07-15"}, "not_born"),
        (calendar.age_of, {}, "no_birth"),
        (calendar.days_in_month, {"month": "2026-13"}, "bad_date"),
    ],
)
async def test_what_cannot_be_counted_is_refused(question: Any, arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        await ask(question, **arguments)
    assert caught.value.code == code


@given(st.integers(0, 3000))
async def test_months_and_days_lead_to_the_day_again(ahead: int) -> None:
    day = TODAY + timedelta(days=ahead)
    data = (await ask(calendar.time_until, unit="month", date=day.isoformat())).data
    reached = calendar._in_month(TODAY, data["count"]) + timedelta(days=data["days"])
    assert reached == day
    assert 0 <= data["days"] <= 30


@given(st.integers(1, calendar.LAST_YEAR))
async def test_every_year_is_a_leap_year_or_not(year: int) -> None:
    data = (await ask(calendar.leap_year, year=year)).data
    assert data["leap"] == isleap(year)
    assert isleap(data["next"])
    assert data["next"] > year
