"""`{slots}` in a webhook's address and body, and what they are filled with. No I/O."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

SLOT = re.compile(r"\{(\w+)\}")
PRINTABLE = re.compile(r"[!-~]+")

ABOUT_THE_CALL = (
    "message",
    "session_id",
    "conversation_id",
    "owner",
    "user_id",
    "timezone",
    "idempotency_key",
    "say_url",
    "say_token",
)
"""Slots that every webhook has beside its tool's parameters, which stand before these where a name is in both."""

SECRET = frozenset({"say_token"})
"""Never in an address, which ends in the logs of whoever forwards it."""


class BadTemplate(ValueError):
    """It cannot be used; the message says what was expected."""


class BadPart(ValueError):
    """An argument that would lead the address elsewhere."""


def slots_of(template: Any) -> frozenset[str]:
    """The names of all slots in a JSON value."""
    match template:
        case str():
            return frozenset(SLOT.findall(template))
        case dict():
            return frozenset().union(*map(slots_of, template.values()))
        case list():
            return frozenset().union(*map(slots_of, template))
        case _:
            return frozenset()


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """`template` with its slots filled.

    A text that is one slot and nothing else becomes the value as it is, a number a number; inside a text it is
    text. What has no value is null, and nothing inside a text.
    """
    match template:
        case str():
            if alone := SLOT.fullmatch(template):
                return values.get(alone[1])
            return SLOT.sub(lambda slot: _text(values.get(slot[1])), template)
        case dict():
            return {name: fill(part, values) for name, part in template.items()}
        case list():
            return [fill(part, values) for part in template]
        case _:
            return template


def check_address(url: str) -> None:
    """Raise `BadTemplate` unless `url` is an http(s) address whose host the file fixes."""
    if not PRINTABLE.fullmatch(url):
        raise BadTemplate("expected an address without spaces, other signs percent-encoded")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadTemplate(f"expected an http or https address: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise BadTemplate("expected an http or https address")
    if SLOT.search(parts.netloc):
        raise BadTemplate("expected slots in path and query alone: the host is the file's to choose")
    if parts.username is not None:
        raise BadTemplate("expected no user and password in it; see `secret`")
    if parts.fragment:
        raise BadTemplate("expected no `#`, which is never sent")
    if slots_of(url) & SECRET:
        raise BadTemplate("expected no `{say_token}` in it: addresses end in logs")


def fill_address(url: str, values: Mapping[str, Any]) -> str:
    """The address, each value percent-encoded whole.

    Raises:
        BadPart: an argument is empty or dots where a part of the path is wanted.
    """
    path, question, query = url.partition("?")

    def encoded(slot: re.Match[str]) -> str:
        return quote(_text(values.get(slot[1])), safe="")

    parts = []
    for part in path.split("/"):
        filled = SLOT.sub(encoded, part)
        # RFC 3986 5.2.4: "." and ".." are walked, and an empty part would make another path.
        if filled != part and filled in ("", ".", ".."):
            raise BadPart(part)
        parts.append(filled)
    return "/".join(parts) + question + SLOT.sub(encoded, query)


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)
