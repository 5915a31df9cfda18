"""Calculation, and conversion between units of measure."""

from fractions import Fraction
from functools import cache
from typing import Any

from services.orchestrator.language.expressions import (
    Apply,
    Binary,
    Node,
    Number,
    Pi,
    decimal,
    parse_expression,
)
from services.orchestrator.language.quantities import read_quantity
from services.orchestrator.language.units import OWN_UNITS, Unit, settle, unit_named
from services.orchestrator.language.words import tokenise
from services.orchestrator.tooling import Answer, Refused
from services.orchestrator.tools.arithmetic import Result, evaluate
from services.orchestrator.tools.ear import about, spoken_number


async def calculate(expression: str) -> Answer:
    """Work out `expression`, in symbols or words."""
    tree = parse_expression(tokenise(expression))
    if tree is None:
        raise Refused("not_arithmetic", "I can't read that as arithmetic.")
    value = evaluate(tree)
    text = about(value) + (
        " percent" if isinstance(tree, Binary) and tree.operator == "as percent of" else ""
    )
    said = _said(tree)
    sentence = f"{said} is {text}." if said else f"That's {text}."
    return Answer(sentence, {"expression": expression, "value": _number(value), "exact": _exact(value)})


def _number(value: Result) -> int | float | None:
    """For JSON: whole where it is whole, None where a double can't hold it (then `exact` does)."""
    if isinstance(value, Fraction) and value.denominator == 1 and abs(value) < 2**53:
        return int(value)
    try:
        return float(value)
    except OverflowError:
        return None


def _exact(value: Result) -> str | None:
    """All digits, or a fraction; None where the result was rounded on the way."""
    return (decimal(value) or str(value)) if isinstance(value, Fraction) else None


_BETWEEN = {"+": "plus", "-": "minus", "*": "times", "/": "divided by", "mod": "modulo"}


def _said(tree: Node) -> str:
    """A single operation repeated, so that a misheard number is noticed; longer ones would be hard to follow."""
    match tree:
        case Binary("*", Apply("percent", Number(share)), Number(whole)):
            return f"{spoken_number(share)[0]} percent of {spoken_number(whole)[0]}"
        case Binary("^", Number(base), Number(exponent)) if exponent in (2, 3):
            return f"{spoken_number(base)[0]} {'squared' if exponent == 2 else 'cubed'}"
        case Binary("^", Number(base), Number(exponent)):
            return f"{spoken_number(base)[0]} to the power of {spoken_number(exponent)[0]}"
        case Binary(operator, Number(left), Number(right)) if operator in _BETWEEN:
            return f"{spoken_number(left)[0]} {_BETWEEN[operator]} {spoken_number(right)[0]}"
        case Apply("sqrt" | "cbrt" as root, Number(value)):
            return f"The {'square' if root == 'sqrt' else 'cube'} root of {spoken_number(value)[0]}"
        case Apply("sqrt", Pi()):
            return "The square root of pi"
    return ""


@cache
def _registry() -> Any:
    """pint's units, with fractions: a conversion there and back gives the same number."""
    import pint  # Brings numpy along, and takes 0.4 s: it is loaded with its tables.

    registry: Any = pint.UnitRegistry(non_int_type=Fraction)
    for definition in OWN_UNITS:
        registry.define(definition)
    return registry


def warm_up() -> None:
    """Read pint's tables now (0.5 s) and not in the first question."""
    _registry()


async def convert_units(from_unit: str, to_unit: str, value: float = 1) -> Answer:
    """Convert `value` of one unit into another."""
    source, target = unit_named(from_unit), unit_named(to_unit)
    if source is None or target is None:
        raise Refused("unknown_unit", f"I don't know the unit {to_unit if source else from_unit}.")
    source, target = settle(source, target), settle(target, source)
    if source.kind != target.kind:
        raise Refused(
            "incompatible_units",
            f"{_capital(source.many)} measure {source.kind} and {target.many} measure {target.kind}, "
            "so one can't be converted into the other.",
        )
    amount = Fraction(str(value))
    result = _converted(amount, source, target)
    text, rounded = spoken_number(result)
    verb = "is" if amount == 1 or source.kind == "temperature" else "are"
    return Answer(
        f"{_amount(amount, source)} {verb} {'about ' if rounded else ''}{text} {target.spoken(float(result))}.",
        {
            "value": float(amount),
            "from": source.name,
            "result": float(result),
            "to": target.name,
            "exact": str(result),
        },
    )


def _converted(amount: Fraction, source: Unit, target: Unit) -> Fraction:
    """Distance by fuel and fuel by distance are one kind to the ear, and each other's inverse."""
    quantity = _registry().Quantity(amount, source.name)
    if quantity.dimensionality != _registry().Quantity(1, target.name).dimensionality:
        if not amount:
            raise Refused("division_by_zero", f"0 {source.many} can't be converted into {target.many}.")
        quantity = 1 / quantity
    return Fraction(quantity.to(target.name).magnitude)


async def convert_mixed(quantity: str, to_unit: str) -> Answer:
    """Convert a quantity in two units, such as five feet and eleven inches, into a third."""
    parts, target = read_quantity(tokenise(quantity)), unit_named(to_unit)
    if parts is None or target is None:
        raise Refused("bad_quantity", "I can't read that as a quantity.")
    target = settle(target, parts[0][1])
    if any(unit.kind != target.kind for _, unit in parts):
        raise Refused("incompatible_units", f"That can't be converted into {target.many}.")
    result = sum((_converted(value, unit, target) for value, unit in parts), Fraction())
    text, rounded = spoken_number(result)
    said = " and ".join(_amount(value, unit) for value, unit in parts)
    return Answer(
        f"{said} are {'about ' if rounded else ''}{text} {target.spoken(float(result))}.",
        {"quantity": quantity, "result": float(result), "to": target.name, "exact": str(result)},
    )


async def convert_currency(value: float | None = None) -> Answer:
    """Say that there are no rates here: they change by the minute, and none is invented."""
    return Answer("I can't convert money: I have no exchange rates.", {"rates": None})


def _amount(amount: Fraction, unit: Unit) -> str:
    return f"{spoken_number(amount)[0]} {unit.spoken(float(amount))}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
