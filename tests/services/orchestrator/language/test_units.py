"""Units by the names people say."""

import pint
import pytest

from services.orchestrator.language.units import NAMES, OWN_UNITS, read_unit, settle
from services.orchestrator.language.words import tokenise


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("kilometers", "kilometer"),
        ("km", "kilometer"),
        ("miles per hour", "mile/hour"),
        ("degrees fahrenheit", "degF"),
        ("°C", "degC"),
        ("square feet", "foot**2"),
        ("fluid ounces", "fluid_ounce"),
        ("feet", "foot"),
        ("calories", "kilocalorie"),
        ("km/h", "kilometer/hour"),
    ],
)
def test_a_unit_is_read(said: str, name: str) -> None:
    unit = read_unit(tokenise(said))
    assert unit is not None
    assert unit.name == name


def test_every_unit_is_one_that_pint_can_convert_within_its_kind() -> None:
    registry: pint.UnitRegistry[float] = pint.UnitRegistry()
    for definition in OWN_UNITS:
        registry.define(definition)
    first = {unit.kind: unit for unit in reversed(NAMES.values())}
    for unit in set(NAMES.values()):
        quantity = registry.Quantity(1, unit.name)
        # Fuel by distance is the inverse of distance by fuel.
        either = (quantity, 1 / quantity) if unit.kind == "fuel use" else (quantity,)
        assert any(each.is_compatible_with(first[unit.kind].name) for each in either), unit.name


def test_an_ounce_beside_a_cup_is_a_fluid_one_and_degrees_beside_celsius_are_fahrenheit() -> None:
    assert settle(NAMES[("ounce",)], NAMES[("cup",)]).name == "fluid_ounce"
    assert settle(NAMES[("ounce",)], NAMES[("pound",)]).name == "ounce"
    assert settle(NAMES[("degrees",)], NAMES[("celsius",)]).name == "degF"
