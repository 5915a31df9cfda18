"""Moments to come as people say them: "in twenty minutes", "tomorrow at nine", "at half past six", "friday evening"."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from services.orchestrator.language.numbers import ORDINALS, SMALL, TENS
from services.orchestrator.language.times import (
    MONTHS,
    WEEKDAYS,
    half_of_day,
    moved,
    read_date,
    read_duration,
    read_time,
    shown,
)
from services.orchestrator.language.words import Tokens

_PARTS = {"morning": time(9), "afternoon": time(15), "evening": time(19), "night": time(21)}
"""When it is, where of a day only the part was named."""
_MORNING = _PARTS["morning"]
"""When it is, where only the day was named."""
_WAKING_HOUR = 7
"""Of another day than today, "at six" is in the evening, and "at seven" in the morning."""
_SMALL_HOURS = 5
"""Up to here "tonight at one" is after midnight."""
_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)

_STARTS = frozenset(
    "in after at around about by on this next the later today tonight tomorrow day noon midday midnight half "
    "quarter a an".split()
) | {*WEEKDAYS, *MONTHS, *SMALL, *TENS, *ORDINALS}
_NEARLY = frozenset({"at", "around", "about", "by"})
_EXPLICIT = frozenset({"past", "after", "to", "till", "before", "oclock", "noon", "midday", "midnight"})
"""A time with one of these is a time, also without "at"; a bare number may be anything."""


@dataclass(frozen=True, slots=True)
class _Day:
    """What was said of the day: which, which part of it, or nothing."""

    day: date | None = None
    part: str = ""


def read_moment(tokens: Tokens, now: datetime, *, answers: bool = False) -> datetime | None:
    """The moment that all of `tokens` name, to come; or None.

    An hour that may be of the morning or of the evening is the next of the two today, and of another day the one at
    which people are up.

    Args:
        now: the user's local time, with its zone.
        answers: they answer our question when: then "ten minutes" and "nine" are enough.
    """
    if not tokens or not (answers or tokens[0] in _STARTS or tokens[0][0].isdigit()):
        return None
    try:
        return _after_a_while(tokens, now, answers) or _on_some_day(tokens, now, answers)
    except OverflowError:
        # No calendar goes so far.
        return None


def _on_some_day(tokens: Tokens, now: datetime, answers: bool) -> datetime | None:
    """A day and a time in either order, or one of the two."""
    for cut in range(len(tokens) + 1):
        for day_words, clock_words in ((tokens[:cut], tokens[cut:]), (tokens[cut:], tokens[:cut])):
            moment = _on_a_day(day_words, clock_words, now, answers)
            if moment and not _is_to_come(moment, now) and not set(WEEKDAYS).isdisjoint(day_words):
                # "On tuesday", said on a Tuesday at noon.
                moment = _combine(moment.date() + _WEEK, moment.time(), now)
            if moment and _is_to_come(moment, now):
                return moment
    return None


def _after_a_while(tokens: Tokens, now: datetime, answers: bool) -> datetime | None:
    """ "in twenty minutes", "an hour from now"."""
    if tokens[0] in ("in", "after"):
        span = read_duration(tokens[1:])
    elif tokens[-2:] == ("from", "now"):
        span = read_duration(tokens[:-2])
    else:
        span = read_duration(tokens) if answers else None
    return moved(now, span, tokens) if span else None


def _on_a_day(day_words: Tokens, clock_words: Tokens, now: datetime, answers: bool) -> datetime | None:
    day = _read_day(day_words, now)
    if day is None:
        return None
    if clock_words:
        return _at(day, clock_words, now, answers)
    if day.part:
        return _next(day.day, _PARTS[day.part], now)
    return _combine(day.day, _MORNING, now) if day.day else None


def _read_day(words: Tokens, now: datetime) -> _Day | None:
    """ "tomorrow", "on friday evening", "tonight", "in the morning", or nothing; None where it is none of these."""
    if not words:
        return _Day()
    if words in (("tonight",), ("later", "today")):
        return _Day(now.date(), "evening")
    if words[-1] in _PARTS:
        part, rest = words[-1], words[:-1]
        if rest in (("in", "the"), ("at",)):
            return _Day(None, part)
        day = now.date() if rest == ("this",) else read_date(rest, now.date()) if rest else None
        return _Day(day, part) if day else None
    day = read_date(words, now.date())
    return _Day(day) if day else None


def _at(day: _Day, words: Tokens, now: datetime, answers: bool) -> datetime | None:
    """The moment at which the clock shows what `words` say, on that day or the next that it can be."""
    said_at = words[0] in _NEARLY
    words = words[1:] if said_at else words
    clock = read_time(words)
    if clock is None:
        return None
    named, half = half_of_day(words)
    typed = ":" in named[0]
    if not (said_at or answers or half or typed or _EXPLICIT.intersection(words)):
        return None
    if named == ("midnight",) and day.day:
        return _combine(day.day + _DAY, clock, now)
    if (
        half
        or named in (("noon",), ("midday",), ("midnight",))
        or not 1 <= clock.hour <= 12
        or named[0][0] == "0"
    ):
        return _next(day.day, clock, now)
    return _of_either_half(day, clock, now)


def _of_either_half(day: _Day, clock: time, now: datetime) -> datetime | None:
    """An hour from one to twelve of which nobody said whether it is before or after noon."""
    first, second = clock.replace(hour=clock.hour % 12), clock.replace(hour=clock.hour % 12 + 12)
    if day.part == "morning":
        return _next(day.day, first, now)
    if day.part in ("evening", "night") and first.hour < _SMALL_HOURS:
        return _combine((day.day or now.date()) + _DAY, first, now)
    if day.part:
        return _next(day.day, second, now)
    if day.day and day.day != now.date():
        return _combine(day.day, first if first.hour >= _WAKING_HOUR else second, now)
    days = (now.date(),) if day.day else (now.date(), now.date() + _DAY)
    moments = (_combine(each, at, now) for each in days for at in (first, second))
    return next((moment for moment in moments if _is_to_come(moment, now)), None)


def _next(day: date | None, clock: time, now: datetime) -> datetime:
    """On that day; where none was named, today or, if it is past, tomorrow."""
    if day:
        return _combine(day, clock, now)
    today = _combine(now.date(), clock, now)
    return today if _is_to_come(today, now) else _combine(now.date() + _DAY, clock, now)


def _combine(day: date, clock: time, now: datetime) -> datetime:
    """When the clock shows that, on that day. In autumn it shows some times twice: then the first of them to come."""
    moment = datetime.combine(day, clock, tzinfo=now.tzinfo)
    return shown(moment if _is_to_come(moment, now) else moment.replace(fold=1))


def _is_to_come(moment: datetime, now: datetime) -> bool:
    # Between two moments of one zone Python compares what clocks show, and an hour that repeats shows the same.
    return moment.timestamp() > now.timestamp()
