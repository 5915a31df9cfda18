"""Quantities in two units."""

import pytest

from services.orchestrator.language.quantities import read_quantity
from services.orchestrator.language.words import tokenise


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("five foot eleven", [(5, "foot"), (11, "inch")]),
        ("six feet two inches", [(6, "foot"), (2, "inch")]),
        ("6 ft 2 in", None),
        ("ten stone seven", [(10, "stone"), (7, "pound")]),
        ("eight pounds and three ounces", [(8, "pound"), (3, "ounce")]),
        ("a mile and a half", [(1, "mile"), (0.5, "mile")]),
        ("two hours and fifteen minutes", [(2, "hour"), (15, "minute")]),
        ("1 mile 0.5 mile", [(1, "mile"), (0.5, "mile")]),
        ("five feet", None),
        ("five feet three pounds", None),
        ("five kilograms eleven", None),
        ("five foot and eleven", None),
        ("eleven", None),
        ("", None),
    ],
)
def test_two_amounts_of_one_kind_are_a_quantity(said: str, parts: list[tuple[float, str]] | None) -> None:
    found = read_quantity(tokenise(said))
    assert (found and [(float(value), unit.name) for value, unit in found]) == parts
