"""Conversation items as this wire shows them, and their names: an item is a turn, `item_` and the turn's id."""

import json
from collections import OrderedDict
from typing import Any
from uuid import UUID

from bridge.ledger import Invocation, Status

MOST = 1000
"""Items that can be asked for; the oldest are forgotten."""

ASKS = "mcpr_"
"""How the names of questions for consent begin."""

Item = dict[str, Any]


class Items:
    """The items of one session, in order."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, Item] = OrderedDict()
        self._turns: dict[str, UUID] = {}
        self._names: dict[UUID, str] = {}

    def name(self, turn_id: UUID) -> str:
        """The item id of a turn: the client's own where it gave one."""
        return self._names.get(turn_id) or f"item_{turn_id.hex}"

    def rename(self, turn_id: UUID, name: str) -> None:
        """The client calls this turn's item `name`."""
        self._names[turn_id] = name
        self._turns[name] = turn_id

    def turn(self, name: str) -> UUID | None:
        """The turn behind an item."""
        return self._turns.get(name)

    def put(self, item: Item, turn_id: UUID | None = None) -> str | None:
        """Add or replace an item; returns the id of the one before it."""
        name = item["id"]
        self._items[name] = item
        if turn_id is not None:
            self._turns[name] = turn_id
        previous = self._before(name)
        if len(self._items) > MOST:
            self.delete(next(iter(self._items)))
        return previous

    def get(self, name: str) -> Item | None:
        return self._items.get(name)

    def delete(self, name: str) -> bool:
        """Forget an item; False when there is none."""
        if (gone := self._turns.pop(name, None)) is not None:
            self._names.pop(gone, None)
        return self._items.pop(name, None) is not None

    def _before(self, name: str) -> str | None:
        # From the end: what changes is nearly always among the last.
        names = reversed(self._items)
        next(known for known in names if known == name)
        return next(names, None)


def spoken_by_user(name: str, transcript: str | None) -> Item:
    """What the user said aloud; the transcript is None until it is known."""
    content = [{"type": "input_audio", "transcript": transcript}]
    status = "in_progress" if transcript is None else "completed"
    return _message(name, "user", status, content)


def typed(name: str, role: str, text: str) -> Item:
    """What a client wrote."""
    kind = "output_text" if role == "assistant" else "input_text"
    return _message(name, role, "completed", [{"type": kind, "text": text}])


def said_by_agent(name: str, status: str, transcript: str | None, speaks: bool) -> Item:
    """What the agent says; without content while it has none."""
    if transcript is None:
        return _message(name, "assistant", status, [])
    return _message(name, "assistant", status, [agent_part(transcript, speaks)])


def agent_part(transcript: str, speaks: bool) -> dict[str, Any]:
    """The one content part of an agent's item."""
    if speaks:
        return {"type": "output_audio", "transcript": transcript}
    return {"type": "output_text", "text": transcript}


def tool_call(invocation: Invocation) -> Item:
    """A deed of the bridge as a (remote) tool call."""
    output = json.dumps(invocation.result) if invocation.status is Status.SUCCESS else None
    error = None
    if invocation.error is not None:
        error = {"type": "tool_execution_error", "message": str(invocation.error.get("message", ""))}
    return {
        "id": f"mcp_{invocation.invocation_id.hex}",
        "object": "realtime.item",
        "type": "mcp_call",
        "server_label": invocation.agent or "antiphon",
        "name": invocation.action,
        "arguments": json.dumps(invocation.arguments),
        "output": output,
        "error": error,
        "approval_request_id": approval_name(invocation),
    }


def approval_name(invocation: Invocation) -> str | None:
    """The item id of the question for consent to a deed; None where there was none."""
    return f"{ASKS}{UUID(invocation.approval['approval_id']).hex}" if invocation.approval else None


def approval_behind(name: str) -> UUID | None:
    """The question for consent whose item is called `name`; None where that is no such name."""
    prefix, _, digits = name.partition("_")
    try:
        return UUID(hex=digits) if f"{prefix}_" == ASKS else None
    except ValueError:
        return None


def approval_request(invocation: Invocation) -> Item:
    """The question for consent to a deed."""
    return {
        "id": approval_name(invocation),
        "object": "realtime.item",
        "type": "mcp_approval_request",
        "server_label": invocation.agent or "antiphon",
        "name": invocation.action,
        "arguments": json.dumps(invocation.arguments),
    }


def approval_response(name: str, request: str, approve: bool, reason: str | None) -> Item:
    """What a client answered to such a question."""
    return {
        "id": name,
        "object": "realtime.item",
        "type": "mcp_approval_response",
        "approval_request_id": request,
        "approve": approve,
        "reason": reason,
    }


def _message(name: str, role: str, status: str, content: list[dict[str, Any]]) -> Item:
    return {
        "id": name,
        "object": "realtime.item",
        "type": "message",
        "status": status,
        "role": role,
        "content": content,
    }
