"""Messages to bytes and back; the codes of what is refused stand on top of the package."""

import json
import math
import types
from dataclasses import asdict, fields
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from services.speech.protocol.messages import (
    EVENTS,
    ORDERS,
    TYPES,
    Action,
    Audio,
    Cancel,
    Control,
    Down,
    Error,
    Event,
    Handshake,
    Inject,
    Kind,
    Metadata,
    Order,
    Ping,
    Text,
    Unknown,
    Up,
)

MAX_MESSAGE = 2**16
"""Bytes, the kind among them: the longest page of Ogg has 65,307; 80 ms of PCM16 have 3,840."""
MAX_ORDER = 2**15
"""Bytes of JSON from a client: the longest text has 24,000 where each character is a pair of escapes."""
MAX_ID = 64
"""Characters; a UUID has 36."""
MAX_INJECTION = 2_000
"""Characters: what the gateway's `say` takes."""
MAX_DEADLINE_MS = 600_000


Built = TypeVar("Built", bound=Order | Event)


class BadMessage(ValueError):
    """The peer sent what this wire does not know; `code` as on top of the package, the message says what."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def encode(message: Up | Down) -> bytes:
    """One message, ready to be sent."""
    match message:
        case Handshake():
            return bytes((Kind.HANDSHAKE,))
        case Audio(data):
            return bytes((Kind.AUDIO,)) + data
        case Text(text):
            return bytes((Kind.TEXT,)) + text.encode()
        case Control(action):
            return bytes((Kind.CONTROL, action))
        case Ping():
            return bytes((Kind.PING,))
        case Error(code, text):
            return bytes((Kind.ERROR,)) + (f"{code}: {text}" if code else text).encode()
        case Metadata(body):
            return bytes((Kind.METADATA,)) + json.dumps(dict(body)).encode()
        case _:
            body = {"type": TYPES[type(message)], **asdict(message)}
            return bytes((Kind.METADATA,)) + json.dumps(body).encode()


def decode_up(message: bytes) -> Up | Unknown:
    """Read what a client sent: exactly what is declared here, so that a slip is told and not guessed at.

    Raises:
        BadMessage: anything else; that message counts for nothing, the call goes on.
    """
    kind, payload = _parted(message)
    match kind:
        case Kind.AUDIO:
            return Audio(payload)
        case Kind.CONTROL:
            return _control(payload)
        case Kind.PING:
            return Ping()
        case Kind.METADATA:
            return _order(payload)
        case Kind.HANDSHAKE | Kind.TEXT | Kind.ERROR:
            hint = "; to have a text said, send an inject" if kind is Kind.TEXT else ""
            raise BadMessage("wrong_way", f"kind 0x{kind:02x} comes from the server alone{hint}")
        case _:
            return Unknown(kind)


def decode_down(message: bytes) -> Down | Unknown:
    """Read what a server sent. A newer one's events and fields are let pass, as what is added freely.

    Raises:
        BadMessage: it breaks what is declared here.
    """
    kind, payload = _parted(message)
    match kind:
        case Kind.HANDSHAKE:
            return Handshake()
        case Kind.AUDIO:
            return Audio(payload)
        case Kind.TEXT:
            # A piece may be a byte of a character (SentencePiece's byte fallback) on servers that don't join them.
            return Text(payload.decode(errors="replace"))
        case Kind.CONTROL:
            return _control(payload)
        case Kind.METADATA:
            return _event(_object(payload))
        case Kind.ERROR:
            return _error(payload.decode(errors="replace"))
        case Kind.PING:
            return Ping()
        case _:
            return Unknown(kind)


def _parted(message: bytes) -> tuple[int, bytes]:
    if not message:
        raise BadMessage("empty_message", "a message has at least its kind")
    if len(message) > MAX_MESSAGE:
        raise BadMessage("too_long", f"{len(message)} bytes in a message; at most {MAX_MESSAGE} are taken")
    kind = message[0]
    return (Kind(kind) if kind <= max(Kind) else kind), message[1:]


def _control(payload: bytes) -> Control:
    if len(payload) != 1 or payload[0] > max(Action):
        raise BadMessage("unknown_control", "a control is one byte, 0 to 3")
    return Control(Action(payload[0]))


def _order(payload: bytes) -> Order:
    if len(payload) > MAX_ORDER:
        raise BadMessage("too_long", f"{len(payload)} bytes in an order; at most {MAX_ORDER} are taken")
    body = _object(payload)
    name = body.pop("type", None)
    kind = ORDERS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise BadMessage("unknown_order", f"the type of an order is one of {', '.join(ORDERS)}")
    order = _built(kind, body)
    match order:
        case Inject(id=id_) | Cancel(id=id_) if not 1 <= len(id_) <= MAX_ID:
            raise BadMessage("bad_order", f"{name}: `id` has 1 to {MAX_ID} characters")
        case Inject(text=text) if not (text.strip() and len(text) <= MAX_INJECTION):
            raise BadMessage("bad_order", f"{name}: `text` has 1 to {MAX_INJECTION} characters")
        case Inject(deadline_ms=int(deadline)) if not 0 <= deadline <= MAX_DEADLINE_MS:
            raise BadMessage("bad_order", f"{name}: `deadline_ms` is 0 to {MAX_DEADLINE_MS}")
    return order


def _event(body: dict[str, Any]) -> Event | Metadata:
    name = body.get("type")
    kind = EVENTS.get(name) if isinstance(name, str) else None
    if kind is None:
        return Metadata(body)
    known = {field.name for field in fields(kind)}
    return _built(kind, {key: value for key, value in body.items() if key in known})


def _error(text: str) -> Error:
    code, colon, message = text.partition(": ")
    # A stock server's sentence may have a colon of its own; a code has no space.
    return Error(code, message) if colon and code.isidentifier() and code.islower() else Error("", text)


def _object(payload: bytes) -> dict[str, Any]:
    try:
        # Deeper than Python's stack is as little an order as what isn't JSON.
        body = json.loads(payload.decode(), parse_constant=_refuse)
        # A lone surrogate is JSON, and no text: it could be neither spoken nor sent on.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise BadMessage("bad_json", "the metadata is not JSON that can be read") from error
    if not isinstance(body, dict):
        raise BadMessage("bad_json", "the metadata is not a JSON object")
    return body


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _built(kind: type[Built], body: dict[str, Any]) -> Built:
    """A message of its declared fields, each of exactly its declared type."""
    name = TYPES[kind]
    try:
        message = kind(**body)
    except TypeError as error:
        raise BadMessage("bad_order", f"{name}: {str(error).partition('() ')[2]}") from error
    for field, hint in get_type_hints(kind).items():
        if not _fits(getattr(message, field), hint):
            raise BadMessage("bad_order", f"{name}: `{field}` is no {_said(hint)}")
    return message


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return type(value) is str and value in get_args(hint)
    if isinstance(hint, types.UnionType):
        return any(_fits(value, one) for one in get_args(hint))
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value)
    # type(), since True is an int to isinstance.
    return type(value) is hint


def _said(hint: Any) -> str:
    """A type in the words of JSON."""
    if get_origin(hint) is Literal:
        return " or ".join(get_args(hint))
    if isinstance(hint, types.UnionType):
        return " or ".join(_said(one) for one in get_args(hint))
    words = {
        str: "string",
        int: "whole number",
        float: "number",
        bool: "true or false",
        types.NoneType: "null",
    }
    return words[hint]
