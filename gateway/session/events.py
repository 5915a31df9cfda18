"""What happens to a session: each event brings its time, `at`, in samples of the session clock."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Source = Literal["tool", "filler", "approval", "say", "notice", "mind"]
"""Who wants something said (`voice_injections.source`)."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where it sounds: in the session clock for the user's, from the turn's first sample for the agent's."""

    text: str
    start: int
    end: int


# The user's voice, as the transcriber tells it.


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Voice activity began; it may be a word, a cough or our own echo."""

    at: int
    onset: int
    """Where the sound began; `at` is when we came to know of it."""


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Voice activity ended; whether the turn did is for the rules to say."""

    at: int
    offset: int
    """The last voiced sample."""
    raised: bool = False
    """Its pitch stayed up, as of one who goes on; False where the transcriber does not say."""


@dataclass(frozen=True, slots=True)
class WordsHeard:
    """The words of the running turn so far; the next one replaces it."""

    at: int
    text: str
    last: int = 0
    """How long the last of them sounded, in samples; 0 where the transcriber does not say."""


@dataclass(frozen=True, slots=True)
class TranscriptReady:
    """The answer to `FinishTranscript`: the turn's final words, none when nothing was understood."""

    at: int
    text: str
    words: tuple[Word, ...]
    confidence: float
    language: str


# What the client does.


@dataclass(frozen=True, slots=True)
class TextGiven:
    """The user typed; it is answered when somebody asks for an answer."""

    at: int
    turn_id: UUID
    text: str


@dataclass(frozen=True, slots=True)
class InputCommitted:
    """The client says that the user's turn is over."""

    at: int


@dataclass(frozen=True, slots=True)
class InputCleared:
    """The client takes back what was heard of the running turn."""

    at: int


@dataclass(frozen=True, slots=True)
class EchoFound:
    """What was heard since `since` was the agent's own sound; from now on it is silenced (`session.echo`)."""

    at: int
    since: int


@dataclass(frozen=True, slots=True)
class AnswerAsked:
    """The client wants an answer now, to what was last said or typed."""

    at: int


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Somebody other than the user's voice stops the agent's turn."""

    at: int
    reason: str = "client_cancelled"


@dataclass(frozen=True, slots=True)
class PlaybackReported:
    """The client tells how much of an agent's turn has sounded at its side."""

    at: int
    turn_id: UUID
    heard: int
    """Samples from the beginning of the turn's sound."""


@dataclass(frozen=True, slots=True)
class ClientCame:
    """A client that wants to be spoken to unasked is there for the first time."""

    at: int


@dataclass(frozen=True, slots=True)
class SoundDropped:
    """A stretch of an agent's turn came too late to be worth sending to a slow client."""

    at: int
    turn_id: UUID
    start: int
    """Samples from the beginning of the turn's sound."""
    end: int


@dataclass(frozen=True, slots=True)
class ClientLost:
    """No client is there, yet or any more: nobody hears the agent, and no silence is the user's."""

    at: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """Of an agent's turn the client has got no sound behind `until`."""

    turn_id: UUID
    until: int
    """Samples from the beginning of the turn's sound."""


@dataclass(frozen=True, slots=True)
class ClientBack:
    """A client is there: the first, the same again, or another in its place."""

    at: int
    arrived: tuple[Arrived, ...] | None
    """The turns of which it did not get all that was sent; None where it did not say."""


@dataclass(frozen=True, slots=True)
class RulesChanged:
    """The client asked for other manners; what is None stays as it is."""

    at: int
    push_to_talk: bool | None = None
    answers_by_itself: bool | None = None
    interruptible: bool | None = None
    silence: int | None = None
    """Samples of silence after which the agent speaks up; 0: never."""


# The engine.


@dataclass(frozen=True, slots=True)
class AgentOpened:
    """An engine that speaks by itself began a turn."""

    at: int
    turn_id: UUID


@dataclass(frozen=True, slots=True)
class AgentFinished:
    """The engine has given all sound and words of the turn."""

    at: int
    turn_id: UUID


@dataclass(frozen=True, slots=True)
class AgentFailed:
    """The engine cannot go on with the turn."""

    at: int
    turn_id: UUID
    code: str
    message: str


# The bridge, and whoever else wants something said.


@dataclass(frozen=True, slots=True)
class WishHeard:
    """By its words so far this turn, which goes on, asks for something to be done."""

    at: int
    turn_id: UUID


@dataclass(frozen=True, slots=True)
class MindAsked:
    """The bridge leaves this utterance to the engine's mind."""

    at: int
    turn_id: UUID


@dataclass(frozen=True, slots=True)
class DeedBegan:
    """What this utterance asked for is being done and cannot be taken back."""

    at: int
    turn_id: UUID


@dataclass(frozen=True, slots=True)
class HushAsked:
    """The user asked for silence: the agent's turn is cut, and what waits to be said to them is dropped."""

    at: int


@dataclass(frozen=True, slots=True)
class Settled:
    """The bridge has done with this utterance; nothing more is owed for it."""

    at: int
    turn_id: UUID


@dataclass(frozen=True, slots=True)
class InjectionAsked:
    """Text to be said at the next free moment."""

    at: int
    injection_id: UUID
    text: str
    source: Source
    turn_id: UUID | None = None
    """The user's turn that led to it."""
    invocation_id: UUID | None = None
    priority: int = 0
    """The higher goes first; equals in the order in which they came."""
    expires_at: int | None = None
    """Dropped when it has not begun by then."""
    interrupt: bool = False
    """Cuts what the agent is saying."""
    idempotency_key: str | None = None
    """Of whoever had it said."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passes, every 20 ms, also when nothing is heard."""

    at: int


Event = (
    SpeechStarted
    | SpeechStopped
    | WordsHeard
    | TranscriptReady
    | TextGiven
    | InputCommitted
    | InputCleared
    | EchoFound
    | AnswerAsked
    | CancelAsked
    | PlaybackReported
    | ClientCame
    | SoundDropped
    | ClientLost
    | ClientBack
    | RulesChanged
    | AgentOpened
    | AgentFinished
    | AgentFailed
    | WishHeard
    | MindAsked
    | DeedBegan
    | HushAsked
    | Settled
    | InjectionAsked
    | Tick
)
