"""Calculation and conversion, to the ear and exactly."""

import pytest

from services.orchestrator.tooling import Refused
from services.orchestrator.tools.calculator import calculate, convert_currency, convert_mixed, convert_units


@pytest.mark.parametrize(
    ("expression", "sentence", "exact"),
    [
        ("15% * 80", "15 percent of 80 is 12.", "12"),
        ("2 + 2", "2 plus 2 is 4.", "4"),
        ("0.1 + 0.2", "0.1 plus 0.2 is 0.3.", "0.3"),
        ("10 / 3", "10 divided by 3 is about 3.33.", "10/3"),
        ("(1 / 3) * 99", "That's 33.", "33"),
        ("3 - 5", "3 minus 5 is minus 2.", "-2"),
        ("sqrt(144)", "The square root of 144 is 12.", "12"),
        ("sqrt(888)", "The square root of 888 is about 29.8.", None),
        ("sqrt(9 / 4)", "That's 1.5.", "1.5"),
        ("cbrt(-27)", "That's minus 3.", "-3"),
        ("2 ^ 10", "2 to the power of 10 is 1024.", "1024"),
        ("4 ^ -1", "That's 0.25.", "0.25"),
        ("9 ^ 2", "9 squared is 81.", "81"),
        ("-2 ^ 2", "That's minus 4.", "-4"),
        ("17 mod 5", "17 modulo 5 is 2.", "2"),
        ("7 factorial", "That's 5040.", "5040"),
        ("12 as percent of 80", "That's 15 percent.", "15"),
        ("2 ^ 100", "2 to the power of 100 is about 1.27 times 10 to the power of 30.", str(2**100)),
        ("1 / 3000000", "1 divided by 3000000 is about 3.33 times 10 to the power of minus 7.", "1/3000000"),
        ("pi * 2", "That's about 6.28.", None),
        ("0 ^ 0", "0 to the power of 0 is 1.", "1"),
        ("log(1000)", "That's 3.", None),
    ],
)
async def test_arithmetic_is_exact_and_rounded_for_the_ear(
    expression: str, sentence: str, exact: str | None
) -> None:
    answer = await calculate(expression)
    assert (answer.text, answer.data["exact"]) == (sentence, exact)


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("1 / 0", "division_by_zero"),
        ("1 mod 0", "division_by_zero"),
        ("0 ^ -1", "division_by_zero"),
        ("5 as percent of 0", "division_by_zero"),
        ("9 ^ 9 ^ 9", "too_large"),
        ("9 ^ (9 ^ 9)", "too_large"),
        ("(2 ^ 4000) * (2 ^ 4000)", "too_large"),
        ("sqrt(2 ^ 4001 + 1)", "too_large"),
        ("2 ^ 0.5 ^ -12", "too_large"),
        ("1000000 factorial", "too_large"),
        ("1.5 factorial", "no_factorial"),
        ("sqrt(-4)", "no_real_result"),
        ("log(0)", "no_real_result"),
        ("__import__('os')", "not_arithmetic"),
        ("five", "not_arithmetic"),
    ],
)
async def test_what_cannot_be_worked_out_is_refused_plainly(expression: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        await calculate(expression)
    assert refused.value.code == code
    assert refused.value.text.endswith(".")


LITERS = "liters per hundred kilometers"


@pytest.mark.parametrize(
    ("value", "source", "target", "sentence", "exact"),
    [
        (72, "degF", "degC", "72 degrees Fahrenheit is about 22.22 degrees Celsius.", "200/9"),
        (-40, "degC", "degF", "minus 40 degrees Celsius is minus 40 degrees Fahrenheit.", "-40"),
        (10, "kilometer", "mile", "10 kilometers are about 6.21 miles.", None),
        (1, "pound", "ounce", "1 pound is 16 ounces.", "16"),
        (1, "cup", "ounce", "1 cup is 8 fluid ounces.", "8"),
        (2, "foot", "inch", "2 feet are 24 inches.", "24"),
        (3, "foot", "yard", "3 feet are 1 yard.", "1"),
        (20, "degree", "degC", "20 degrees Fahrenheit is about minus 6.67 degrees Celsius.", "-20/3"),
        (1, "decayear", "year", "1 decade is 10 years.", "10"),
        (0.5, "gallons", "quart", "0.5 gallons are 2 quarts.", "2"),
    ],
)
async def test_units_are_converted(
    value: float, source: str, target: str, sentence: str, exact: str | None
) -> None:
    answer = await convert_units(source, target, value)
    assert answer.text == sentence
    assert exact is None or answer.data["exact"] == exact


@pytest.mark.parametrize(
    ("source", "target", "code"),
    [
        ("cup", "pound", "incompatible_units"),
        ("meter", "second", "incompatible_units"),
        ("flurb", "meter", "unknown_unit"),
    ],
)
async def test_what_cannot_be_converted_is_refused_plainly(source: str, target: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        await convert_units(source, target)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("value", "source", "target", "sentence"),
    [
        (
            30,
            "mpg",
            "liters per hundred kilometers",
            "30 miles per gallon are about 7.84 {}.",
        ),
        (
            8,
            "liters per hundred kilometers",
            "mpg",
            "8 {} are about 29.4 miles per gallon.",
        ),
        (10, "kilometers per liter", "mpg", "10 kilometers per liter are about 23.52 miles per gallon."),
        (11, "stone", "kilograms", "11 stone are about 69.85 kilograms."),
    ],
)
async def test_fuel_by_distance_is_the_inverse_of_distance_by_fuel(
    value: float, source: str, target: str, sentence: str
) -> None:
    assert (await convert_units(source, target, value)).text == sentence.format(LITERS)


async def test_nothing_goes_far_on_no_fuel() -> None:
    with pytest.raises(Refused, match="can't be converted"):
        await convert_units("mpg", "liters per hundred kilometers", 0)


@pytest.mark.parametrize(
    ("quantity", "target", "sentence"),
    [
        ("5 foot 11 inch", "centimeters", "5 feet and 11 inches are 180.34 centimeters."),
        ("10 stone 7 pound", "kilograms", "10 stone and 7 pounds are about 66.68 kilograms."),
        ("1 mile 0.5 mile", "feet", "1 mile and 0.5 miles are 7920 feet."),
    ],
)
async def test_two_units_are_added_into_a_third(quantity: str, target: str, sentence: str) -> None:
    assert (await convert_mixed(quantity, target)).text == sentence


async def test_a_mixed_quantity_of_another_kind_is_refused() -> None:
    with pytest.raises(Refused, match="can't be converted into kilograms"):
        await convert_mixed("5 foot 11 inch", "kilograms")
    with pytest.raises(Refused, match="can't read"):
        await convert_mixed("5 foot", "meters")


async def test_money_is_plainly_not_converted() -> None:
    answer = await convert_currency()
    assert answer.text == "I can't convert money: I have no exchange rates."
