"""What goes into the bridge and what comes out of it: words and facts, no sound."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from bridge.approval import Answer, Approval, Verdict
from bridge.ledger import Invocation
from services.orchestrator.protocol import Plan

Control = Literal["stop", "repeat", "wait", "never_mind"]


class Intent(StrEnum):
    """What the user wants with an utterance."""

    CHITCHAT = "chitchat"
    ACTION = "action"
    CONTROL = "control"
    """The call itself: stop, wait, say it again."""
    APPROVAL = "approval"
    """Yes or no to an action that waits for it."""
    UNCLEAR = "unclear"
    """Nobody can tell from the words alone; the planner decides."""


@dataclass(frozen=True, slots=True)
class SayAddress:
    """How whoever does a deed can have the agent speak later: a POST of `{"text": …}`, the token as bearer."""

    url: str
    token: str = field(repr=False)
    """It belongs in no log and no row."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the user said in one turn, whole."""

    turn_id: UUID
    session_id: UUID
    conversation_id: str
    text: str
    confidence: float
    """The recogniser's, 0 to 1."""
    last_agent: str
    """What the agent last said and was heard; empty when it has said nothing."""
    timezone: str | None
    """An IANA name (`Europe/Berlin`), where the client told it."""
    language: str
    settle_s: float = 0.0
    """Seconds from now in which the user may still go on with this turn: a deed that changes something is not
    dispatched before. 0 for what was typed."""
    user_id: str | None = None
    """Who the caller is, where whoever made the session said it."""
    owner: str | None = None
    """Name of the API key whose call it is; None: the house's. Users of one name under two keys are two."""
    say: SayAddress | None = None
    """Told with a deed, not with a plan."""

    @property
    def context(self) -> dict[str, Any]:
        """Who asks, in which call: what an orchestrator is told with every plan and deed."""
        context = {"session_id": str(self.session_id), "language": self.language}
        if self.owner:
            context["owner"] = self.owner
        if self.user_id:
            context["user_id"] = self.user_id
        if self.timezone:
            context["timezone"] = self.timezone
        return context

    @property
    def deed_context(self) -> dict[str, Any]:
        """`context`, and how to speak up later."""
        say = {"url": self.say.url, "token": self.say.token} if self.say else None
        return self.context | ({"say": say} if say else {})

    @property
    def request(self) -> dict[str, Any]:
        """As a row keeps it: what a deed is asked for with beside its plan, and nothing that opens a door."""
        return {"message": self.text, "conversation_id": self.conversation_id, "context": self.context}


@dataclass(frozen=True, slots=True)
class IntentDecided:
    """Chitchat, a wish, or something else: always the first event of an utterance."""

    turn_id: UUID
    intent: Intent
    confidence: float
    ms: float
    by: str
    """Who decided: `trained`, `nearest` example, `controls`,
    `question` (it answers one that we asked), `offer` (it says whether
    to read on), `approval` (it answers a question for consent), or `two_breaths` (what was said after a pause is no
    small talk, or what was said before it)."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The orchestrator told what it could do; nothing is done yet."""

    turn_id: UUID
    plan: Plan
    ms: float


@dataclass(frozen=True, slots=True)
class InvocationChanged:
    """A row of the ledger has a new state, which is committed."""

    invocation: Invocation


@dataclass(frozen=True, slots=True)
class ResultArrived:
    """What became of a deed was found out when nobody waited for it any more; `invocation.arrival` names how."""

    invocation: Invocation


@dataclass(frozen=True, slots=True)
class ApprovalAsked:
    """The user is asked whether a deed may be done; its row waits."""

    invocation_id: UUID
    approval: Approval


@dataclass(frozen=True, slots=True)
class ApprovalAnswered:
    """What the user said or pressed after such a question, and what follows from it."""

    invocation_id: UUID
    approval_id: UUID
    turn_id: UUID | None
    """The turn that was taken for the answer; None: it was pressed."""
    answer: Answer
    heard: bool
    """Whether it came right after the whole question."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Progressed:
    """A running deed tells how far it is."""

    invocation_id: UUID
    text: str
    fraction: float | None
    """0 to 1, where the tool knows."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Words to be spoken at a free moment."""

    turn_id: UUID
    text: str
    source: Literal["filler", "tool", "approval", "notice"]
    invocation_id: UUID | None


@dataclass(frozen=True, slots=True)
class LeftToMind:
    """Nobody else answers this utterance: the engine's mind may."""

    turn_id: UUID


@dataclass(frozen=True, slots=True)
class ControlAsked:
    """The user said what the call itself should do."""

    turn_id: UUID
    control: Control


BridgeEvent = (
    IntentDecided
    | Planned
    | InvocationChanged
    | ResultArrived
    | ApprovalAsked
    | ApprovalAnswered
    | Progressed
    | Reply
    | LeftToMind
    | ControlAsked
)
