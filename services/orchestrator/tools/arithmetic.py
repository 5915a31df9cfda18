"""Works out a tree of arithmetic: exactly with fractions where that is possible, within limits always."""

import math
from fractions import Fraction

from services.orchestrator.language.expressions import Apply, Binary, Node, Number, Pi
from services.orchestrator.tooling import Refused

MAX_BITS = 4096
"""1,233 digits: more than anyone wants read out, and reached within microseconds (9**9**9 is not tried)."""
MAX_FACTORIAL = 500

Result = Fraction | float
"""Exact, or a float where roots and logarithms leave no other way."""


def evaluate(tree: Node) -> Result:
    """The value of `tree`.

    Raises:
        Refused: division by zero, no real result, or too large a number.
    """
    try:
        return _value(tree)
    except OverflowError as error:  # A fraction too large for the float that a root or logarithm needs.
        raise _too_large() from error


def _value(tree: Node) -> Result:
    match tree:
        case Number(value):
            return _bounded(value)
        case Pi():
            return math.pi
        case Apply(function, operand):
            return _bounded(_apply(function, _value(operand)))
        case Binary(operator, left, right):
            return _bounded(_combine(operator, _value(left), _value(right)))


def _bounded(value: Result) -> Result:
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            raise _too_large()
    elif max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise _too_large()
    return value


def _too_large() -> Refused:
    return Refused("too_large", "That number is too large for me.")


def _no_real(what: str) -> Refused:
    return Refused("no_real_result", f"{what} is no real number.")


def _apply(function: str, value: Result) -> Result:
    match function:
        case "-":
            return -value
        case "abs":
            return value if value >= 0 else -value
        case "percent":
            return value / 100
        case "sqrt":
            return _power(value, Fraction(1, 2))
        case "cbrt":
            return _power(value, Fraction(1, 3))
        case "factorial":
            if isinstance(value, float) or value.denominator != 1 or value < 0:
                raise Refused("no_factorial", "Only whole numbers from zero up have a factorial.")
            if value > MAX_FACTORIAL:
                raise _too_large()
            return Fraction(math.factorial(int(value)))
    if value <= 0:
        raise _no_real("The logarithm of zero or less")
    return math.log10(value) if function == "log" else math.log(value)


def _combine(operator: str, left: Result, right: Result) -> Result:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "^":
            return _power(left, right)
    if right == 0:
        raise Refused("division_by_zero", "Nothing can be divided by zero.")
    match operator:
        case "mod":
            return left % right
        case "as percent of":
            return left / right * 100
    return left / right


def _power(base: Result, exponent: Result) -> Result:
    if base == 0 and exponent < 0:
        raise Refused(
            "division_by_zero", "Nothing can be divided by zero, and zero to a negative power would."
        )
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        if exponent.denominator == 1:
            bits = max(base.numerator.bit_length(), base.denominator.bit_length())
            # Asked before it is done: the doing is what would take for ever.
            if base in (0, 1, -1):
                return Fraction(1) if exponent == 0 or (base and exponent % 2 == 0) else base
            if abs(exponent) * max(bits - 1, 1) > MAX_BITS:
                raise _too_large()
            return Fraction(base ** int(exponent))
        if (root := _exact_root(base, exponent.denominator)) is not None:
            return _power(root, Fraction(exponent.numerator))
    if base < 0:
        raise _no_real("That root of a negative number")
    return math.pow(base, exponent)


def _exact_root(base: Fraction, degree: int) -> Fraction | None:
    """The root where it is a fraction (of 9/4 it is 3/2; of -27 the cube root is -3), else None."""
    if degree > 64 or (base < 0 and degree % 2 == 0):
        return None
    numerator, denominator = (
        _integer_root(abs(base.numerator), degree),
        _integer_root(base.denominator, degree),
    )
    if numerator is None or denominator is None:
        return None
    return Fraction(-numerator if base < 0 else numerator, denominator)


def _integer_root(value: int, degree: int) -> int | None:
    """By bisection: floats lose the last digits of large squares."""
    low, high = 0, 1 << (value.bit_length() // degree + 1)
    while low < high:
        middle = (low + high + 1) // 2
        if middle**degree <= value:
            low = middle
        else:
            high = middle - 1
    return low if low**degree == value else None
