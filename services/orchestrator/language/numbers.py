"""Numbers as people say and type them, exactly: "twenty three point five", "two and three quarters", "1,000"."""

import re
from fractions import Fraction

from services.orchestrator.language.words import Tokens

Read = tuple[Fraction, int]
"""A number and the index of the token after it."""

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()
)
SMALL = {word: value for value, word in enumerate(_UNITS)}
SMALL |= {"sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19}
TENS = {
    word: 10 * value
    for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)
}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_DIGITS = {word: value for word, value in SMALL.items() if value < 10} | {"oh": 0, "o": 0, "nought": 0}

_ORDINAL_UNITS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
ORDINALS = {word: value for value, word in enumerate(_ORDINAL_UNITS, start=1)}
ORDINALS |= {f"{word}th": SMALL[word] for word in ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen")}
ORDINALS |= {"eighteenth": 18, "nineteenth": 19}
ORDINALS |= {f"{word[:-1]}ieth": value for word, value in TENS.items()}

_PARTS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4}
_PARTS |= {word: value for word, value in ORDINALS.items() if value > 2}
_PARTS |= {f"{word}s": value for word, value in ORDINALS.items() if value > 2}
_PARTS |= {"hundredth": 100, "hundredths": 100, "thousandth": 1000, "thousandths": 1000}

_TYPED = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:e[+-]?\d{1,2})?")


def read_number(tokens: Tokens, start: int = 0, *, and_joins: bool = True, pairs: bool = True) -> Read | None:
    """Read the longest number that begins at `start`.

    Args:
        and_joins: whether "and" may stand inside ("a hundred and five"); false where it separates numbers.
        pairs: whether "nineteen eighty four" is one number; false where numbers may stand side by side.

    Returns:
        The value and where it ends, or None where no number begins. A sign is read too.
    """
    at = start
    sign = 1
    if at < len(tokens) and tokens[at] in ("minus", "negative", "-"):
        sign, at = -1, at + 1
    found = _part_of_one(tokens, at) or _whole(tokens, at, and_joins, pairs)
    if found is None:
        return None
    value, at = found
    if and_joins and tokens[at : at + 1] == ("and",) and (part := _part_of_one(tokens, at + 1)):
        value, at = value + part[0], part[1]
    while at < len(tokens) and (scale := SCALES.get(tokens[at], 12 if tokens[at] == "dozen" else 0)):
        value, at = value * scale, at + 1  # "two and a half million"
    return sign * value, at


def read_ordinal(tokens: Tokens, start: int = 0) -> tuple[int, int] | None:
    """Read "third", "twenty first" or "21st"; value and end, or None."""
    if start >= len(tokens):
        return None
    word = tokens[start]
    if found := re.fullmatch(r"(\d+)(?:st|nd|rd|th)", word):
        return int(found.group(1)), start + 1
    if word in ORDINALS:
        return ORDINALS[word], start + 1
    if word in TENS and start + 1 < len(tokens) and ORDINALS.get(tokens[start + 1], 10) < 10:
        return TENS[word] + ORDINALS[tokens[start + 1]], start + 2
    return None


def _part_of_one(tokens: Tokens, at: int) -> Read | None:
    """ "half", "a quarter", "three quarters", "two thirds"."""
    if at >= len(tokens):
        return None
    if tokens[at] in ("half", "quarter"):
        return Fraction(1, _PARTS[tokens[at]]), at + 1
    count: int | None
    if tokens[at] in ("a", "an"):
        count, at = 1, at + 1
    else:
        found = _below_hundred(tokens, at)
        if found is None:
            return None
        count, at = found
    if at < len(tokens) and tokens[at] in _PARTS:
        return Fraction(count, _PARTS[tokens[at]]), at + 1
    return None


def _whole(tokens: Tokens, at: int, and_joins: bool, pairs: bool) -> Read | None:
    """Digits as typed, or a cardinal in words, with what follows "point"."""
    if at >= len(tokens):
        return None
    if tokens[at][0] in ".0123456789" and _TYPED.fullmatch(tokens[at]):
        return Fraction(tokens[at].replace(",", "")), at + 1
    found = _cardinal(tokens, at, and_joins, pairs)
    value, end = found or (0, at)
    if end < len(tokens) and tokens[end] == "point" and (decimals := _decimals(tokens, end + 1)):
        return Fraction(value) + decimals[0], decimals[1]
    return (Fraction(value), end) if found else None


