"""The clock: time, date, zones and the differences between them. zoneinfo knows when clocks change."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from services.orchestrator.language.places import Place, places
from services.orchestrator.language.times import from_iso_duration
from services.orchestrator.localtime import local_now, zone_of
from services.orchestrator.tooling import Answer, Refused
from services.orchestrator.tools.ear import spoken_date, spoken_day_of, spoken_difference, spoken_time


def _there(place: str | None, timezone: str | None) -> tuple[tzinfo, Place | None]:
    if place is None:
        return zone_of(timezone), None
    found = places().find(place)
    if found is None:
        raise Refused("unknown_place", f"I don't know where {place} is.")
    return ZoneInfo(found.zone), found


def _named(place: Place) -> str:
    """ "Tokyo"; "Moscow, Russia" where a country has several times."""
    return f"{place.seat}, {place.spoken}" if place.seat else place.spoken


def _in(place: Place | None) -> str:
    """ " in Tokyo", " in Pacific time", or nothing for here."""
    return f" in {_named(place)}" if place else ""


def _facts(moment: datetime, place: Place | None) -> dict[str, object]:
    facts: dict[str, object] = {"at": moment.isoformat(timespec="seconds"), "timezone": _zone_name(moment)}
    if place:
        facts |= {"place": place.name, "also": list(place.also)}
    return facts


def _zone_name(moment: datetime) -> str:
    return getattr(moment.tzinfo, "key", None) or str(moment.tzinfo)


async def tell_time(
    place: str | None = None, after: str | None = None, timezone: str | None = None
) -> Answer:
    """The time of day, there or here, now or `after` a while."""
    there, found = _there(place, timezone)
    now = datetime.now(UTC)
    span = from_iso_duration(after) if after else timedelta()
    if span is None:
        raise Refused("bad_duration", "I can't tell how long that is.")
    moment, here = (now + span).astimezone(there), now.astimezone(zone_of(timezone))
    day = spoken_day_of(moment, here)
    verb = "It will be" if after else "It's"
    return Answer(
        f"{verb} {spoken_time(moment.time())}{f' {day}' if day else ''}{_in(found)}.", _facts(moment, found)
    )


async def tell_date(place: str | None = None, timezone: str | None = None) -> Answer:
    """Today's date, there or here."""
    there, found = _there(place, timezone)
    moment = datetime.now(there)
    text = f"{moment:%A}, {moment:%B} {moment.day}, {moment.year}"
    return Answer(f"It's {text}{_in(found)}.", _facts(moment, found))


async def date_of(date: str, timezone: str | None = None) -> Answer:
    """The weekday and date of a day that was named, and how far away it is."""
    today = local_now(timezone).date()
    day = _iso_date(date)
    away = (day - today).days
    verb = "is" if away >= 0 else "was"
    data = {"date": day.isoformat(), "weekday": f"{day:%A}", "days_from_today": away}
    return Answer(f"That {verb} {spoken_date(day, today)}.", data)


async def days_until(date: str, timezone: str | None = None) -> Answer:
    """How many days it is to a day that was named."""
    return _counted(date, timezone)


async def days_since(date: str, timezone: str | None = None) -> Answer:
    """How many days ago a day was."""
    return _counted(date, timezone)


def _counted(text: str, timezone: str | None) -> Answer:
    today = local_now(timezone).date()
    day = _iso_date(text)
    away = (day - today).days
    data = {"date": day.isoformat(), "days_from_today": away}
    if away == 0:
        return Answer("That's today.", data)
    count = f"{abs(away)} day{'s' * (abs(away) != 1)}"
    return Answer(f"{spoken_date(day, today)} {f'is in {count}' if away > 0 else f'was {count} ago'}.", data)


def _iso_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused("bad_date", "I can't tell which day that is.") from error


