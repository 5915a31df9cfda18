"""A model ready to be called: network, codec, words and voices that belong together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from services.speech import priming
from services.speech.codec.mimi import Mimi
from services.speech.model import Model
from services.speech.prefixes import Key
from services.speech.priming import Script, Voice, Work
from services.speech.shapes import ModelShape


class Words(Protocol):
    """Text to tokens and back."""

    def persona(self, text: str) -> list[int]:
        """Tokens of a persona; none for an empty one."""
        ...

    def piece(self, token: int) -> bytes:
        """What a token writes, in UTF-8: a word begins with a space, and a rare character is written byte by byte."""
        ...


Voices = Mapping[str, Callable[[Mimi, ModelShape], Work[Voice]]]
"""How each voice that a caller may ask for is had, by name."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What a call needs of a model."""

    name: str
    model: Model
    mimi: Mimi
    words: Words
    voices: Voices

    def priming(self, voice: str, prompt: str) -> tuple[Key, Callable[[], Work[Script]] | None]:
        """What a call with this voice and persona is primed with.

        Args:
            voice: A name out of `voices`, or "" for none.

        Returns:
            By what its prefix is known, and how its script is written; None where there is neither voice nor
            persona. Then nothing is primed, as Moshi never is.
        """
        tokens = self.words.persona(prompt)
        if not voice and not tokens:
            return ("", ()), None

        def write() -> Work[Script]:
            spoken = (yield from self.voices[voice](self.mimi, self.model.shape)) if voice else None
            return priming.script(self.model.shape, spoken, tokens)

        return (voice, tuple(tokens)), write
