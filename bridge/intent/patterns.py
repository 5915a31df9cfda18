"""Sentences drawn from patterns: `(a|b)` is one of both, `{slot}` an entry of a slot, which is a pattern itself."""

import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random

INNERMOST = re.compile(r"\(([^()]*)\)|\{(\w+)\}")

Slots = Mapping[str, Sequence[str]]


def read_patterns(text: str) -> list[str]:
    """The patterns of a file, one a line; `#` opens a comment."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def read_slots(text: str) -> dict[str, list[str]]:
    """The slots of a file: `[name] entry ; entry`, going on in the lines below."""
    slots: dict[str, list[str]] = {}
    entries: list[str] = []
    for line in read_patterns(text):
        name, bracket, rest = line.removeprefix("[").partition("] ")
        if line.startswith("[") and bracket:
            entries, line = slots.setdefault(name, []), rest
        entries.extend(entry.strip() for entry in line.split(" ; "))
    return slots


def draw(pattern: str, slots: Slots, rng: Random) -> str:
    """One sentence of `pattern`, by chance.

    Raises:
        KeyError: the pattern names a slot that is none.
    """

    def one(found: re.Match[str]) -> str:
        entries: Sequence[str] = slots[found[2]] if found[2] else found[1].split("|")
        return rng.choice(entries)

    while INNERMOST.search(pattern):
        pattern = INNERMOST.sub(one, pattern)
    return " ".join(pattern.split())


def sentences(patterns: Sequence[str], slots: Slots, rng: Random) -> Iterator[str]:
    """Sentences without end, each pattern as often as the others."""
    while True:
        for pattern in rng.sample(patterns, len(patterns)):
            yield draw(pattern, slots, rng)
