"""Times of day, dates and durations as people say them. Relative ones need to know what day it is."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction

from services.orchestrator.language.feasts import FIXED, MOVING
from services.orchestrator.language.numbers import read_number, read_ordinal
from services.orchestrator.language.words import Tokens

MONTHS = "january february march april may june july august september october november december".split()
WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_SHORT = {name[:3]: name for name in MONTHS} | {"sept": "september"}

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800, "fortnight": 1209600}
_SECONDS |= {"sec": 1, "min": 60, "hr": 3600}
_LONGEST = timedelta(days=365 * 1000)
_DAY = timedelta(days=1)


def read_duration(tokens: Tokens) -> timedelta | None:
    """ "three days", "an hour and a half", "2 hours 30 minutes", "half an hour"; all of `tokens`, or None."""
    total, at = Fraction(0), 0
    while at < len(tokens):
        if at and tokens[at] == "and":
            at += 1
        if tokens[at : at + 1] in (("a",), ("an",)) and _seconds(tokens[at + 1 : at + 2]):
            count, at = Fraction(1), at + 1
        elif tokens[at : at + 2] == ("a", "couple"):
            count, at = Fraction(2), at + 2 + (tokens[at + 2 : at + 3] == ("of",))
        elif found := read_number(tokens, at, and_joins=False):
            count, at = found
            if tokens[at : at + 2] in (("of", "a"), ("of", "an")):
                at += 2  # "a quarter of an hour"
            elif tokens[at : at + 1] in (("a",), ("an",)):
                at += 1  # "half an hour"
            if tokens[at : at + 3] in (("and", "a", "half"), ("and", "a", "quarter")):
                count, at = count + Fraction(1, 2 if tokens[at + 2] == "half" else 4), at + 3
        else:
            return None
        seconds = _seconds(tokens[at : at + 1])
        if not seconds or count < 0:
            return None
        at += 1
        if tokens[at : at + 3] in (("and", "a", "half"), ("and", "a", "quarter")):
            count, at = count + Fraction(1, 2 if tokens[at + 2] == "half" else 4), at + 3
        total += count * seconds
    if not total or total > _LONGEST.total_seconds():
        return None
    return timedelta(seconds=float(total))


def _seconds(word: Tokens) -> int:
    return _SECONDS.get(word[0].removesuffix("s"), 0) if word else 0


def moved(now: datetime, span: timedelta, words: Tokens) -> datetime:
    """`now` and `span`, which `words` name, later; or earlier where it is negative.

    What was said in days or weeks goes by the calendar: the same time of another day. All else goes by the clock: 24
    hours are as long as ever, also when the clocks change meanwhile.

    Raises:
        OverflowError: no calendar goes so far.
    """
    by_clock = any(0 < _seconds((word,)) < _DAY.total_seconds() for word in words)
    if by_clock or span % _DAY:
        return (now.astimezone(UTC) + span).astimezone(now.tzinfo)
    return shown(now + span)


def shown(moment: datetime) -> datetime:
    """`moment`, as a clock of its zone shows it: half past two, which is skipped in spring, is half past three."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo)


def iso_duration(span: timedelta) -> str:
    """ISO 8601: "P3D", "PT1H30M"."""
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    clock = "".join(f"{n}{letter}" for n, letter in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")


_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def from_iso_duration(text: str) -> timedelta | None:
    """The inverse of `iso_duration`, or None."""
    found = _ISO.fullmatch(text.upper())
    if not found or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) if days < 10**6 else None


def read_time(tokens: Tokens) -> time | None:
    """ "3:42 pm", "half past three", "quarter to five in the afternoon", "three thirty", "noon"; or None.

    Without "am" or "pm" the hour counts as it stands: "nine" is nine in the morning.
    """
    words, half = half_of_day(tokens)
    if words in (("noon",), ("midday",)):
        return time(12)
    if words == ("midnight",):
        return time(0)
    found = _clock(words)
    if found is None:
        return None
    hour, minute = found
    if half and not 1 <= hour <= 12:
        return None
    if half == "am":
        hour %= 12
    elif half == "pm":
        hour = hour % 12 + 12
    return time(hour % 24, minute) if hour <= 24 and minute < 60 else None


