"""The ports of the speech lane: what an engine, a mind, a synthesizer and a recogniser must be able to do.

Adapters are leaves, chosen in one place (`gateway.parts`); one contract suite runs over each adapter of a port.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from gateway.conversation import Conversation
from gateway.session.events import Event, Word
from gateway.session.rules import Traits
from personas.model import Persona, Voice
from services.base.problems import Problem

Mode = Literal["personaplex", "realtime", "elevenlabs", "local"]
"""The engines by their public names (`voice_sessions.mode`)."""


class PartAway(Problem):
    """A part of the call cannot be reached, or was lost in the middle of its work."""

    code, status, title = "part_away", 503, "A part of the call cannot be reached"


class PartRefused(PartAway):
    """A part is there and will not do this: asking again is in vain."""

    code, title = "part_refused", "A part of the call refused"


class MindAway(PartAway):
    """No (more) answer can be had, while the voice that would say it is there."""

    code, title = "mind_away", "What answers cannot be reached"


@dataclass(frozen=True, slots=True)
class Brief:
    """Who the engine is to be."""

    persona: Persona
    voice: Voice
    language: str
    instructions: str
    """The system text: the persona's, or what the client put in its place."""


def base_language(tag: str) -> str:
    """The language of a BCP 47 tag without its region: `en` of `en-GB`."""
    return tag.replace("_", "-").partition("-")[0].lower()


class Sink(Protocol):
    """Where an engine puts what it says. Everything of a turn that was cancelled is dropped there."""

    def opened(self, turn_id: UUID) -> None:
        """An engine that speaks by itself begins a turn."""
        ...

    def sound(self, turn_id: UUID, pcm: bytes, words: tuple[Word, ...] = ()) -> None:
        """PCM16 mono at 24 kHz, and the words that begin in it (positions from the turn's first sample)."""
        ...

    def finished(self, turn_id: UUID) -> None:
        """Everything of the turn was given."""
        ...

    def failed(self, turn_id: UUID, code: str, message: str) -> None:
        """The turn cannot go on."""
        ...

    def withheld(self, text: str, samples: int, dropped: bool) -> None:
        """The engine was held, and is no longer: so much it said meanwhile, which is let out now or never heard."""
        ...

    async def room(self) -> None:
        """Wait until there is room for more sound: nobody needs more than 10 s of it ahead."""
        ...


class Engine(Protocol):
    """Speaks for the agent. Orders return at once; `run` does the work until it is cancelled."""

    mode: Mode
    traits: Traits

    async def connect(self, brief: Brief) -> None:
        """Get ready to speak.

        Raises:
            PartAway: it cannot be had now.
        """
        ...

    async def run(self, sink: Sink) -> None:
        """Work until cancelled. Raises `PartAway` when the engine is lost for good."""
        ...

    async def close(self) -> None:
        """Let go of what is held; `run` is over, or never began."""
        ...

    def hear(self, pcm: bytes) -> None:
        """The user's sound, PCM16 mono at 24 kHz, gapless and in real time."""
        ...

    def answer(self, turn_id: UUID, conversation: Conversation) -> None:
        """Let the mind answer what was said last."""
        ...

    def speak(self, turn_id: UUID, text: str) -> None:
        """Say `text`, in the agent's voice."""
        ...

    def cancel(self, turn_id: UUID, heard_text: str) -> None:
        """Stop the turn; the user heard `heard_text` of it."""
        ...

    def hold(self, on: bool, drop: bool = False) -> None:
        """Keep silent in your own mind, or no longer; `drop`: what you began to say meanwhile is not wanted."""
        ...


class Mind(Protocol):
    """Answers chitchat, in words."""

    name: str

    def answer(self, conversation: Conversation, instructions: str) -> AsyncGenerator[str, None]:
        """Yield the answer sentence by sentence, as soon as each is known.

        Raises:
            MindAway: what was yielded so far is good.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of synthesised speech: PCM16 mono at 24 kHz, and the words that begin in it."""

    pcm: bytes
    words: tuple[Word, ...]
    """Positions in samples from the beginning of the text's own sound."""


class Synthesizer(Protocol):
    """Turns text into speech."""

    def speak(self, text: str, voice: Voice) -> AsyncGenerator[Sound, None]:
        """Yield the sound as fast as it is made; closing the generator stops it.

        Raises:
            PartAway: the voice was lost; what was yielded so far is good.
            PartRefused: it will not speak this text.
        """
        ...

    async def close(self) -> None:
        """Let go of what is held."""
        ...


class Ears(Protocol):
    """Voice activity and recognition of one call; what they make out goes to the session as events."""

    missing: str | None
    """Why nothing has been heard for some seconds; None while all is well."""

    async def run(self, tell: Callable[[Event], None]) -> None:
        """Work until cancelled, through losses of the service: what was said meanwhile is kept."""
        ...

    def hear(self, pcm: bytes) -> None:
        """The user's sound, PCM16 mono at 24 kHz, gapless."""
        ...

    def finish(self) -> None:
        """The turn is over: a `TranscriptReady` is owed."""
        ...
