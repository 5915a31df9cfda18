"""What a persona and a voice are; pydantic, because they come out of files that people write."""

from string import Formatter
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

MAX_PROMPT = 2000
"""Characters. A stock speech server takes the prompt in its URL, whose line may hold 8,190 bytes, and each
token of it costs a frame of the model's memory."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
# YAML knows lists alone, and strict pydantic would not make a tuple of one.
Texts = Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]
SPEEDS = (0.5, 2.5)
"""Slowest and fastest of eSpeak NG."""
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
"""`en` or `en-GB` (BCP 47: language, region)."""


class Strict(BaseModel):
    """Nothing is guessed: a wrong type or an unknown field is an error."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class EspeakVoice(Strict):
    """How eSpeak NG speaks this voice."""

    voice: Text
    """eSpeak's own name, with a variant behind a plus: `en-us+f3`."""
    speed: float = Field(1.0, ge=SPEEDS[0], le=SPEEDS[1])
    """1 is 175 words a minute."""
    pitch: float = Field(1.0, ge=0.0, le=2.0)
    """1 is the pitch of the variant itself."""


class Voice(Strict):
    """One voice, under the name by which clients choose it, as each engine knows it."""

    name: Name
    title: Text
    language: Language
    gender: Literal["female", "male", "neutral"]
    espeak: EspeakVoice
    personaplex: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+\.pt$")] | None = None
    """The voice prompt's file (`NATF2.pt`): a plain file name, since it ends up in a path elsewhere."""
    elevenlabs: Text | None = None
    """ElevenLabs' voice id."""


class SmallTalk(Strict):
    """Things people say that mean the same, and what may be answered to any of them."""

    examples: Texts
    """How people say it: plain words as a recogniser writes them."""
    replies: Texts
    intent: Name | None = None
    """The group's name, for logs and the classifier."""


class Fillers(Strict):
    """What is said while somebody waits, where the tool or the mood calls for something of its own."""

    tools: dict[str, Texts] = Field(default_factory=dict)
    """By the name of a tool, or of its agent; where the plan has no words of its own."""
    hurried: Texts | None = None
    """To who is in a hurry."""
    upset: Texts | None = None
    """To who has lost patience."""


class Phrases(Strict):
    """What the agent says by itself when no mind and no tool has words for it. `bridge` and gateway choose
    among them with `personas.small_talk.pick`."""

    unknown: Texts
    """It does not know, or cannot do that."""
    not_understood: Texts
    """The words were not made out."""
    acknowledgements: Texts
    """A tool runs, and the plan has no words of its own."""
    waiting: Texts
    """The tool still runs."""
    fillers: Fillers = Field(default_factory=Fillers)
    failed: Texts
    """The tool failed; `{reason}` stands for why, a clause without full stop."""
    denied: Texts
    """The user said no to an action."""
    cancelled: Texts
    """An action was called off before it was done."""
    unavailable: Texts
    """What would do it cannot be reached at all."""
    still_there: Texts
    """Nobody has spoken for long; said once, so that a quiet line is not taken for a dead one."""

    @field_validator("failed")
    @classmethod
    def _names_the_reason(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        for phrase in phrases:
            try:
                fields = [field for _, field, _, _ in Formatter().parse(phrase) if field is not None]
            except ValueError as error:
                raise ValueError(f"each phrase has {{reason}} in it and no other brace: {error}") from error
            if fields != ["reason"]:
                raise ValueError(f"each phrase has {{reason}} in it, once: {phrase!r}")
        return phrases


class Persona(Strict):
    """One character that can take a call."""

    name: Name
    title: Text
    description: Text
    """One sentence for the page where it is chosen."""
    language: Language
    voice: Name
    """A name out of `voices.yaml`."""
    default: bool = False
    """This one takes the calls that ask for none."""
    prompt: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_PROMPT)]
    """The system text, for language models and duplex models alike."""
    greeting: Text
    """The agent's first words, before anybody has asked for any."""
    silence_s: Annotated[float, Field(ge=10, le=600)] | None = 30.0
    """Seconds in which nobody speaks until the agent says one of `phrases.still_there`; None: it never does."""
    asks_before: Literal["write", "dangerous"] = "dangerous"
    """Which tools it asks about each time before it lets them run, by their risk: `dangerous` ones alone, or `write`
    and these."""
    small_talk: Annotated[tuple[SmallTalk, ...], Field(strict=False)] = ()
    phrases: Phrases


class VoiceFile(Strict):
    """`voices.yaml`."""

    voices: Annotated[tuple[Voice, ...], Field(strict=False, min_length=1)]
