"""JSON from outside, taken only where every later reader can take it too: UTF-8, Postgres, a strict parser."""

import json
import math
from typing import Any, NoReturn

DEEPEST = 32
"""Objects and lists inside one another; what is deeper overflows the stack of whoever walks it."""


class BadJson(ValueError):
    """It cannot be read here; the message is a sentence that says why."""


def _refuse(name: str) -> NoReturn:
    raise BadJson(f"{name} is no JSON number")


DECODER = json.JSONDecoder(parse_constant=_refuse)


def parse(text: str) -> Any:
    """Read one JSON value.

    Raises:
        BadJson: not JSON, or JSON that cannot be passed on.
    """
    try:
        value = DECODER.decode(text)
    except BadJson:
        raise
    except RecursionError as error:
        raise BadJson(f"it is nested more than {DEEPEST} deep") from error
    except ValueError as error:
        raise BadJson("it is not JSON") from error
    _check(value, DEEPEST)
    return value


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise BadJson("it holds the character U+0000")
        if not value.isascii():
            _encode(value)
    elif isinstance(value, float):
        # 1e999 is JSON, and no number.
        if not math.isfinite(value):
            _refuse(str(value))
    elif isinstance(value, dict | list):
        if not depth:
            raise BadJson(f"it is nested more than {DEEPEST} deep")
        for part in value:
            _check(part, depth - 1)
        if isinstance(value, dict):
            for part in value.values():
                _check(part, depth - 1)


def _encode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadJson("it holds half of a surrogate pair") from error
