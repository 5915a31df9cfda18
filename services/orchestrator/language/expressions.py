"""Arithmetic in words and symbols, by a parser of our own into a small tree; nothing is evaluated here.

`render` writes a tree as symbols which `parse_expression` reads back to the same tree, so that the text can
travel as a tool's argument and be shown to a person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from services.orchestrator.language.numbers import read_number, read_ordinal
from services.orchestrator.language.words import Tokens

Operator = Literal["+", "-", "*", "/", "^", "mod", "as percent of"]
Function = Literal["-", "sqrt", "cbrt", "abs", "log", "ln", "percent", "factorial"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was said."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Pi:
    """The circle's constant."""


@dataclass(frozen=True, slots=True)
class Apply:
    """One operand, one function; `percent` is a hundredth of its operand."""

    function: Function
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands."""

    operator: Operator
    left: "Node"
    right: "Node"


Node = Number | Pi | Apply | Binary

_LISTS = frozenset({"add", "sum", "total", "product", "average", "mean"})

MAX_TOKENS = 100
MAX_DEPTH = 25
"""Of brackets and functions inside each other: the parser recurses, and Python's stack is finite."""

_WORDS: dict[tuple[str, ...], str] = {
    tuple(words.split()): symbol
    for symbol, phrases in {
        "+": "plus; +; increased by; added to; more than",
        "-": "minus; -; take away; decreased by; less",
        "*": "times; *; multiplied by; x; × ; ·; multiply by",
        "/": "divided by; /; over; ÷; divide by",
        "^": "to the power of; to the power; raised to the power of; raised to; ^; **",
        "mod": "mod; modulo; modulus",
        "of": "of; tip on; tip for",
        "off": "off of; off",
        "as percent of": "as percent of; is what percent of; is what percentage of; as a percent of; "
        "as a percentage of",
        "what percent": "what percent of; what percentage of; what is the percentage of",
        "is": "is",
        "percent": "percent; per cent; %",
        "squared": "squared",
        "cubed": "cubed",
        "factorial": "factorial",
        "sqrt": "square root of; square root; root of; root; sqrt of; sqrt; √",
        "cbrt": "cube root of; cube root; cubic root of; cbrt",
        "square": "square of",
        "cube": "cube of",
        "abs": "absolute value of; abs",
        "log": "log of; logarithm of; log",
        "ln": "natural log of; natural logarithm of; ln of; ln",
        "twice": "twice; double",
        "triple": "triple",
        "sum": "sum of; total of; add up; add together; add",
        "product": "product of",
        "difference": "difference between; difference of",
        "average": "average of; mean of",
        "subtract": "subtract; take",
        "multiply": "multiply",
        "divide": "divide",
        "by": "by",
        "from": "away from; from",
        "to": "to; with",
        "and": "and",
        "(": "(; open parenthesis; open bracket; left parenthesis; open paren",
        ")": "); close parenthesis; close bracket; right parenthesis; close paren",
        "pi": "pi",
        "": "the; together; =; equals; dollars; dollar",
    }.items()
    for words in phrases.split(";")
}
_LONGEST = max(map(len, _WORDS))

Lexeme = str | Fraction


class _Stuck(Exception):
    """What comes next fits no rule."""


def parse_expression(tokens: Tokens) -> Node | None:
    """Read all of `tokens` as arithmetic.

    Returns:
        The tree, or None where it is none, where something is left over, or where there is nothing to do
        (a bare number is no wish).
    """
    if not tokens or len(tokens) > MAX_TOKENS:
        return None
    # "the sum of one hundred and five" has two numbers; "the average of ten twenty and thirty" has three.
    lists = not _LISTS.isdisjoint(tokens)
    for and_joins in (True, False):
        lexemes = _lex(tokens, and_joins, pairs=not lists)
        if lexemes is None:
            return None
        try:
            tree = _Parser(lexemes).all()
        except _Stuck:
            continue
        if _does_something(tree):
            return tree
    return None


def _does_something(tree: Node) -> bool:
    match tree:
        case Binary():
            return True
        case Apply("-" | "percent", operand):
            return _does_something(operand)
        case Apply():
            return True
    return False


def _lex(tokens: Tokens, and_joins: bool, pairs: bool) -> list[Lexeme] | None:
    lexemes: list[Lexeme] = []
    at = 0
    while at < len(tokens):
        step = (
            _lex_root_or_power(tokens, at)
            or _lex_words(tokens, at)
            or _lex_number(tokens, at, and_joins, pairs)
        )
        if step is None:
            return None
        found, at = step
        lexemes += found
    return lexemes


