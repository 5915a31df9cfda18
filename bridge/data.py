"""JSON in phrases: what of an object or a list can be said, and under which names."""

import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

MAX_ITEMS = 5
"""Of a list or an object within another."""

MAX_DEPTH = 3
"""Of lists and objects in one another."""

MAX_PHRASE = 600
"""Characters of one string; what is longer is no item of a list."""

SPEAKING_FIELDS = ("response_text", "text", "message", "answer", "summary", "result", "output", "content")
"""Where an object keeps its own words, likeliest first."""

NAMING_FIELDS = frozenset({"name", "title", "label"})
"""What they hold says by itself what it is."""

INNER_FIELD = re.compile(
    r"(?:.*_)?(?:ids?|uuid|guid|url|uri|href|links?|etag|hash|sha\d*|checksum|cursor|token|key|secret|signature"
    r"|password|mime_?type|created_at|updated_at)"
)
"""Names of fields that are there for programs, in snake case."""


def in_phrases(value: Any, most: int) -> tuple[list[str], int]:
    """What there is to be said of a list or an object, one phrase an item; at most `most`, and how many there are.

    A list within an object is taken apart too: its items are what was asked for.
    """
    match value:
        case dict():
            size = sum(len(v) if isinstance(v, list) else 1 for _, v in _spoken_fields(value))
            phrases = _fields_in_phrases(value)
        case list():
            size = len(value)
            phrases = (in_prose(item, 1) for item in islice(value, most * 2))
        case _:
            size, phrases = 1, iter([in_prose(value)])
    said = list(islice((phrase for phrase in phrases if phrase), most))
    return said, max(0, size - most) + len(said) if size > most else len(said)


def own_words(value: Any) -> str | None:
    """The words that an object says of itself."""
    if isinstance(value, dict):
        for name in SPEAKING_FIELDS:
            if isinstance(value.get(name), str) and value[name].strip():
                return str(value[name])
    return None


def in_prose(value: Any, depth: int = 0) -> str:
    """A JSON value as a phrase: "temperature 21, wind west"."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.10g}" if math.isfinite(value) else ""  # 0.3, not 0.30000000000000004
        case dict() | list() if depth == MAX_DEPTH:
            return ""
        case dict():
            if words := own_words(value) or _measured(value):
                return words[:MAX_PHRASE]
            return _listed(list(_spoken_fields(value)), depth)
        case list():
            return _listed([("", v) for v in value], depth)
        case _:
            return str(value)[:MAX_PHRASE]


def _fields_in_phrases(value: dict[str, Any]) -> Iterator[str]:
    for name, v in _spoken_fields(value):
        if not isinstance(v, list):
            phrase = in_prose(v, 1)
            yield phrase and name + phrase
            continue
        for at, item in enumerate(v):
            phrase = in_prose(item, 2)
            yield phrase and (name + phrase if at == 0 else phrase)


def _spoken_fields(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields worth saying, each behind its name; what names the object comes first, without one."""
    named = [(_named(name), v) for name, v in value.items()]
    yield from (("", v) for name, v in named if name in NAMING_FIELDS)
    for name, v in named:
        if name not in NAMING_FIELDS and not INNER_FIELD.fullmatch(name.replace(" ", "_")):
            yield f"{name} ", v


def _measured(value: dict[str, Any]) -> str:
    """A number and its unit, where an object holds nothing else."""
    match value:
        case {"value": int() | float() as number, "unit": str() as unit} if len(value) == 2:
            return f"{in_prose(number)} {unit}"
        case {"amount": int() | float() | str() as number, "currency": str() as unit} if len(value) == 2:
            return f"{in_prose(number)} {unit}"
        case _:
            return ""


def _listed(items: list[tuple[str, Any]], depth: int) -> str:
    """The first few items, each behind its name, and how many more there are."""
    said = [name + words for name, value in items[:MAX_ITEMS] if (words := in_prose(value, depth + 1))]
    more = [f"and {len(items) - MAX_ITEMS} more"] if said and len(items) > MAX_ITEMS else []
    return ", ".join(said + more)


def _named(field: str) -> str:
    return " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(field)[:60]).replace("_", " ").lower().split())
