"""Written text to the words in which it is spoken: "$5 at 5:30 pm" is "five dollars at five thirty pm"."""

import re
import unicodedata
from itertools import chain

SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
GROUPS = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
SYMBOLS = {
    "%": "percent",
    "&": "and",
    "+": "plus",
    "=": "equals",
    "@": "at",
    "°": "degrees",
    "£": "pounds",
    "€": "euros",
}
LONGEST_NUMBER = 12
"""Digits. Longer ones (a card's, an account's) are read digit by digit."""

TOKEN = re.compile(
    r"(?P<money>[$])(?P<amount>\d+(?:,\d{3})*)(?:\.(?P<cents>\d\d))?"
    r"|(?P<hour>\d{1,2}):(?P<minute>\d\d)"
    r"|(?P<ordinal>\d+)(?:st|nd|rd|th)\b"
    r"|(?P<decimal>\d+\.\d+)"
    r"|(?P<number>\d+(?:,\d{3})*)"
    r"|(?P<word>[a-z]+(?:'[a-z]+)*)"
    r"|(?P<symbol>[%&+=@°£€])"
)


def spoken(text: str) -> list[str]:
    """The words of `text` as one says them, in lower case; punctuation is left out."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("’", "'"))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return list(chain.from_iterable(_words(match) for match in TOKEN.finditer(plain)))


def number(value: int) -> list[str]:
    """A whole number from 0 up to the hundreds of billions, as words."""
    if value < 20:
        return [SMALL[value]]
    if value < 100:
        return [TENS[value // 10], *([SMALL[value % 10]] if value % 10 else [])]
    size, name = next(group for group in GROUPS if value >= group[0])
    return [*number(value // size), name, *(number(value % size) if value % size else [])]


def ordinal(value: int) -> list[str]:
    """A place in a row: 21 is "twenty first"."""
    *front, last = number(value)
    if last.endswith("y"):
        return [*front, f"{last[:-1]}ieth"]
    return [*front, ORDINALS.get(last, f"{last}th")]


def _words(match: re.Match[str]) -> list[str]:
    found = match.groupdict()
    match match.lastgroup:
        case "word":
            return [found["word"]]
        case "symbol":
            return [SYMBOLS[found["symbol"]]]
        case "minute":
            return [*number(int(found["hour"])), *_minute(found["minute"])]
        case "ordinal":
            return ordinal(int(found["ordinal"])) if len(found["ordinal"]) <= LONGEST_NUMBER else []
        case "decimal":
            whole, _, fraction = found["decimal"].partition(".")
            return [*_digits(whole), "point", *(SMALL[int(digit)] for digit in fraction)]
        case "number":
            return _digits(found["number"])
        case _:
            cents = [*number(int(found["cents"])), "cents"] if found["cents"] else []
            return [*_digits(found["amount"]), "dollars", *cents]


def _digits(text: str) -> list[str]:
    digits = text.replace(",", "")
    if len(digits) > LONGEST_NUMBER:
        return [SMALL[int(digit)] for digit in digits]
    return number(int(digits))


def _minute(text: str) -> list[str]:
    value = int(text)
    if value == 0:
        return []
    return ["oh", SMALL[value]] if value < 10 else number(value)
