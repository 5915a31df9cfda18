"""What the model is told of who it is: a text prompt and a voice prompt, both in the server's URL."""

import re
from itertools import accumulate
from urllib.parse import quote_plus

from gateway.ports import Brief
from personas.model import MAX_PROMPT, Voice

MAX_ENCODED = 6000
"""Bytes of the text prompt in the URL. A request's first line may have 8,190, and a longer one is answered with 400."""

END_OF_SENTENCE = re.compile(r"[.!?](?= |$)")

DEFAULT_VOICES = {"female": "NATF2.pt", "male": "NATM1.pt", "neutral": "NATF2.pt"}
"""Of a voice that names none of the model's."""


def text_prompt(brief: Brief) -> str:
    """The brief's instructions, as far as the model and the URL can hold them; cut at the end of a sentence or word.

    Each of its tokens, some four characters, takes a frame of the model's memory: of 3,000 frames 2,000 characters take
    a sixth. The tags around it (`<system>`) are the server's to set.
    """
    text = " ".join(brief.instructions.replace("<system>", " ").split())
    bytes_up_to = accumulate(len(quote_plus(character)) for character in text[:MAX_PROMPT])
    most = sum(1 for count in bytes_up_to if count <= MAX_ENCODED)
    if most == len(text):
        return text
    ends = [match.end() for match in END_OF_SENTENCE.finditer(text) if match.end() <= most]
    if ends and ends[-1] > most // 2:
        return text[: ends[-1]]
    return text[:most].rpartition(" ")[0] or text[:most]


def voice_prompt(voice: Voice) -> str:
    """The voice's file, out of `voices.yaml` alone: nothing that a client wrote gets here."""
    return voice.personaplex or DEFAULT_VOICES[voice.gender]
