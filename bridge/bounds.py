"""How much of a result is taken in and kept: somebody else's service decides how much it sends. No I/O."""

import json
import re
from typing import Any

from pydantic import ValidationError

from bridge.ports import CutResult
from services.orchestrator.protocol import ChatResult

KEPT = 64 * 1024
"""Characters of a result's JSON, in the row and on the page: far more than anybody reads beside a call."""

MOST_LEVELS = 64
"""Of lists and objects in one another, in a result that was cut."""

TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)
SPACE = re.compile(r"\s*")
HALF_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3}|u[dD][89abAB][0-9a-fA-F]{2})?\Z")
"""An escape that was cut in two, or the first half of a surrogate pair, behind whole backslashes."""


def cut_result(beginning: str) -> CutResult | None:
    """What can be understood of a result that goes on behind its `beginning`; None where that is no object."""
    try:
        value = json.loads(mended(beginning[:KEPT]))
        if not isinstance(value, dict):
            return None
        return CutResult.model_validate({"response_text": "", **value})
    except (ValueError, RecursionError, ValidationError):
        return None


def mended(text: str) -> str:
    """JSON that was cut anywhere, closed behind its last whole value; of a string that was cut the beginning counts."""
    closers: list[str] = []
    awaits_value = True
    end, to_close = 0, ""
    at = _skip(text, 0)
    while at < len(text) and (token := TOKEN.match(text, at)):
        sign, behind = token[0], token.end()
        if sign in "{[":
            closers.append("}" if sign == "{" else "]")
            awaits_value = sign == "["
            end, to_close = behind, "".join(reversed(closers))
            if len(closers) > MOST_LEVELS:
                break
        elif sign in "}]":
            if not closers:
                break
            closers.pop()
            end, to_close = behind, "".join(reversed(closers))
        elif sign == ",":
            awaits_value = bool(closers) and closers[-1] == "]"
        elif sign == ":":
            awaits_value = True
        elif awaits_value and (sign[0] == '"' or behind < len(text)):
            end, to_close, awaits_value = behind, "".join(reversed(closers)), False
        at = _skip(text, behind)
    else:
        if at < len(text) and text[at] == '"' and awaits_value:
            return HALF_ESCAPE.sub(r"\1", text) + '"' + "".join(reversed(closers))
    return text[:end] + to_close


def kept(result: ChatResult) -> dict[str, Any]:
    """A result as its row keeps it; what is cut says so."""
    whole = result.model_dump(mode="json", include={"response_text", "data"})
    size = len(json.dumps(whole))
    if size <= KEPT and not isinstance(result, CutResult):
        return whole
    text = result.response_text[: KEPT // 2]
    data, _ = _pruned(whole["data"], KEPT - len(text))
    of = "a longer result" if isinstance(result, CutResult) else f"{size:,} characters"
    return {"response_text": text, "data": data, "cut": f"the beginning of {of}"}


def _skip(text: str, at: int) -> int:
    space = SPACE.match(text, at)
    return space.end() if space else at


def _pruned(value: Any, room: int) -> tuple[Any, int]:
    """`value` without what does not fit into `room` characters, and the room that is left."""
    match value:
        case str():
            return value[: max(0, room)], room - len(value) - 4
        case list():
            items = []
            for item in value:
                if room <= 0:
                    break
                item, room = _pruned(item, room - 2)
                items.append(item)
            return items, room
        case dict():
            fields = {}
            for name, item in value.items():
                if room <= len(name):
                    break
                fields[name], room = _pruned(item, room - len(name) - 4)
            return fields, room
        case _:
            return value, room - len(str(value)) - 2
