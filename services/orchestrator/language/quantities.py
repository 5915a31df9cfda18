"""Quantities in two units, as people say them: "five foot eleven", "ten stone seven", "a mile and a half"."""

from fractions import Fraction

from services.orchestrator.language.numbers import read_number
from services.orchestrator.language.units import NAMES, Unit, read_unit
from services.orchestrator.language.words import Tokens

Part = tuple[Fraction, Unit]

_NEXT = {
    "foot": ("inch",),
    "stone": ("pound",),
    "pound": ("ounce",),
    "yard": ("foot",),
    "meter": ("centimeter",),
}
"""What a bare number behind a unit counts: "five foot eleven" has inches."""
_LONGEST_UNIT = 3
_PARTS = {"half": Fraction(1, 2), "quarter": Fraction(1, 4)}


def read_quantity(tokens: Tokens) -> tuple[Part, Part] | None:
    """Two amounts of one kind, the larger unit first, that are all of `tokens`; or None.

    One amount is no mixed quantity: "five feet" is a number and a unit.
    """
    first = _amount(tokens)
    if first is None:
        return None
    value, unit, end = first
    rest = tokens[end + 1 :] if tokens[end : end + 1] == ("and",) else tokens[end:]
    if len(rest) == 2 and rest[0] == "a" and rest[1] in _PARTS:
        return (value, unit), (_PARTS[rest[1]], unit)
    second = _amount(rest)
    if second and second[2] == len(rest) and second[1].kind == unit.kind:
        return (value, unit), (second[0], second[1])
    bare = read_number(rest)
    if bare and bare[1] == len(rest) and unit.name in _NEXT and tokens[end : end + 1] != ("and",):
        return (value, unit), (bare[0], NAMES[_NEXT[unit.name]])
    return None


def _amount(tokens: Tokens) -> tuple[Fraction, Unit, int] | None:
    """A number and its unit at the beginning, and the index behind them."""
    if tokens[:1] in (("a",), ("an",)):
        value, at = Fraction(1), 1
    elif found := read_number(tokens, and_joins=False):
        value, at = found
    else:
        return None
    for size in range(_LONGEST_UNIT, 0, -1):
        if len(tokens) >= at + size and (unit := read_unit(tokens[at : at + size])):
            return value, unit, at + size
    return None
