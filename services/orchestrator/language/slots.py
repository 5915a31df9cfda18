"""The types that a tool's parameter can have: from words to a value that JSON can carry, and back to the ear."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from services.orchestrator.language.expressions import parse_expression, render
from services.orchestrator.language.moments import read_moment
from services.orchestrator.language.numbers import read_number
from services.orchestrator.language.periods import read_period
from services.orchestrator.language.places import find_place
from services.orchestrator.language.quantities import read_quantity
from services.orchestrator.language.times import (
    from_iso_duration,
    iso_duration,
    read_date,
    read_duration,
    read_month,
    read_time,
)
from services.orchestrator.language.units import read_unit, unit_named
from services.orchestrator.language.words import Tokens, tokenise

MAX_TEXT = 120
"""Words: a minute of speech."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a slot was filled with."""

    argument: Any
    """As the tool gets it: a string, a number or a boolean."""
    spoken: str
    """As an acknowledgement says it."""


@dataclass(frozen=True, slots=True)
class SlotType:
    """How one type of argument is read."""

    name: str
    schema: Mapping[str, Any]
    """JSON schema of the argument."""
    read: Callable[[Tokens, datetime], Value | None]
    """From all of the given words, at the user's local time; None where they don't name one."""
    longest: int
    """Words; a longer stretch is not tried."""
    asks: str
    """What was expected, for an error message."""
    verbatim: Callable[[str], Value | None] | None = None
    """Reads an argument that only machines write (an ISO duration, pint's unit), before `read` is tried."""
    answer: Callable[[Tokens, datetime], Value | None] | None = None
    """Reads what answers our question, where that may be shorter than within a sentence ("nine" for "at nine")."""

    def check(self, argument: Any, now: datetime) -> Value | None:
        """Read an argument that came over the wire (from a plan or a model); None where it is not of this type."""
        if isinstance(argument, bool) or not isinstance(argument, str | int | float):
            return None
        text = str(argument)
        if self.verbatim and (found := self.verbatim(text)):
            return found
        return self.read(tokenise(text), now)


def _place(tokens: Tokens, _: datetime) -> Value | None:
    place = find_place(tokens)
    return Value(place.name, place.spoken) if place else None


def _number(tokens: Tokens, _: datetime) -> Value | None:
    if (
        len(tokens) == 3
        and tokens[1] == "/"
        and tokens[0].isdigit()
        and tokens[2].isdigit()
        and int(tokens[2])
    ):
        value, end = Fraction(int(tokens[0]), int(tokens[2])), 3  # "1/2"
    elif found := read_number(tokens):
        value, end = found
    else:
        return None
    if end != len(tokens) or abs(value) > 10**30:
        return None
    number = int(value) if value.denominator == 1 else float(value)
    return Value(number, str(number))


def _unit(tokens: Tokens, _: datetime) -> Value | None:
    unit = read_unit(tokens)
    return Value(unit.name, unit.many) if unit else None


def _named_unit(text: str) -> Value | None:
    unit = unit_named(text)
    return Value(unit.name, unit.many) if unit else None


def _expression(tokens: Tokens, _: datetime) -> Value | None:
    tree = parse_expression(tokens)
    return Value(render(tree), " ".join(tokens)) if tree else None


def _duration(tokens: Tokens, _: datetime) -> Value | None:
    span = read_duration(tokens)
    return Value(iso_duration(span), " ".join(tokens)) if span else None


def _iso(text: str) -> Value | None:
    span = from_iso_duration(text)
    return Value(iso_duration(span), text) if span else None


def _time(tokens: Tokens, _: datetime) -> Value | None:
    moment = read_time(tokens)
    return Value(moment.strftime("%H:%M"), " ".join(tokens)) if moment else None


def _date(tokens: Tokens, now: datetime) -> Value | None:
    day = read_date(tokens, now.date())
    return Value(day.isoformat(), f"{day:%B} {day.day}") if day else None


def _month(tokens: Tokens, now: datetime) -> Value | None:
    first = read_month(tokens, now.date())
    return Value(f"{first:%Y-%m}", f"{first:%B}") if first else None


def _iso_month(text: str) -> Value | None:
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return Value(text, f"{first:%B}")


def _quantity(tokens: Tokens, _: datetime) -> Value | None:
    parts = read_quantity(tokens)
    if parts is None:
        return None
    text = " ".join(f"{float(value):g} {unit.name}" for value, unit in parts)
    return Value(text, " ".join(tokens))


def _past_date(tokens: Tokens, now: datetime) -> Value | None:
    day = read_date(tokens, now.date(), past=True)
    return Value(day.isoformat(), f"{day:%B} {day.day}") if day else None


def _period(tokens: Tokens, now: datetime) -> Value | None:
    period = read_period(tokens, now)
    return Value(" ".join(tokens), period.spoken) if period else None


def _moment(tokens: Tokens, now: datetime) -> Value | None:
    return _when(tokens, read_moment(tokens, now))


def _moment_answered(tokens: Tokens, now: datetime) -> Value | None:
    return _when(tokens, read_moment(tokens, now, answers=True))


def _when(tokens: Tokens, moment: datetime | None) -> Value | None:
    return Value(moment.isoformat(timespec="seconds"), " ".join(tokens)) if moment else None


def _iso_moment(text: str) -> Value | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return Value(text, text) if moment.tzinfo else None


def _text(tokens: Tokens, _: datetime) -> Value | None:
    text = " ".join(tokens).replace(" 's", "'s")
    return Value(text, text) if text else None


def _zone(text: str) -> Value | None:
    return Value(text, text) if zone(text) else None


def zone(name: str) -> ZoneInfo | None:
    """The IANA zone of that name, or None; `name` may come from outside."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # A path, a folder's name, an unknown name.
        return None


TYPES: dict[str, SlotType] = {
    kind.name: kind
    for kind in (
        SlotType("place", {"type": "string"}, _place, 6, "a city, a country or a time zone"),
        SlotType("number", {"type": "number"}, _number, 16, "a number"),
        SlotType("unit", {"type": "string"}, _unit, 5, "a unit of measure", _named_unit),
        SlotType("quantity", {"type": "string"}, _quantity, 12, "a quantity such as 5 feet 11 inches"),
        SlotType("month", {"type": "string"}, _month, 5, "a month such as 2028-02", _iso_month),
        SlotType("expression", {"type": "string"}, _expression, 40, "arithmetic such as 3 * (4 + 5)"),
        SlotType("duration", {"type": "string"}, _duration, 12, "a length of time such as PT1H30M", _iso),
        SlotType("time", {"type": "string"}, _time, 7, "a time of day such as 15:30"),
        SlotType("date", {"type": "string", "format": "date"}, _date, 8, "a date such as 2026-07-04"),
        SlotType(
            "past_date", {"type": "string", "format": "date"}, _past_date, 8, "a date such as 2026-01-31"
        ),
        SlotType("period", {"type": "string"}, _period, 8, "a stretch of time such as today or since monday"),
        SlotType(
            "timezone", {"type": "string"}, lambda *_: None, 0, "an IANA zone such as Asia/Tokyo", _zone
        ),
        SlotType(
            "moment",
            {"type": "string", "format": "date-time"},
            _moment,
            12,
            "a moment such as 2026-07-04T15:30:00+02:00",
            _iso_moment,
            _moment_answered,
        ),
        SlotType("name", {"type": "string"}, _text, 4, "a name of a few words"),
        SlotType("text", {"type": "string"}, _text, MAX_TEXT, "a few words"),
    )
}
"""By name, as `type` in the YAML of a tool."""
