"""Stretches of time in the past as people say them: "today", "since monday", "in the last hour"."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from services.orchestrator.language.times import WEEKDAYS, moved, read_date, read_duration
from services.orchestrator.language.words import Tokens

_LEADS = frozenset(
    {"in", "during", "over", "within", "for", "of", "on", "so", "far", "up", "to", "until", "now"}
)
"""Words around a period that change nothing."""

_EVER = frozenset(
    {("ever",), ("total",), ("altogether",), ("overall",), ("all", "time"), ("all",), ("at", "all")}
)
_PARTS = {
    ("this", "morning"): (0, 12),
    ("this", "afternoon"): (12, 18),
    ("this", "evening"): (18, 24),
    ("tonight",): (18, 24),
}
"""Hours of today."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` to `end`, which is not part of it; None is open."""

    start: datetime | None
    end: datetime | None
    spoken: str
    """To be put behind a sentence: "today", "in the last hour"; empty for all time."""

    def is_over(self, now: datetime) -> bool:
        return self.end is not None and self.end <= now


def read_period(tokens: Tokens, now: datetime) -> Period | None:
    """The period that all of `tokens` name, or None.

    Weeks begin on Monday. "Last week" is the one before this; "the past week" is seven days up to now.

    Args:
        now: the user's local time, by whose calendar days are meant.
    """
    words = _bare(tokens)
    if not words:
        return Period(None, None, "so far") if {"far", "now"} & set(tokens) else None
    if words in _EVER:
        return Period(None, None, "so far")
    if words in _PARTS:
        low, high = _PARTS[words]
        midnight = _midnight(now.date(), now)
        end = _midnight(now.date() + timedelta(days=1), now) if high == 24 else midnight.replace(hour=high)
        return Period(midnight.replace(hour=low), end, " ".join(words))
    return _calendar(words, now) or _rolling(words, now) or _since(words, now) or _day(words, now)


def _bare(tokens: Tokens) -> Tokens:
    low, high = 0, len(tokens)
    while low < high and tokens[low] in _LEADS | {"the"}:
        low += 1
    while high > low and tokens[high - 1] in _LEADS:
        high -= 1
    return tokens[low:high]


def _midnight(day: date, now: datetime) -> datetime:
    return datetime.combine(day, time(), now.tzinfo)


def _days(first: date, after: date, now: datetime, spoken: str) -> Period:
    return Period(_midnight(first, now), _midnight(after, now), spoken)


def _calendar(words: Tokens, now: datetime) -> Period | None:
    """ "this week", "last month", "this year"."""
    if len(words) != 2 or words[0] not in ("this", "last", "previous"):
        return None
    today, back = now.date(), words[0] != "this"
    match words[1]:
        case "week":
            first = today - timedelta(days=today.weekday() + 7 * back)
            after = first + timedelta(days=7)
        case "month":
            first = today.replace(day=1)
            if back:
                first = (first - timedelta(days=1)).replace(day=1)
            after = (first + timedelta(days=31)).replace(day=1)
        case "year":
            first = date(today.year - back, 1, 1)
            after = date(first.year + 1, 1, 1)
        case _:
            return None
    return _days(first, after, now, f"{'last' if back else 'this'} {words[1]}")


def _rolling(words: Tokens, now: datetime) -> Period | None:
    """ "last hour", "past 24 hours", "last three days"."""
    if words[0] not in ("last", "past", "previous"):
        return None
    told = words[1:]
    span = read_duration(told) or read_duration(("a", *told)) or read_duration(("an", *told))
    if span is None:
        return None
    try:
        return Period(moved(now, -span, told), None, f"in the last {' '.join(told)}")
    except OverflowError:
        return None


def _since(words: Tokens, now: datetime) -> Period | None:
    if words[0] != "since":
        return None
    day = read_date(words[1:], now.date(), past=True)
    return Period(_midnight(day, now), None, f"since {_named(words[1:], day)}") if day else None


def _day(words: Tokens, now: datetime) -> Period | None:
    day = read_date(words, now.date(), past=True)
    if day is None:
        return None
    near = {0: "today", -1: "yesterday", 1: "tomorrow"}
    spoken = near.get((day - now.date()).days) or f"on {_named(words, day)}"
    return _days(day, day + timedelta(days=1), now, spoken)


def _named(words: Tokens, day: date) -> str:
    """A weekday by its name, another day by its date."""
    if words[-1] in WEEKDAYS:
        return f"{day:%A}"
    return words[-1] if words[-1] in ("yesterday", "today") else f"{day:%A}, {day:%B} {day.day}"
