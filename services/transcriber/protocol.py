"""The transcriber's wire (contracts, 5): `GET /v1/listen?rate=24000&language=en`, upgraded.

Up go binary PCM16 mono frames and the order `finish`; down come events as JSON, `{"type": …, …}`.
Every `at` counts samples, at the socket's own rate, of the audio that was sent up.

Errors by `code`. Fatal: `recogniser_lost` (its process died, or stood still: connect again), `stopping`. Not fatal:
`odd_bytes`, `bad_message` (that message counts for nothing), `overflow` (too much sound waits; what comes meanwhile
counts as silence of the same length).
"""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar


@dataclass(frozen=True, slots=True)
class Finish:
    """An order: the turn is over; say the final words of all that came since the last final.

    `at` says where the turn ended, for the records: what was sent up before this order belongs to the turn.
    """

    at: int


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody began to speak at `at` (voice activity alone)."""

    at: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Speech ended at `at`, the last voiced sample: *not* the end of a turn, which is the session's to say."""

    at: int
    raised: bool = False
    """Its pitch stayed up, as of one who pauses in the midst of a phrase; a question may end so, too."""


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word and where it lies in the audio sent up."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Partial:
    """The words so far; the next one replaces it."""

    text: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Final:
    """The answer to `finish`: the turn's words, empty when nothing was understood."""

    text: str
    words: tuple[Word, ...]
    confidence: float
    """0 to 1, as good as the recogniser can tell."""
    language: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Something went wrong; the codes stand on top of this module."""

    code: str
    message: str
    fatal: bool = True
    """Whether the socket closes after this; else what was sent is left out and the rest goes on."""


Event = SpeechStarted | SpeechStopped | Partial | Final | Failed

NAMES: dict[str, type[Event]] = {
    "speech_started": SpeechStarted,
    "speech_stopped": SpeechStopped,
    "partial": Partial,
    "final": Final,
    "error": Failed,
}
TYPES = {kind: name for name, kind in NAMES.items()}

Message = TypeVar("Message", bound=Event | Word)


class BadMessage(ValueError):
    """The peer sent what this wire does not know; the message says what."""


def encode(event: Event) -> str:
    """One event as a text frame."""
    return json.dumps({"type": TYPES[type(event)], **asdict(event)})


def decode(text: str) -> Event:
    """Read a text frame from the service.

    Raises:
        BadMessage: not JSON, an unknown type, or wrong fields.
    """
    body = _object(text)
    name = body.pop("type", None)
    kind = NAMES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise BadMessage("unknown type of event")
    try:
        if "words" in body:
            body["words"] = tuple(_checked(Word(**word)) for word in body["words"])
        return _checked(kind(**body))
    except TypeError as error:
        raise BadMessage(f"{TYPES[kind]}: {error}") from error


def encode_finish(order: Finish) -> str:
    """The one order of this wire as a text frame."""
    return json.dumps({"type": "finish", "at": order.at})


def decode_finish(text: str) -> Finish:
    """Read a text frame from the client.

    Raises:
        BadMessage: anything but `{"type": "finish", "at": <samples>}`.
    """
    body = _object(text)
    at = body.get("at")
    if body.get("type") != "finish" or not isinstance(at, int) or isinstance(at, bool) or at < 0:
        raise BadMessage('only {"type": "finish", "at": <samples>} is known here')
    return Finish(at)


def _checked(message: Message) -> Message:
    """The message, if each field has exactly its declared type; a whole number passes for a fraction."""
    for field in fields(message):
        # The words' own types were checked one by one.
        wanted = {float: (int, float), int: (int,), str: (str,), bool: (bool,)}.get(field.type, (tuple,))  # type: ignore[arg-type]
        value = getattr(message, field.name)
        # type(), since True is an int to isinstance.
        if type(value) not in wanted:
            raise TypeError(f"`{field.name}` is {value!r}")
    return message


def _object(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise BadMessage("not JSON") from error
    if not isinstance(body, dict):
        raise BadMessage("not a JSON object")
    return body
