"""What follows from an event: orders to the world, in the imperative, and facts about the call, in the past tense."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from gateway.session.events import Source, Word

HeardBasis = Literal["client", "synthesizer", "model", "estimate"]
"""How we know what was heard (`voice_turns.heard_basis`)."""

AgentStatus = Literal["completed", "cancelled", "failed"]
"""How an agent turn ended."""

InjectionState = Literal["waiting", "speaking", "spoken", "heard", "cut", "dropped"]

# Orders.


@dataclass(frozen=True, slots=True)
class FinishTranscript:
    """Transcriber: the turn is over, say its final words."""

    turn_id: UUID


@dataclass(frozen=True, slots=True)
class Answer:
    """Engine: let your mind answer the user's turn `to`, as agent turn `turn_id`."""

    turn_id: UUID
    to: UUID


@dataclass(frozen=True, slots=True)
class Speak:
    """Engine: say `text` in your own voice, as agent turn `turn_id`."""

    turn_id: UUID
    text: str


@dataclass(frozen=True, slots=True)
class CancelEngine:
    """Engine: stop agent turn `turn_id`; of its sound the user heard `heard` samples, as `heard_text`."""

    turn_id: UUID
    heard: int
    heard_text: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Engine that hears: keep silent (True) while the bridge decides, or speak again."""

    on: bool
    drop: bool = False
    """With the end of it: what it began to say meanwhile is not wanted, for it is not the model that answers."""


@dataclass(frozen=True, slots=True)
class Held:
    """What an engine said while it was held, told when it is released; by the shell, which knows what came."""

    at: int
    text: str
    """Whole words of it."""
    sounded: int
    """Samples of its sound."""
    dropped: bool
    """It is never heard. Else it is let out now, late."""


# Facts about the user's floor.


@dataclass(frozen=True, slots=True)
class UserStarted:
    """The user has the floor. Not told while the agent speaks, unless it is a real barge-in."""

    turn_id: UUID
    """A later breath of a turn has an id of its own until its words are known (`UserTurnEnded.breath_id`)."""
    at: int
    """The onset."""
    may_continue: UUID | None = None
    """The turn that it may turn out to be a later breath of; that one's words may be awaited still."""


@dataclass(frozen=True, slots=True)
class UserStopped:
    """The user's turn is over; its words are being finished."""

    turn_id: UUID
    at: int
    """The last voiced sample."""


@dataclass(frozen=True, slots=True)
class UserWords:
    """The user's words so far; the next one replaces it."""

    turn_id: UUID
    text: str


@dataclass(frozen=True, slots=True)
class UserTurnEnded:
    """A whole utterance, final words and all. One that goes on after a pause is told anew, whole."""

    turn_id: UUID
    text: str
    """Empty when nothing was understood; then nobody answers."""
    words: tuple[Word, ...]
    confidence: float
    language: str
    start: int
    end: int
    by: Literal["voice", "text"]
    backchannel: bool
    """A "mhm" while the agent spoke: kept, not answered."""
    answered: bool
    """Whether the bridge takes it now."""
    breath_id: UUID
    """The turn's own id; of a later breath, the id under which its voice was told."""
    added: str
    """What this breath added to the text."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The user goes on with a turn that was taken for over: what was decided, planned or said to it is taken back.

    The turn comes again, whole, as an `AnswerWanted` of the same id.
    """

    turn_id: UUID


@dataclass(frozen=True, slots=True)
class AnswerWanted:
    """Bridge: take this utterance."""

    turn_id: UUID
    text: str
    confidence: float
    open_until: int
    """Until then the user may still go on with it."""


# Facts about the agent's floor.


@dataclass(frozen=True, slots=True)
class AgentStarted:
    """An agent turn is open; sound will come."""

    turn_id: UUID
    at: int
    source: Source
    answers: UUID | None
    injection_id: UUID | None
    text: str
    """What is to be said, where it is known beforehand."""


@dataclass(frozen=True, slots=True)
class AgentSounded:
    """The first sound of an agent turn has left."""

    turn_id: UUID
    at: int


@dataclass(frozen=True, slots=True)
class AgentEnded:
    """An agent turn is over: sounded to its end, cut, or failed."""

    turn_id: UUID
    at: int
    status: AgentStatus
    reason: str
    """Why it did not complete: `turn_detected`, `client_cancelled`, an error's code."""
    text: str
    """All words that the engine gave."""
    words: tuple[Word, ...]
    heard_text: str
    heard_basis: HeardBasis
    heard: int
    """Samples of its sound that the user heard."""


@dataclass(frozen=True, slots=True)
class HeardCorrected:
    """The client told later how much of a turn had sounded."""

    turn_id: UUID
    heard: int
    heard_text: str
    heard_basis: HeardBasis


@dataclass(frozen=True, slots=True)
class Ducked:
    """The agent falls quiet because somebody speaks over it; what it says waits."""

    at: int
    turn_id: UUID


@dataclass(frozen=True, slots=True)
class Unducked:
    """It was nothing: the agent goes on where it was."""

    at: int
    turn_id: UUID


@dataclass(frozen=True, slots=True)
class BargeIn:
    """It is decided what the user's sound over agent turn `turn_id` was."""

    at: int
    turn_id: UUID
    kind: Literal["barge_in", "backchannel", "false_alarm", "echo"]
    cancelled_text: str
    heard: int
    stop_ms: float
    """From the user's onset to the agent's silence."""


@dataclass(frozen=True, slots=True)
class EchoSuppressed:
    """Agent turn `turn_id` came back through the user's microphone and was silenced there (`session.echo`)."""

    at: int
    turn_id: UUID
    start: int
    end: int
    silenced: int
    """Samples of silence between `start` and `end`; the rest were pauses, or the user."""
    delay_ms: float
    """From leaving here to coming back."""
    level_db: float
    """What came back, against what was sent."""


@dataclass(frozen=True, slots=True)
class InjectionChanged:
    """Where a text to be said has got to (`voice_injections.state`)."""

    injection_id: UUID
    at: int
    state: InjectionState
    source: Source
    text: str
    said: str
    unsaid: str
    heard: int
    turn_id: UUID | None
    """The agent's turn that says it, once there is one."""
    invocation_id: UUID | None
    why: str = ""
    """Why it was dropped: `expired`, `queue_full`, `withdrawn`, `user_asked`, `answered`, `ended`."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One latency of a turn (`voice_latencies`)."""

    at: int
    turn_id: UUID
    span: str
    ms: float


@dataclass(frozen=True, slots=True)
class EngineConnected:
    """The call's engine is there, with persona and voice; it can be spoken to."""

    at: int
    engine: str
    ms: float
    """From asking for it."""


@dataclass(frozen=True, slots=True)
class EngineReplaced:
    """The engine that the call was promised could not be had: another took its place."""

    at: int
    engine: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A client's wish that the rules cannot grant."""

    code: str
    message: str


Effect = (
    FinishTranscript
    | Answer
    | Speak
    | CancelEngine
    | Hold
    | Held
    | UserStarted
    | UserStopped
    | UserWords
    | UserTurnEnded
    | Withdrawn
    | AnswerWanted
    | AgentStarted
    | AgentSounded
    | AgentEnded
    | HeardCorrected
    | Ducked
    | Unducked
    | BargeIn
    | EchoSuppressed
    | InjectionChanged
    | Measured
    | EngineConnected
    | EngineReplaced
    | Refused
)