_HALVES = {
    ("am",): "am",
    ("a", "m"): "am",
    ("pm",): "pm",
    ("p", "m"): "pm",
    ("in", "the", "morning"): "am",
    ("in", "the", "afternoon"): "pm",
    ("in", "the", "evening"): "pm",
    ("at", "night"): "pm",
}


def half_of_day(tokens: Tokens) -> tuple[Tokens, str]:
    """ "am" or "pm" where `tokens` end with either, or with "in the morning" and its like; and the words before it."""
    for ending, half in _HALVES.items():
        if len(tokens) > len(ending) and tokens[-len(ending) :] == ending:
            return tokens[: -len(ending)], half
    return tokens, ""


def _clock(words: Tokens) -> tuple[int, int] | None:
    if len(words) == 1 and (found := re.fullmatch(r"(\d{1,2}):(\d{2})", words[0])):
        return int(found.group(1)), int(found.group(2))
    for joint, sign in (("past", 1), ("after", 1), ("to", -1), ("before", -1), ("till", -1)):
        if joint in words:
            cut = words.index(joint)
            minutes, hour = _minutes(words[:cut]), _small(words[cut + 1 :])
            if minutes is None or hour is None or not 1 <= hour <= 12:
                return None
            return (hour, minutes) if sign == 1 else ((hour - 2) % 12 + 1, 60 - minutes)
    if words[-1:] == ("oclock",):
        hour = _small(words[:-1])
        return (hour, 0) if hour is not None else None
    for cut in range(len(words), 0, -1):
        hour = _small(words[:cut])
        if hour is None or hour > 24:
            continue
        rest = words[cut:]
        if not rest:
            return hour, 0
        if rest[0] in ("oh", "o") and len(rest) == 2:
            rest = rest[1:]
        elif (_small(rest) or 0) < 10:
            continue
        minute = _small(rest)
        return (hour, minute) if minute is not None and minute < 60 else None
    return None


def _minutes(words: Tokens) -> int | None:
    words = words[1:] if words[:1] == ("a",) else words
    words = words[:-1] if words[-1:] in (("minutes",), ("minute",)) else words
    if words in (("half",), ("quarter",)):
        return 30 if words == ("half",) else 15
    return _small(words)


def _small(words: Tokens) -> int | None:
    """A whole number below a hundred that is all of `words`."""
    found = read_number(words, and_joins=False)
    if not found or found[1] != len(words) or found[0].denominator != 1 or not 0 <= found[0] < 100:
        return None
    return int(found[0])


def read_date(tokens: Tokens, today: date, *, past: bool = False) -> date | None:
    """ "tomorrow", "next friday", "in three days", "july fourth", "the 4th of july 2027", "christmas"; or None.

    A date without a year is the next one to come, today included (or, if `past`, the last one that was); a
    weekday too.
    """
    words = tokens[1:] if tokens[:1] in (("on",), ("the",)) else tokens
    text = " ".join(words)
    fixed = {"today": 0, "tomorrow": 1, "yesterday": -1, "day after tomorrow": 2, "day before yesterday": -2}
    if text in fixed:
        return _shifted(today, timedelta(days=fixed[text]))
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None
    return _weekday(words, today, past) or _relative(words, today) or _calendar(words, today, past)


def _shifted(start: date, by: timedelta) -> date | None:
    try:
        return start + by
    except OverflowError:
        return None


def _weekday(words: Tokens, today: date, past: bool) -> date | None:
    which, day = words[:-1], words[-1] if words else ""
    if day not in WEEKDAYS or which not in (
        (),
        ("this",),
        ("next",),
        ("coming",),
        ("last",),
        ("this", "coming"),
    ):
        return None
    ahead = (WEEKDAYS.index(day) - today.weekday()) % 7
    if which == ("last",) or (past and not which and ahead):
        return _shifted(today, timedelta(days=ahead - 7))
    if which == ("next",) and ahead == 0:
        ahead = 7
    return _shifted(today, timedelta(days=ahead))