def _decimals(tokens: Tokens, at: int) -> Read | None:
    """What follows "point": digits one by one ("one four"), or a number below a hundred ("twenty five")."""
    digits = ""
    while at < len(tokens):
        word = tokens[at]
        if word in _DIGITS:
            digits, at = digits + str(_DIGITS[word]), at + 1
        elif word.isdigit():
            digits, at = digits + word, at + 1
        elif not digits and (found := _below_hundred(tokens, at)):
            digits, at = str(found[0]), found[1]
            break
        else:
            break
    return (Fraction(int(digits), 10 ** len(digits)), at) if digits else None


def _cardinal(tokens: Tokens, at: int, and_joins: bool, pairs: bool) -> tuple[int, int] | None:
    """Groups from large to small: "two million three hundred thousand and five"."""
    found = _below_thousand(tokens, at, and_joins, pairs)
    if found is None:
        return None
    total, group, at = 0, found[0], found[1]
    last = 10**15
    while True:
        scale = SCALES.get(tokens[at], 0) if at < len(tokens) else 0
        if not scale or scale >= last:
            return total + group, at
        total, group, at, last = total + group * scale, 0, at + 1, scale
        skip = at + 1 if and_joins and tokens[at : at + 1] == ("and",) else at
        following = _below_thousand(tokens, skip, and_joins, pairs)
        if following is None or (skip > at and _part_of_one(tokens, skip)):
            return total, at
        if following[0] >= scale:
            return total, at
        after = tokens[following[1]] if following[1] < len(tokens) else ""
        if SCALES.get(after, 0) >= scale:
            return total, at
        group, at = following


def _below_thousand(tokens: Tokens, at: int, and_joins: bool, pairs: bool) -> tuple[int, int] | None:
    """ "three hundred and five", "a hundred", "nineteen eighty four", "one oh five", "twenty three"."""
    if at >= len(tokens):
        return None
    if tokens[at] in ("a", "an"):
        if at + 1 < len(tokens) and (tokens[at + 1] in SCALES or tokens[at + 1] in ("hundred", "dozen")):
            found: tuple[int, int] | None = (1, at + 1)
        else:
            return None
    else:
        found = _below_hundred(tokens, at)
    if found is None:
        return None
    value, at = found
    if at < len(tokens) and tokens[at] == "hundred":
        value, at = value * 100, at + 1
        skip = at + 1 if and_joins and tokens[at : at + 1] == ("and",) else at
        rest = _below_hundred(tokens, skip)
        # "a hundred and a half" and "one hundred and three quarters" go on as fractions.
        if rest and not (skip > at and _part_of_one(tokens, skip)):
            return value + rest[0], rest[1]
        return value, at
    if pairs and 1 <= value < 100 and at < len(tokens):
        if tokens[at] in ("oh", "o") and at + 1 < len(tokens) and _DIGITS.get(tokens[at + 1], 0) > 0:
            return value * 100 + _DIGITS[tokens[at + 1]], at + 2
        pair = _below_hundred(tokens, at)
        if pair and pair[0] >= 10:
            return value * 100 + pair[0], pair[1]  # "nineteen eighty four", "two fifty"
    return value, at


def _below_hundred(tokens: Tokens, at: int) -> tuple[int, int] | None:
    if at >= len(tokens):
        return None
    word = tokens[at]
    if word in SMALL:
        return SMALL[word], at + 1
    if word in TENS:
        if at + 1 < len(tokens) and 0 < SMALL.get(tokens[at + 1], 0) < 10:
            return TENS[word] + SMALL[tokens[at + 1]], at + 2
        return TENS[word], at + 1
    if word.isdigit() and len(word) <= 2 and at + 1 < len(tokens) and tokens[at + 1] in _PARTS:
        return int(word), at + 1  # "3 quarters"
    return None
