"""The grammar in which a tool's phrases are written, and how a phrase is found in an utterance.

    what time is it [in {place}]            words, an optional part, a slot
    (what is|tell me) the time <now>        a choice, and a named part that the YAML defines

A match may begin and end anywhere; how much of the utterance it covers is for the planner to weigh.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from services.orchestrator.language.slots import Value
from services.orchestrator.language.words import Tokens, tokenise


class BadPhrase(ValueError):
    """A phrase that the grammar doesn't know; the message says where."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a value of the parameter `name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several parts; an empty one makes the others optional."""

    parts: "tuple[Sequence, ...]"


Sequence = tuple[Word | Slot | Choice, ...]
Captures = tuple[tuple[str, Value], ...]
ReadSlot = Callable[[str, int, int], Value | None]
"""Reads the slot of that name from the tokens between two indices."""


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase found in an utterance, from token `start` up to `end`."""

    start: int
    end: int
    captures: Captures
    words: int
    """How many tokens the phrase's own words cover, as against its slots."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One way to ask for a tool."""

    text: str
    parts: Sequence
    slots: frozenset[str]
    openers: frozenset[str] | None
    """The words with which a match can begin; None where a slot can come first."""

    def matches(self, tokens: Tokens, read: ReadSlot, latest: int) -> Iterator[Match]:
        """Every way in which this phrase fits into `tokens`, beginning at `latest` at the latest."""
        for start in range(min(latest + 1, len(tokens))):
            if self.openers is not None and tokens[start] not in self.openers:
                continue
            for end, captures, words in _match(self.parts, tokens, start, read):
                if end > start:
                    yield Match(start, end, captures, words)


def _match(parts: Sequence, tokens: Tokens, at: int, read: ReadSlot) -> Iterator[tuple[int, Captures, int]]:
    """Backtrack over choices and the ends of slots. Phrases are short and slots bounded, so this stays small."""
    if not parts:
        yield at, (), 0
        return
    head, rest = parts[0], parts[1:]
    match head:
        case Word(text):
            if at < len(tokens) and tokens[at] == text:
                for end, captures, words in _match(rest, tokens, at + 1, read):
                    yield end, captures, words + 1
        case Choice(choices):
            for choice in choices:
                yield from _match(choice + rest, tokens, at, read)
        case Slot(name):
            for middle in range(len(tokens), at, -1):
                if value := read(name, at, middle):
                    for end, captures, words in _match(rest, tokens, middle, read):
                        yield end, ((name, value), *captures), words


_SIGN = re.compile(r"\{(\w+)\}|([\[\]()|])|<(\w+)>|([^\s\[\](){}<>|]+)|(\S)")


def parse_phrase(text: str, named: Mapping[str, str] | None = None) -> Phrase:
    """Read one phrase of the grammar above.

    Args:
        named: the text of each `<part>`.

    Raises:
        BadPhrase: naming what was not understood.
    """
    slots: set[str] = set()
    signs = list(_signs(text, named or {}, slots, depth=0))
    parts, at = _parse(signs, 0, "")
    if at != len(signs):
        raise BadPhrase(f"`{signs[at]}` closes nothing in `{text}`")
    if _may_be_empty(parts):
        raise BadPhrase(f"`{text}` matches silence: at least one word must be required")
    return Phrase(text, parts, frozenset(slots), _openers(parts))


def _signs(text: str, named: Mapping[str, str], slots: set[str], depth: int) -> Iterator[str | Word | Slot]:
    if depth > 5:
        raise BadPhrase(f"`<{text}>` contains itself")
    for slot, bracket, part, word, stray in _SIGN.findall(text):
        if slot:
            slots.add(slot)
            yield Slot(slot)
        elif bracket:
            yield bracket
        elif part:
            if part not in named:
                raise BadPhrase(f"`<{part}>` is not defined under `words`")
            yield from ("(", *_signs(named[part], named, slots, depth + 1), ")")
        elif word == "'s":
            yield Word(word)  # "{place}'s", which tokenise would take for a lone letter.
        elif word:
            yield from map(Word, tokenise(word))
        elif stray:
            raise BadPhrase(f"`{stray}` has no partner in `{text}`")


def _parse(signs: "list[str | Word | Slot]", at: int, closes: str) -> tuple[Sequence, int]:
    """Alternatives up to `closes` (not taken), or to the end."""
    choices: list[Sequence] = []
    parts: list[Word | Slot | Choice] = []
    while at < len(signs) and signs[at] not in ("]", ")"):
        sign = signs[at]
        at += 1
        if sign == "|":
            choices.append(tuple(parts))
            parts = []
        elif sign in ("[", "("):
            closing = "]" if sign == "[" else ")"
            inner, at = _parse(signs, at, closing)
            if at >= len(signs) or signs[at] != closing:
                raise BadPhrase(f"`{sign}` is not closed")
            at += 1
            parts.append(Choice((inner, ()) if sign == "[" else (inner,)))
        elif not isinstance(sign, str):
            parts.append(sign)
    if not choices:
        return tuple(parts), at
    return (Choice((*choices, tuple(parts))),), at


def _openers(parts: Sequence) -> frozenset[str] | None:
    found: frozenset[str] = frozenset()
    for part in parts:
        match part:
            case Slot():
                return None
            case Word(text):
                return found | {text}
            case Choice(choices):
                for choice in choices:
                    words = _openers(choice)
                    if words is None:
                        return None
                    found |= words
                if not any(map(_may_be_empty, choices)):
                    return found
    return found


def _may_be_empty(parts: Sequence) -> bool:
    return all(isinstance(part, Choice) and any(map(_may_be_empty, part.parts)) for part in parts)
