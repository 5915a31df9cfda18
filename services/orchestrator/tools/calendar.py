"""The calendar beyond today: weeks, quarters, leap years, ages, and how far days lie apart."""

from calendar import isleap, monthrange
from datetime import date, datetime, time

from services.orchestrator.language.units import unit_named
from services.orchestrator.localtime import local_now
from services.orchestrator.tooling import Answer, Refused
from services.orchestrator.tools.ear import spoken_count, spoken_date

LAST_YEAR = 9990
"""Python's calendar ends with 9999."""
ORDINALS = ("first", "second", "third", "fourth")
HOURS = {"second": 1 / 3600, "minute": 1 / 60, "hour": 1}


async def tell_week(date: str | None = None, timezone: str | None = None) -> Answer:
    """The week of the year by ISO 8601: it begins on Monday, the first has the year's first Thursday."""
    today = local_now(timezone).date()
    day = _day(date) if date else today
    week = day.isocalendar()
    data = {"date": day.isoformat(), "week": week.week, "year": week.year}
    if day == today:
        return Answer(f"It's week {week.week}.", data)
    return Answer(f"{spoken_date(day, today)} is in week {week.week}.", data)


async def tell_quarter(timezone: str | None = None) -> Answer:
    """The quarter of the year."""
    today = local_now(timezone).date()
    quarter = (today.month - 1) // 3
    return Answer(f"We're in the {ORDINALS[quarter]} quarter.", {"quarter": quarter + 1, "year": today.year})


async def day_of_year(timezone: str | None = None) -> Answer:
    """Which day of the year it is, and how many are left."""
    today = local_now(timezone).date()
    number = today.timetuple().tm_yday
    left = 365 + isleap(today.year) - number
    data = {"day": number, "left": left, "year": today.year}
    return Answer(f"It's day {number} of the year, with {spoken_count(left, 'day')} left.", data)


async def days_between(date: str, other: str, timezone: str | None = None) -> Answer:
    """How many days lie between two days."""
    today = local_now(timezone).date()
    first, second = sorted((_day(date), _day(other)))
    days = (second - first).days
    data = {"from": first.isoformat(), "to": second.isoformat(), "days": days}
    return Answer(
        f"From {spoken_date(first, today)} to {spoken_date(second, today)} it's {spoken_count(days, 'day')}.",
        data,
    )


async def time_until(unit: str, date: str, timezone: str | None = None) -> Answer:
    """How far away a day is, counted in weeks, months, hours and the like."""
    now = local_now(timezone)
    today, day = now.date(), _day(date)
    if day < today:
        raise Refused("past_date", f"{spoken_date(day, today)} is over.")
    found = unit_named(unit)
    match found.name if found else "":
        case "week":
            whole, rest = divmod((day - today).days, 7)
        case "month":
            whole = (day.year - today.year) * 12 + day.month - today.month
            whole -= _in_month(today, whole) > day
            rest = (day - _in_month(today, whole)).days
        case "hour" | "minute" | "second" as small:
            # By the clock's own count: a day on which it changes has 23 or 25 hours.
            seconds = datetime.combine(day, time(), now.tzinfo).timestamp() - now.timestamp()
            whole, rest = max(0, round(seconds / 3600 / HOURS[small])), 0
        case _:
            raise Refused("no_time_unit", "I can count that in weeks, months, days or hours.")
    parts = [spoken_count(n, what) for n, what in ((whole, found.one if found else ""), (rest, "day")) if n]
    data = {"date": day.isoformat(), "unit": unit, "count": whole, "days": rest}
    return Answer(f"{' and '.join(parts) or 'No time'} until {spoken_date(day, today)}.", data)


async def leap_year(year: float | None = None, timezone: str | None = None) -> Answer:
    """Whether a year has a February 29, or this one, and which comes next."""
    this = local_now(timezone).year
    asked = this if year is None else _year(year)
    is_leap = isleap(asked)
    following = next(each for each in range(max(asked, this) + 1, LAST_YEAR + 10) if isleap(each))
    data = {"year": asked, "leap": is_leap, "next": following}
    verb = "is" if asked >= this else "was"
    answer = f"{asked} {verb} {'a' if is_leap else 'no'} leap year."
    return Answer(answer if asked != this else f"{answer} The next one is {following}.", data)


async def age_of(year: float | None = None, date: str | None = None, timezone: str | None = None) -> Answer:
    """How old someone is who was born in a year, or on a day."""
    today = local_now(timezone).date()
    if date is not None:
        born = _day(date)
        age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        if age < 0:
            raise Refused("not_born", "That day is still to come.")
        return Answer(f"That makes {spoken_count(age, 'year')}.", {"born": born.isoformat(), "age": age})
    if year is None:
        raise Refused("no_birth", "I'd need the year, or the day.")
    age = today.year - _year(year)
    if age < 0:
        raise Refused("not_born", "That year is still to come.")
    data = {"born": int(year), "age_at_most": age}
    if age == 0:
        return Answer("Less than a year.", data)
    return Answer(f"{age}, or still {age - 1} before this year's birthday.", data)


async def days_in_month(month: str, timezone: str | None = None) -> Answer:
    """How many days a month has."""
    first = _day(f"{month}-01")
    days = monthrange(first.year, first.month)[1]
    year = f" {first.year}" if first.year != local_now(timezone).year else ""
    data = {"month": month, "days": days}
    return Answer(f"{first:%B}{year} has {days} days.", data)


def _in_month(today: date, months: int) -> date:
    """The same day so many months later, or that month's last."""
    year, month = divmod(today.year * 12 + today.month - 1 + months, 12)
    return date(year, month + 1, min(today.day, monthrange(year, month + 1)[1]))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused("bad_date", "I can't tell which day that is.") from error


def _year(year: float) -> int:
    if year != int(year) or not 1 <= year <= LAST_YEAR:
        raise Refused("bad_year", "I can't tell which year that is.")
    return int(year)
