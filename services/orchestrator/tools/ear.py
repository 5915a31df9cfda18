"""Numbers and times as the ear wants them: rounded sensibly, "3:42 in the afternoon", never a symbol."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from fractions import Fraction

from services.orchestrator.language.expressions import decimal

_SAID_AS_IT_IS = 10**15
"""Up to here a voice reads digits well; beyond it, powers of ten."""


def spoken_number(value: Fraction | float) -> tuple[str, bool]:
    """Digits for the ear, and whether they are rounded.

    Whole numbers stay whole; others keep two decimals, or three digits where they are smaller than one.
    """
    exact = Fraction(value)
    size = abs(exact)
    sign = "minus " if exact < 0 else ""
    if size and (size >= _SAID_AS_IT_IS or size < Fraction(1, 10**5)):
        return sign + _in_powers(size), True
    if size.denominator == 1:
        return f"{sign}{size.numerator}", False
    text = decimal(size)
    if text and len(text.partition(".")[2]) <= 4 and isinstance(value, Fraction):
        return sign + text, False
    rounded = f"{float(size):.2f}" if size >= 1 else f"{float(size):.3g}"
    rounded = rounded.rstrip("0").rstrip(".") if "." in rounded else rounded
    return sign + rounded, Fraction(rounded) != size


def about(value: Fraction | float) -> str:
    """ "12", or "about 3.33" where it is rounded."""
    text, rounded = spoken_number(value)
    return f"about {text}" if rounded else text


def _in_powers(size: Fraction) -> str:
    """ "1.2 times 10 to the power of 15"; `float` would overflow where these numbers begin."""
    exponent = len(str(size.numerator)) - len(str(size.denominator))
    mantissa = float(size / Fraction(10) ** exponent)
    if mantissa < 1:
        mantissa, exponent = mantissa * 10, exponent - 1
    power = f"minus {-exponent}" if exponent < 0 else str(exponent)
    return f"{mantissa:.2f}".rstrip("0").rstrip(".") + f" times 10 to the power of {power}"


def spoken_time(at: time) -> str:
    """ "3:42 in the afternoon", "9 o'clock in the morning", "noon"."""
    if at.minute == 0 and at.hour in (0, 12):
        return "noon" if at.hour else "midnight"
    hour = (at.hour - 1) % 12 + 1
    clock = f"{hour}:{at.minute:02d}" if at.minute else f"{hour} o'clock"
    return f"{clock} {_part_of_day(at.hour)}"


def _part_of_day(hour: int) -> str:
    if hour < 5 or hour >= 22:
        return "at night"
    return "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening"


def spoken_date(day: date, today: date) -> str:
    """ "Tuesday, July 14", with the year where it is not this one."""
    text = f"{day:%A}, {day:%B} {day.day}"
    return text if day.year == today.year else f"{text}, {day.year}"


def spoken_difference(span: timedelta) -> str:
    """ "5 and a half hours", "1 hour", "5 hours and 45 minutes"; of the absolute value."""
    hours, minutes = divmod(round(abs(span).total_seconds()) // 60, 60)
    if minutes == 30 and hours:
        return f"{hours} and a half hours"
    parts = [f"{n} {name}{'s' * (n != 1)}" for n, name in ((hours, "hour"), (minutes, "minute")) if n]
    return " and ".join(parts) or "0 hours"


def spoken_day_of(moment: datetime, here: datetime) -> str:
    """ "tomorrow" or "yesterday" as seen from `here`; empty where it is the same day."""
    return {1: "tomorrow", -1: "yesterday"}.get((moment.date() - here.date()).days, "")


def spoken_span(seconds: float) -> str:
    """ "3 minutes and 12 seconds", "1 hour and 4 minutes", "2 days and 3 hours": the two largest parts."""
    parts = _parts_of(seconds)
    first = next((at for at, (count, _) in enumerate(parts) if count), len(parts) - 1)
    said = [spoken_count(count, name) for count, name in parts[first : first + 2] if count]
    return " and ".join(said) or "0 seconds"


def _parts_of(seconds: float) -> list[tuple[int, str]]:
    """How many days, hours, minutes and seconds, rounded to a whole second."""
    left, parts = round(seconds), []
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count, left = divmod(left, size)
        parts.append((count, name))
    return parts


def spoken_count(count: int, what: str) -> str:
    """ "1 call", "3 calls"."""
    return f"{count} {what}{'s' * (count != 1)}"


def times(count: int) -> str:
    """ "once", "twice", "3 times"."""
    return {1: "once", 2: "twice"}.get(count) or f"{count} times"


def listed(names: Sequence[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    return f"{', '.join(names[:-1])} {last} {names[-1]}" if len(names) > 1 else "".join(names)


def timer_name(label: str | None, seconds: float | None) -> str:
    """ "pasta timer", "10 minute timer", "1 hour 30 minute timer"."""
    span = " ".join(f"{count} {name}" for count, name in _parts_of(seconds or 0) if count)
    return f"{label or span} timer"


def spoken_moment(moment: datetime, now: datetime) -> str:
    """ "in 20 minutes", "at 9 o'clock in the evening", "tomorrow at noon", "on Friday at 3:30 in the afternoon"."""
    seconds = (moment - now).total_seconds()
    if 0 < seconds < 3600:
        return f"in {spoken_span(seconds if seconds < 60 else 60 * round(seconds / 60))}"
    return spoken_day_and_time(moment, now)


def spoken_day_and_time(moment: datetime, now: datetime) -> str:
    """ "at 9 o'clock in the evening", "yesterday at noon"."""
    here = moment.astimezone(now.tzinfo)
    return f"{_spoken_day(here.date(), now.date())}at {spoken_time(here.time())}"


def _spoken_day(day: date, today: date) -> str:
    """ "tomorrow ", "on Friday ", "on Friday, December 4 "; nothing for today."""
    away = (day - today).days
    if away == 0:
        return ""
    if away in (1, -1):
        return "tomorrow " if away == 1 else "yesterday "
    return f"on {day:%A} " if 1 < away < 7 else f"on {spoken_date(day, today)} "


_TO_YOU = {"i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself"}


def to_you(text: str) -> str:
    """What somebody said of themselves, as it is told to them: "call my mother" is "call your mother"."""
    words = text.split()
    turned = [
        "are" if word == "am" and before == "i" else _TO_YOU.get(word, word)
        for before, word in zip(["", *words], words, strict=False)
    ]
    return " ".join(turned)
