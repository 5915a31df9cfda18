"""Feasts by the names people say: those with a fixed date, and those that move."""

from collections.abc import Callable
from datetime import date, timedelta

FIXED = {
    "christmas": (12, 25),
    "christmas day": (12, 25),
    "christmas eve": (12, 24),
    "boxing day": (12, 26),
    "new year": (1, 1),
    "new years": (1, 1),
    "new year 's": (1, 1),
    "new years day": (1, 1),
    "new year 's day": (1, 1),
    "new years eve": (12, 31),
    "new year 's eve": (12, 31),
    "halloween": (10, 31),
    "valentines day": (2, 14),
    "valentine 's day": (2, 14),
    "independence day": (7, 4),
    "saint patricks day": (3, 17),
    "saint patrick 's day": (3, 17),
    "veterans day": (11, 11),
    "leap day": (2, 29),
}
"""Month and day."""


def easter(year: int) -> date:
    """Easter Sunday in the Gregorian calendar: the anonymous algorithm of 1876 (Meeus, Astronomical Algorithms, 8)."""
    golden = year % 19
    century, of_century = divmod(year, 100)
    leaps, rest = divmod(century, 4)
    moon = (19 * golden + century - leaps - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    sunday = (32 + 2 * rest + 2 * (of_century // 4) - moon - of_century % 4) % 7
    shift = (golden + 11 * moon + 22 * sunday) // 451
    month, day = divmod(moon + sunday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


def _from_easter(days: int) -> Callable[[int], date]:
    return lambda year: easter(year) + timedelta(days=days)


def _nth(n: int, weekday: int, month: int) -> Callable[[int], date]:
    """The nth of a weekday (Monday is 0) in a month."""

    def of(year: int) -> date:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))

    return of


def _memorial_day(year: int) -> date:
    """The last Monday in May."""
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())


MOVING: dict[str, Callable[[int], date]] = {
    "easter": easter,
    "easter sunday": easter,
    "easter monday": _from_easter(1),
    "good friday": _from_easter(-2),
    "ash wednesday": _from_easter(-46),
    "palm sunday": _from_easter(-7),
    "ascension day": _from_easter(39),
    "pentecost": _from_easter(49),
    "martin luther king day": _nth(3, 0, 1),
    "presidents day": _nth(3, 0, 2),
    "mothers day": _nth(2, 6, 5),
    "mother 's day": _nth(2, 6, 5),
    "memorial day": _memorial_day,
    "fathers day": _nth(3, 6, 6),
    "father 's day": _nth(3, 6, 6),
    "labor day": _nth(1, 0, 9),
    "columbus day": _nth(2, 0, 10),
    "thanksgiving": _nth(4, 3, 11),
    "thanksgiving day": _nth(4, 3, 11),
    "black friday": lambda year: _nth(4, 3, 11)(year) + timedelta(days=1),
}
"""By year; where countries differ, as in the United States, like the rest of what is said here."""