def _lex_words(tokens: Tokens, at: int) -> tuple[list[Lexeme], int] | None:
    for size in range(min(_LONGEST, len(tokens) - at), 0, -1):
        symbol = _WORDS.get(tokens[at : at + size])
        if symbol is not None:
            return [symbol] if symbol else [], at + size
    return None


def _lex_root_or_power(tokens: Tokens, at: int) -> tuple[list[Lexeme], int] | None:
    """ "to the third [power]", "the fourth root of"."""
    if tokens[at : at + 2] == ("to", "the") and (ordinal := read_ordinal(tokens, at + 2)):
        end = ordinal[1] + (tokens[ordinal[1] : ordinal[1] + 1] == ("power",))
        return ["^", Fraction(ordinal[0])], end
    if (ordinal := read_ordinal(tokens, at)) and tokens[ordinal[1] : ordinal[1] + 2] == ("root", "of"):
        return ["nth root", Fraction(ordinal[0])], ordinal[1] + 2
    return None


def _lex_number(tokens: Tokens, at: int, and_joins: bool, pairs: bool) -> tuple[list[Lexeme], int] | None:
    if tokens[at] == "negative":
        return ["-"], at + 1
    if tokens[at] in ("a", "an") and read_number(tokens, at) is None:
        return [], at + 1
    found = read_number(tokens, at, and_joins=and_joins, pairs=pairs)
    return ([found[0]], found[1]) if found else None


class _Parser:
    """Recursive descent; each method reads one level of precedence and leaves `at` behind it."""

    def __init__(self, lexemes: list[Lexeme]) -> None:
        self.lexemes = lexemes
        self.at = 0
        self.depth = 0

    def all(self) -> Node:
        if self.take("what percent"):
            whole = self.sum()
            self.need("is")
            tree: Node = Binary("as percent of", self.sum(), whole)
        else:
            tree = self.sum(and_adds=True)
            if self.take("as percent of"):
                tree = Binary("as percent of", tree, self.sum())
        if self.at != len(self.lexemes):
            raise _Stuck
        return tree

    def peek(self) -> Lexeme | None:
        return self.lexemes[self.at] if self.at < len(self.lexemes) else None

    def take(self, *symbols: str) -> str | None:
        head = self.peek()
        if isinstance(head, str) and head in symbols:
            self.at += 1
            return head
        return None

    def need(self, *symbols: str) -> str:
        taken = self.take(*symbols)
        if taken is None:
            raise _Stuck
        return taken

    def sum(self, *, and_adds: bool = False) -> Node:
        left = self.product()
        while symbol := self.take("+", "-", *(("and",) if and_adds else ())):
            right = self.product()
            left = _added("-" if symbol == "-" else "+", left, right)
        return left

    def product(self) -> Node:
        left = self.portion()
        while symbol := self.take("*", "/", "mod"):
            right = self.portion()
            left = Binary("*" if symbol == "*" else "/" if symbol == "/" else "mod", left, right)
        return left

    def portion(self) -> Node:
        """ "fifteen percent of eighty", "half of nine", "twenty percent off fifty"."""
        left = self.signed()
        while symbol := self.take("of", "off"):
            whole = self.signed()
            part: Node = Binary("*", left, whole)
            left = part if symbol == "of" else Binary("-", whole, part)
        return left

    def signed(self) -> Node:
        if self.take("-"):
            return Apply("-", self.nested(self.signed))
        return self.power()

    def power(self) -> Node:
        base = self.finished()
        if self.take("^"):
            return Binary("^", base, self.nested(self.signed))
        return base

    def finished(self) -> Node:
        tree = self.atom()
        while symbol := self.take("squared", "cubed", "percent", "factorial"):
            match symbol:
                case "squared":
                    tree = Binary("^", tree, Number(Fraction(2)))
                case "cubed":
                    tree = Binary("^", tree, Number(Fraction(3)))
                case "percent":
                    tree = Apply("percent", tree)
                case "factorial":
                    tree = Apply("factorial", tree)
        return tree

    def atom(self) -> Node:
        head = self.peek()
        self.at += 1
        match head:
            case Fraction():
                return Number(head)
            case "pi":
                return Pi()
            case "(":
                tree = self.nested(self.sum)
                self.need(")")
                return tree
            case "sqrt" | "cbrt" | "abs" | "log" | "ln" as function:
                return Apply(function, self.operand())
            case "factorial":
                self.need("of")
                return Apply("factorial", self.operand())
            case "nth root":
                inverse = Binary("/", Number(Fraction(1)), self.atom())
                return Binary("^", self.operand(), inverse)
            case "square" | "cube":
                exponent = Number(Fraction(2 if head == "square" else 3))
                return Binary("^", self.operand(), exponent)
            case "twice" | "triple":
                factor = Number(Fraction(2 if head == "twice" else 3))
                return Binary("*", factor, self.operand())
            case "sum" | "product" | "average" | "difference":
                return self.nested(lambda: self.of_many(head))
            case "subtract" | "multiply" | "divide":
                return self.nested(lambda: self.ordered(head))
        raise _Stuck

    def operand(self) -> Node:
        """What a function takes: the nearest thing, so that "the root of 9 plus 16" is 19."""
        if self.take("-"):
            return Apply("-", self.nested(self.operand))
        return self.nested(self.atom)

    def of_many(self, head: str) -> Node:
        """ "the sum of 3, 7, 9 and 24": commas are gone, so numbers may stand side by side."""
        items = [self.signed()]
        while self.take("and", "+", "to") or isinstance(self.peek(), Fraction):
            self.take("and")
            items.append(self.portion())
        if len(items) < 2 or (head == "difference" and len(items) > 2):
            raise _Stuck
        tree = items[0]
        for item in items[1:]:
            match head:
                case "product":
                    tree = Binary("*", tree, item)
                case "difference":
                    tree = Apply("abs", _added("-", tree, item))
                case _:
                    tree = _added("+", tree, item)
        return Binary("/", tree, Number(Fraction(len(items)))) if head == "average" else tree

    def ordered(self, head: str) -> Node:
        """ "multiply 45 by 23", "divide 100 by 20", "subtract 5 from 36"."""
        first = self.sum()
        match head:
            case "subtract":
                self.need("from")
                return Binary("-", self.sum(), first)
            case "multiply":
                self.need("by", "and", "to")
                return Binary("*", first, self.sum())
        self.need("by")
        return Binary("/", first, self.sum())

    def nested(self, read: Callable[[], Node]) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _Stuck
        tree = read()
        self.depth -= 1
        return tree