async def time_difference(place: str, other: str | None = None, timezone: str | None = None) -> Answer:
    """How far `place` is ahead of `other`, or of here."""
    there, found = _there(place, timezone)
    base, beside = _there(other, timezone)
    now = datetime.now(UTC)
    ahead = _offset(now, there) - _offset(now, base)
    name, second = _subject(found), _subject(beside) if beside else "here"
    data = {"place": place, "other": other, "minutes_ahead": int(ahead.total_seconds() // 60)}
    if not ahead:
        together = (
            f"{name} and {second} have the same time" if beside else f"{name} has the same time as here"
        )
        return Answer(f"{together}.", data)
    direction = "ahead of" if ahead > timedelta() else "behind"
    return Answer(f"{name} is {spoken_difference(ahead)} {direction} {second}.", data)


def _subject(place: Place | None) -> str:
    return _named(place) if place else "here"


def _offset(moment: datetime, there: tzinfo) -> timedelta:
    return moment.astimezone(there).utcoffset() or timedelta()


async def convert_time(
    time: str, place: str | None = None, other: str | None = None, timezone: str | None = None
) -> Answer:
    """What the clock shows in `place` when it shows `time` in `other`; either may be here."""
    there, found = _there(place, timezone)
    base, beside = _there(other, timezone)
    moment = _today_at(time, base)
    shown = moment.astimezone(there)
    day = {1: " the next day", -1: " the day before"}.get((shown.date() - moment.date()).days, "")
    when = f"{spoken_time(moment.time())}{_in(beside) or ' here'}"
    data = _facts(shown, found) | {"when": moment.isoformat(timespec="seconds")}
    return Answer(f"When it's {when}, it's {spoken_time(shown.time())}{day}{_in(found) or ' here'}.", data)


def _today_at(text: str, there: tzinfo) -> datetime:
    try:
        at = time.fromisoformat(text)
    except ValueError as error:
        raise Refused("bad_time", "I can't tell which time that is.") from error
    return datetime.combine(datetime.now(there).date(), at, tzinfo=there)


async def tell_zone(place: str | None = None, timezone: str | None = None) -> Answer:
    """The time zone of a place: its name where there is one in use, and its offset."""
    there, found = _there(place, timezone)
    moment = datetime.now(there)
    offset = _offset(moment, there)
    name = moment.tzname() or ""
    where = _subject(found) if found else "Here the clock"
    distance = (
        "at Universal Time"
        if not offset
        else f"{spoken_difference(offset)} {'ahead of' if offset > timedelta() else 'behind'} Universal Time"
    )
    data = _facts(moment, found) | {
        "abbreviation": name,
        "utc_offset_minutes": int(offset.total_seconds() // 60),
    }
    return Answer(f"{where} is {distance}{_zone_phrase(name)}.", data)


def _zone_phrase(abbreviation: str) -> str:
    """ ", on J S T"; where zoneinfo has no letters ("+07") they would say nothing more than the offset."""
    return f", on {' '.join(abbreviation)}" if abbreviation.isalpha() and abbreviation != "UTC" else ""


SEARCHED_DAYS = 400
"""Any zone that changes its clocks does so within a year; Morocco moves the day, so a little more."""


async def clock_change(place: str | None = None, timezone: str | None = None) -> Answer:
    """When the clocks change next, there or here."""
    there, found = _there(place, timezone)
    now = datetime.now(UTC)
    change = _next_change(now, there)
    if change is None:
        return Answer(
            f"The clocks don't change{_in(found)} within the coming year.", {"at": None, "place": place}
        )
    turned = _offset(change, there) - _offset(change - timedelta(minutes=1), there)
    local = change.astimezone(there)
    way = "forward" if turned > timedelta() else "back"
    data = _facts(local, found) | {"minutes": int(turned.total_seconds() // 60)}
    day = spoken_date(local.date(), now.astimezone(there).date())
    return Answer(f"The clocks go {way} by {spoken_difference(turned)} on {day}{_in(found)}.", data)


def _next_change(start: datetime, there: tzinfo) -> datetime | None:
    """The first moment at which the offset differs, to the minute, by days and then by bisection."""
    for days in range(SEARCHED_DAYS):
        low, high = start + timedelta(days=days), start + timedelta(days=days + 1)
        if _offset(low, there) == _offset(high, there):
            continue
        while high - low > timedelta(minutes=1):
            middle = low + (high - low) / 2
            low, high = (middle, high) if _offset(middle, there) == _offset(low, there) else (low, middle)
        return high.replace(second=0, microsecond=0)
    return None