def _relative(words: Tokens, today: date) -> date | None:
    sign = 0
    for head, tail, direction in (
        (("in",), (), 1),
        ((), ("from", "now"), 1),
        ((), ("from", "today"), 1),
        ((), ("ago",), -1),
    ):
        if (
            words[: len(head)] == head
            and words[len(words) - len(tail) :] == tail
            and len(words) > len(head + tail)
        ):
            words, sign = words[len(head) : len(words) - len(tail)], direction
            break
    span = read_duration(words) if sign else None
    # Hours and minutes make no date.
    return _shifted(today, sign * span) if span and span % timedelta(days=1) == timedelta() else None


def _calendar(words: Tokens, today: date, past: bool) -> date | None:
    """A day and a month in either order, or a feast, with or without a year."""
    for cut in range(len(words), 0, -1):
        yearly = _yearly(words[:cut])
        if not yearly:
            continue
        rest = words[cut:][1:] if words[cut : cut + 1] in (("of",), ("in",)) else words[cut:]
        if not rest:
            years = (today.year, today.year - 1) if past else (today.year, today.year + 1)
            days = [day for year in years if (day := yearly(year))]
            return next((day for day in days if day == today or (day < today) == past), None)
        if rest in (("this", "year"), ("next", "year"), ("last", "year")):
            return yearly(today.year + {"this": 0, "next": 1, "last": -1}[rest[0]])
        found = read_number(rest)
        if found and found[1] == len(rest) and found[0].denominator == 1 and 1000 <= found[0] <= 9999:
            return yearly(int(found[0]))
    return None


def _yearly(words: Tokens) -> Callable[[int], date | None] | None:
    """What day that is in a year."""
    if moving := MOVING.get(" ".join(words)):
        return moving
    if month_day := _month_and_day(words):
        return lambda year: _date(year, *month_day)
    return None


def read_month(tokens: Tokens, today: date) -> date | None:
    """The first of the month that all of `tokens` name: "february", "february 2028", "next month"; or None."""
    words = tokens[1:] if tokens[:1] == ("the",) else tokens
    near = {("this", "month"): 0, ("next", "month"): 1, ("last", "month"): -1}
    if words in near:
        months = today.year * 12 + today.month - 1 + near[words]
        return _date(months // 12, months % 12 + 1, 1)
    name = _SHORT.get(words[0], words[0]) if words else ""
    if name not in MONTHS:
        return None
    month, rest = MONTHS.index(name) + 1, words[1:]
    rest = rest[1:] if rest[:1] in (("of",), ("in",)) else rest
    if not rest or rest in (("this", "year"), ("next", "year"), ("last", "year")):
        return _date(today.year + ({"this": 0, "next": 1, "last": -1}[rest[0]] if rest else 0), month, 1)
    found = read_number(rest)
    if found and found[1] == len(rest) and found[0].denominator == 1 and 1 <= found[0] <= 9999:
        return _date(int(found[0]), month, 1)
    return None


def _month_and_day(words: Tokens) -> tuple[int, int] | None:
    if feast := FIXED.get(" ".join(words)):
        return feast
    names = [_SHORT.get(word, word) for word in words]
    months = [at for at, name in enumerate(names) if name in MONTHS]
    if len(months) != 1:
        return None
    at = months[0]
    month = MONTHS.index(names[at]) + 1
    day_words = words[at + 1 :] if at == 0 else words[:at]
    if at and at != len(words) - 1:
        return None
    if day_words[:1] == ("the",):
        day_words = day_words[1:]
    if at and day_words[-1:] == ("of",):
        day_words = day_words[:-1]
    ordinal = read_ordinal(day_words)
    day = ordinal[0] if ordinal and ordinal[1] == len(day_words) else _small(day_words)
    return (month, day) if day and 1 <= day <= 31 else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