def _added(operator: Literal["+", "-"], left: Node, right: Node) -> Node:
    """On every pocket calculator 80 + 15 % is 92."""
    if isinstance(right, Apply) and right.function == "percent":
        right = Binary("*", left, right)
    return Binary(operator, left, right)


_TIGHTNESS: dict[str, int] = {"as percent of": 0, "+": 1, "-": 1, "*": 2, "/": 2, "mod": 2, "^": 4}


def render(tree: Node) -> str:
    """Write `tree` in symbols, with the brackets it needs; a half as 0.5, a third as (1 / 3)."""
    return _render(tree)[0]


def _render(tree: Node) -> tuple[str, int]:
    """The text, and how tightly it holds together (5: by itself)."""
    match tree:
        case Number(value):
            text = decimal(value)
            return (
                (text, 3 if value < 0 else 5) if text else (f"({value.numerator} / {value.denominator})", 5)
            )
        case Pi():
            return "pi", 5
        case Apply("-", operand):
            return f"-{_wrapped(operand, 3)}", 3
        case Apply("percent", operand):
            return f"{_wrapped(operand, 5)}%", 5
        case Apply("factorial", operand):
            return f"{_wrapped(operand, 5)} factorial", 5
        case Apply(function, operand):
            return f"{function}({render(operand)})", 5
        case Binary(operator, left, right):
            level = _TIGHTNESS[operator]
            # Powers lean right, everything else left.
            left_text = _wrapped(left, level + (operator == "^"))
            right_text = _wrapped(right, 3 if operator == "^" else level + 1)
            return f"{left_text} {operator} {right_text}", level


def _wrapped(tree: Node, level: int) -> str:
    text, tightness = _render(tree)
    return text if tightness >= level else f"({text})"


def decimal(value: Fraction) -> str:
    """The exact decimal digits of `value`, or an empty string where they never end."""
    denominator = value.denominator
    places = 0
    while denominator % 10 == 0 or denominator % 5 == 0 or denominator % 2 == 0:
        factor = 10 if denominator % 10 == 0 else 5 if denominator % 5 == 0 else 2
        denominator //= factor
        places += 1
    if denominator != 1:
        return ""
    digits = f"{abs(value.numerator) * 10**places // value.denominator:0{places + 1}d}"
    sign = "-" if value < 0 else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)
