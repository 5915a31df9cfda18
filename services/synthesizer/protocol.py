"""The synthesizer's wire: `GET /v1/speak?rate=24000`, upgraded. One socket speaks any number of texts in turn.

Up go orders as JSON: `speak {id, text, voice, speed, pitch}`, `cancel {id}`. Down come, for each text,
`started`, then `word`s mixed with binary PCM16 mono at `rate`, then `done` or `failed`. A word is sent before
the audio frame in which it begins; its positions count samples from the beginning of that text's own audio.
Audio comes as fast as it is made: pacing is the session's business, and so is a pause between two texts, whose
audio ends 20 ms behind its last sound. What has no id of its own (an order that cannot be read) fails with "".

Codes of `failed`: `bad_message`, `unknown_voice`, `out_of_range` (speed, pitch), `text_too_long`,
`too_many_texts`, `voice_failed`. A reader that doesn't read is cut off with 1008 `client_too_slow`.
"""

import json
import math
from dataclasses import Field, asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Speak:
    """Say `text`; texts are spoken in the order in which they came."""

    id: str
    text: str
    voice: str
    """A name out of `GET /v1/voices`."""
    speed: float = 1.0
    pitch: float = 1.0


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop saying `id`: no audio of it is sent after the answering `done`. An unknown id is ignored."""

    id: str


@dataclass(frozen=True, slots=True)
class Started:
    """Binary frames from here on belong to `id`."""

    id: str
    rate: int


@dataclass(frozen=True, slots=True)
class Word:
    """The word `text` (as written, with its punctuation) sounds from `start` to `end`, in samples."""

    id: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Done:
    """All audio of `id` was sent (or it was cancelled); `samples` in all."""

    id: str
    samples: int
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """`id` could not be spoken."""

    id: str
    code: str
    message: str


Order = Speak | Cancel
Event = Started | Word | Done | Failed

NAMES: dict[str, type[Order] | type[Event]] = {
    "speak": Speak,
    "cancel": Cancel,
    "started": Started,
    "word": Word,
    "done": Done,
    "failed": Failed,
}
TYPES = {kind: name for name, kind in NAMES.items()}


class BadMessage(ValueError):
    """The peer sent what this wire does not know; the message says what."""


def encode(message: Order | Event) -> str:
    """One order or event as a text frame."""
    return json.dumps({"type": TYPES[type(message)], **asdict(message)})


def decode(text: str) -> Order | Event:
    """Read a text frame.

    Raises:
        BadMessage: not JSON, an unknown type, or wrong fields.
    """
    try:
        body: Any = json.loads(text)
    except ValueError as error:
        raise BadMessage("not JSON") from error
    name = body.pop("type", None) if isinstance(body, dict) else None
    kind = NAMES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise BadMessage("unknown type of message")
    try:
        message = kind(**body)
    except TypeError as error:
        raise BadMessage(f"{TYPES[kind]}: {error}") from error
    for field in fields(message):
        _expect(TYPES[kind], field, getattr(message, field.name))
    return message


def _expect(kind: str, field: Field[Any], value: Any) -> None:
    """Take exactly the declared type; a whole number passes where a fraction is wanted."""
    wanted = (int, float) if field.type is float else (field.type,)
    # type(), since True is an int to isinstance.
    if type(value) not in wanted:
        name = getattr(field.type, "__name__", field.type)
        raise BadMessage(f"{kind}: {field.name} must be {name}, not {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise BadMessage(f"{kind}: {field.name} must be a finite number")
