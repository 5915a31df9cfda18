"""What a client asks for before the socket opens."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, TypeVar, get_args

PATH = "/api/chat"

MAX_VOICE_PROMPT = 128
"""Characters of a file's name. Which names there are is the server's to say."""
MAX_TEXT_PROMPT = 4_000
"""Characters: about 1,000 tokens, each a frame of the model's 3,000. NVIDIA's page takes 1,000 characters. In a URL
they may weigh 12 kB and more: mind the server's limit for a request's first line."""
MAX_SEED = 2**63 - 1
MAX_TEMPERATURE = 2.0
"""NVIDIA's page offers 0.2 to 1.2."""
MAX_TEXT_TOPK = 32_000
MAX_AUDIO_TOPK = 2_048
"""How many tokens there are. The engine draws from fewer (`sampling.MOST_CANDIDATES`)."""


class BadQuery(ValueError):
    """A value of the query cannot be used; the message is a sentence that begins with its key."""

    code = "bad_query"

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key} {message}.")
        self.key = key


Codec = Literal["ogg", "pcm16"]


@dataclass(frozen=True, slots=True)
class Chat:
    """What a client asks for in the query; None leaves it to the server."""

    voice_prompt: str = ""
    """The file of a voice."""
    text_prompt: str = ""
    """The persona."""
    seed: int | None = None
    """For both streams. A stock server crashes at it. -1 is what clients send for none."""
    text_seed: int | None = None
    audio_seed: int | None = None
    text_temperature: float | None = None
    """0 takes the likeliest token."""
    text_topk: int | None = None
    audio_temperature: float | None = None
    audio_topk: int | None = None
    antiphon: bool = False
    """The client knows our additions and may be sent them."""
    codec: Codec = "ogg"
    queue: bool = False
    """When all slots are taken, wait for one instead of being refused."""


def parse_query(query: Mapping[str, str]) -> Chat:
    """Read the query of `PATH`. Keys that aren't named here are ignored; an empty value counts as none.

    Raises:
        BadQuery: a value is out of its range, or nothing of its kind.
    """
    return Chat(
        voice_prompt=_text(query, "voice_prompt", MAX_VOICE_PROMPT),
        text_prompt=_text(query, "text_prompt", MAX_TEXT_PROMPT),
        seed=_seed(query, "seed"),
        text_seed=_seed(query, "text_seed"),
        audio_seed=_seed(query, "audio_seed"),
        text_temperature=_fraction(query, "text_temperature", MAX_TEMPERATURE),
        text_topk=_whole(query, "text_topk", 1, MAX_TEXT_TOPK),
        audio_temperature=_fraction(query, "audio_temperature", MAX_TEMPERATURE),
        audio_topk=_whole(query, "audio_topk", 1, MAX_AUDIO_TOPK),
        antiphon=_choice(query, "antiphon", {"1": True, "0": False}, False),
        codec=_choice(query, "codec", {name: name for name in get_args(Codec)}, "ogg"),
        queue=_choice(query, "queue", {"1": True, "0": False}, False),
    )


def write_query(chat: Chat) -> dict[str, str]:
    """The query that `parse_query` reads so. The two prompts are in it always, as a stock server wants them."""
    said = {"voice_prompt": chat.voice_prompt, "text_prompt": chat.text_prompt}
    for field in fields(chat):
        value = getattr(chat, field.name)
        if value != field.default:
            said[field.name] = "1" if value is True else str(value)
    return said


def _text(query: Mapping[str, str], key: str, longest: int) -> str:
    value = query.get(key, "")
    if len(value) > longest:
        raise BadQuery(key, f"has {len(value)} characters; at most {longest} are taken")
    return value


def _seed(query: Mapping[str, str], key: str) -> int | None:
    seed = _whole(query, key, -1, MAX_SEED)
    return None if seed == -1 else seed


def _whole(query: Mapping[str, str], key: str, least: int, most: int) -> int | None:
    value = query.get(key, "")
    if not value:
        return None
    # Longer than any in range; and int() takes underscores, spaces and other alphabets' digits.
    if len(value) > 20 or not value.removeprefix("-").isdecimal() or not value.isascii():
        raise BadQuery(key, "is not a whole number")
    if not least <= (number := int(value)) <= most:
        raise BadQuery(key, f"is {number}; {least} to {most} are taken")
    return number


def _fraction(query: Mapping[str, str], key: str, most: float) -> float | None:
    value = query.get(key, "")
    if not value:
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    # A NaN is between no two numbers.
    if not 0 <= number <= most:
        raise BadQuery(key, f"is not a number from 0 to {most:g}")
    return number


Choice = TypeVar("Choice")


def _choice(query: Mapping[str, str], key: str, choices: Mapping[str, Choice], default: Choice) -> Choice:
    value = query.get(key, "")
    if value and value not in choices:
        raise BadQuery(key, f"is not one of {', '.join(choices)}")
    return choices[value] if value else default
