"""What is owed to the user: the utterance nobody answered yet, the one the bridge has, the one for the mind."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from gateway.session.clock import samples

DECISION_LIMIT = samples(3000)
"""A bridge that has said nothing by now no longer keeps other words from being spoken."""


@dataclass(frozen=True, slots=True)
class Question:
    """An utterance that wants an answer."""

    turn_id: UUID
    text: str
    confidence: float
    end: int
    """Its last voiced sample, or when an answer to it was asked for."""
    by: Literal["voice", "text"]
    open_until: int
    """Until then the user may still go on with it."""


@dataclass(slots=True)
class Asked:
    """The utterance that went to the bridge last; older ones are not answered by the mind any more."""

    question: Question
    at: int
    decided: bool = False
    """The bridge has told what becomes of it."""
    told: bool = False
    """What came of it was told, or is for the mind to say; a filler is no answer."""
    left_to_mind: bool = False
    begun: bool = False
    """An agent turn that answers it has begun."""
    sounded: bool = False
    """The user has heard the first sound of an answer."""


class Answers:
    """Follows utterances from their last word to the answer's first sound."""

    def __init__(self) -> None:
        self.unanswered: Question | None = None
        """Waits until the client asks for an answer."""
        self.left_unheard = False
        """What an engine that hears has to say to what is `owed` came too late to be heard."""
        self.owed: Question | None = None
        """The engine's mind is to answer it as soon as the floor is free."""
        self.asked: Asked | None = None

    @property
    def undecided(self) -> bool:
        """Whether the bridge has an utterance and has told nothing yet."""
        return self.asked is not None and not self.asked.decided

    @property
    def awaits_result(self) -> bool:
        """Whether the bridge owes more than a filler to the utterance that it has."""
        return self.asked is not None and not self.asked.told

    def ask(self, question: Question, now: int) -> None:
        """The utterance goes to the bridge; what was owed before is superseded."""
        self.unanswered = self.owed = None
        self.left_unheard = False
        self.asked = Asked(question, now)

    def withdraw(self, turn_id: UUID) -> None:
        """The user goes on with the utterance: it is asked anew when it is whole."""
        if self.asked and self.asked.question.turn_id == turn_id:
            self.asked = None
        if self.owed and self.owed.turn_id == turn_id:
            self.owed = None

    def decide(self, turn_id: UUID, by_filler: bool = False) -> Question | None:
        """The bridge has told what becomes of the utterance, which is returned if it was undecided until now."""
        asked = self.asked
        if asked is not None and asked.question.turn_id == turn_id and not by_filler:
            asked.told = True
        if asked is None or asked.decided or asked.question.turn_id != turn_id:
            return None
        asked.decided = True
        return asked.question

    def leave_to_mind(self, turn_id: UUID) -> None:
        """The bridge leaves the utterance to the mind; one that was superseded is left to nobody."""
        self.decide(turn_id)
        if self.asked and self.asked.question.turn_id == turn_id and not self.asked.left_to_mind:
            self.asked.left_to_mind = True
            self.owed = self.asked.question

    def begin(self, turn_id: UUID | None) -> None:
        """An agent turn that answers utterance `turn_id` has begun."""
        if self.asked and self.asked.question.turn_id == turn_id:
            self.asked.begun = True

    def awaited(self, now: int) -> tuple[UUID | None, bool]:
        """The utterance whose words go first, and whether all others must wait for them."""
        asked = self.asked
        if asked is None or asked.begun:
            return None, False
        return asked.question.turn_id, not asked.decided and now - asked.at <= DECISION_LIMIT

    def first_sound(self, turn_id: UUID | None) -> Asked | None:
        """The utterance `turn_id`, when this is the first sound of an answer to it."""
        if self.asked is None or self.asked.question.turn_id != turn_id or self.asked.sounded:
            return None
        self.asked.sounded = True
        return self.asked
