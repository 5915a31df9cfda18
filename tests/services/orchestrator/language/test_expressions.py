"""Arithmetic in words and symbols."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orchestrator.language.expressions import (
    Apply,
    Binary,
    Node,
    Number,
    Pi,
    decimal,
    parse_expression,
    render,
)
from services.orchestrator.language.words import tokenise

leaves = st.one_of(st.decimals(0, 10**9, places=3).map(lambda d: Number(Fraction(d))), st.just(Pi()))
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Apply, st.sampled_from(["-", "sqrt", "cbrt", "abs", "log", "ln", "factorial"]), inner),
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "^", "mod"]), inner, inner),
    ),
    max_leaves=8,
)


@given(st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "^", "mod"]), trees, trees))
def test_what_is_rendered_is_read_back_as_the_same_tree(tree: Node) -> None:
    assert parse_expression(tokenise(render(tree))) == tree


@pytest.mark.parametrize(
    ("said", "symbols"),
    [
        ("three plus four times five", "3 + 4 * 5"),
        ("3 * (4+5)", "3 * (4 + 5)"),
        ("open parenthesis three plus four close parenthesis times two", "(3 + 4) * 2"),
        ("fifteen percent of eighty", "15% * 80"),
        ("eighty plus fifteen percent", "80 + 80 * 15%"),
        ("twenty percent off fifty", "50 - 20% * 50"),
        ("the square root of nine plus sixteen", "sqrt(9) + 16"),
        ("two to the power of minus three", "2 ^ -3"),
        ("two to the third power", "2 ^ 3"),
        ("the fourth root of sixteen", "16 ^ (1 / 4)"),
        ("minus two squared", "-2 ^ 2"),
        ("subtract five from thirty six", "36 - 5"),
        ("divide the sum of three and five by two", "(3 + 5) / 2"),
        ("the sum of one hundred and five", "100 + 5"),
        ("three times the sum of four and five", "3 * (4 + 5)"),
        ("the average of ten twenty and thirty", "(10 + 20 + 30) / 3"),
        ("the difference between five and eight", "abs(5 - 8)"),
        ("what percent of eighty is twelve", "12 as percent of 80"),
        ("half of ninety", "0.5 * 90"),
        ("one third of nine", "(1 / 3) * 9"),
        ("twice seven", "2 * 7"),
        ("5 x 3", "5 * 3"),
        ("seven factorial", "7 factorial"),
    ],
)
def test_speech_becomes_symbols(said: str, symbols: str) -> None:
    tree = parse_expression(tokenise(said))
    assert tree is not None
    assert render(tree) == symbols


@pytest.mark.parametrize(
    "said",
    [
        "",
        "twenty three",
        "minus four",
        "fifteen percent",
        "two plus",
        "( 1 + 2",
        "plus",
        "two cats",
        "5 5",
        "divide 3",
    ],
)
def test_what_asks_for_no_arithmetic_is_refused(said: str) -> None:
    assert parse_expression(tokenise(said)) is None


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    assert parse_expression(tokenise("(" * 40 + "1 + 1" + ")" * 40)) is None
    assert parse_expression(("-",) * 60 + ("1", "+", "1")) is None
    assert parse_expression(("1", "+") * 10_000 + ("1",)) is None


@pytest.mark.parametrize(
    ("value", "text"), [("1/8", "0.125"), ("-5/2", "-2.5"), ("7", "7"), ("1/3", ""), ("1/20", "0.05")]
)
def test_decimals_are_exact_or_absent(value: str, text: str) -> None:
    assert decimal(Fraction(value)) == text
