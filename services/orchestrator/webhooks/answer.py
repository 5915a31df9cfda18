"""Where the words are in what a webhook answered. No I/O.

n8n's Webhook node answers with the last node's items (a list of objects, or the first object), with what its Respond to
Webhook node says (JSON, or text under `text/html`), or, when it is set to respond immediately, at once with
`{"message": "Workflow was started"}` (docs.n8n.io: Webhook, Respond to Webhook).
"""

import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

FIELDS = ("response_text", "text", "message", "output", "answer")
"""Where an object keeps its words, tried in this order."""

STARTED = {"message": "Workflow was started"}
"""n8n's word for: it runs, and nobody will hear of it here."""

KEPT_BYTES = 16 * 1024
"""Of an answer's JSON for the ledger's row."""
MAX_WORDS = 2000
"""Characters; two minutes of speech. The rest is cut, at a word's end."""
MAX_DEPTH = 32
"""Of lists and objects in one another."""
HIDDEN = "…"


class NotUnderstood(ValueError):
    """There are no words where they should be; the message tells the author of the file what was expected."""


class NoWords(ValueError):
    """It was taken on, and nothing was said back."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was answered."""

    words: str
    data: Any
    """The whole answer where it is JSON and small enough."""


def read_answer(body: bytes, content_type: str, charset: str | None, path: str) -> Said:
    """Find the words.

    Args:
        path: names and positions with points between ("data.0.text"); empty: wherever they usually are.

    Raises:
        NotUnderstood, NoWords
    """
    text = _decoded(body, charset)
    if not text:
        raise NoWords
    is_json = content_type.partition("+")[2] == "json" or content_type == "application/json"
    if is_json or text[0] in "{[":
        value = _parsed(text)
    elif text[0] == "<":
        raise NotUnderstood("an HTML page came, expected JSON or plain text")
    elif path:
        raise NotUnderstood(f"expected JSON, because `answer` is {path}; plain text came")
    else:
        return Said(_cut(text), None)
    if value in (STARTED, [STARTED]):
        raise NoWords
    words = _words(_at(value, path) if path else _usual(value))
    if not words:
        raise NoWords
    return Said(_cut(words), _kept(value))


def reason_in(body: bytes) -> str:
    """What a refusal gives as its reason, for the row: n8n's `message` and `hint`; empty where it gives none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(value, dict):
        return ""
    told = [value[name] for name in ("message", "hint") if isinstance(value.get(name), str)]
    return " ".join(told)[:300]


def without(hidden: Collection[str], value: Any) -> Any:
    """`value` without the secrets that we sent: a flow may send back all that it got."""
    match value:
        case str():
            for secret in hidden:
                value = value.replace(secret, HIDDEN)
            return value
        case dict():
            return {without(hidden, name): without(hidden, part) for name, part in value.items()}
        case list():
            return [without(hidden, part) for part in value]
        case _:
            return value


def _decoded(body: bytes, charset: str | None) -> str:
    try:
        return body.decode(charset or "utf-8").lstrip("\ufeff").strip()
    except (UnicodeDecodeError, LookupError) as error:
        raise NotUnderstood(f"expected text in {charset or 'UTF-8'}") from error


def _parsed(text: str) -> Any:
    def refuse(name: str) -> None:
        raise NotUnderstood(f"expected JSON, which has no {name}")

    try:
        value = json.loads(text, parse_constant=refuse)
    except NotUnderstood:
        raise
    except (ValueError, RecursionError) as error:
        raise NotUnderstood("expected JSON; what came is none") from error
    _check(value)
    return value


def _check(value: Any, depth: int = 0) -> None:
    """Raise `NotUnderstood` for what Python's parser takes and those behind us don't."""
    match value:
        case str() if "\0" in value or (
            not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value)
        ):
            raise NotUnderstood("expected text without U+0000 and half characters")
        case float() if not math.isfinite(value):
            raise NotUnderstood("expected numbers that a double can hold")
        case dict() | list() if depth == MAX_DEPTH:
            raise NotUnderstood(f"expected at most {MAX_DEPTH} levels")
        case dict():
            for name, part in value.items():
                _check(name)
                _check(part, depth + 1)
        case list():
            for part in value:
                _check(part, depth + 1)


def _usual(value: Any) -> Any:
    if isinstance(value, list):
        if len(value) != 1:
            raise NotUnderstood(f"expected one item, {len(value)} came; name the place in `answer`")
        value = value[0]
    if not isinstance(value, dict):
        return value
    for name in FIELDS:
        if name in value:
            return value[name]
    raise NotUnderstood(f"expected one of {', '.join(FIELDS)}, or the place in `answer`")


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise NotUnderstood(f"`answer` is {path}: nothing is there") from error
    return value


def _words(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value.strip()
        case bool():
            return "Yes." if value else "No."
        case int() | float():
            return f"{value:.10g}" if isinstance(value, float) else str(value)
        case _:
            raise NotUnderstood("expected a text where the words should be")


def _cut(words: str) -> str:
    return words if len(words) <= MAX_WORDS else words[:MAX_WORDS].rpartition(" ")[0] or words[:MAX_WORDS]


def _kept(value: Any) -> Any:
    size = len(json.dumps(value))
    return value if size <= KEPT_BYTES else {"left_out_bytes": size}
