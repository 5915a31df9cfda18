"""Consent to one action, without I/O: when it is asked for, what an answer means, and what follows from it.

An answer counts for the action that was asked about last, right after its question was heard, and only where the whole
of it is a yes or a no. Whatever is more than that ("yes, but tomorrow", "sure, turn off the pump") is no consent.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from bridge.plain import plain, without_hesitation
from services.orchestrator.protocol import Plan

AsksBefore = Literal["write", "dangerous"]
"""The least risk about which a persona asks every time."""

TRIES = 2
"""So often a question is asked to which nothing that was said is an answer; then the action is let go."""

By = Literal["words", "button"]
"""How a question for consent was answered."""

UNSURE = 0.8
"""A plan to change something that is less sure than this is asked about (docs/bridge.md)."""

CLEAR = r"(?:yes|yeah|yep|yup|absolutely|definitely|certainly|of course|affirmative)"
ORDER = (
    r"(?:(?:please )?(?:do (?:it|that|so)|go (?:right )?ahead(?: and do (?:it|that))?|go for it|proceed)|please do|"
    r"i confirm(?: (?:it|that))?|confirmed?)"
)
WEAK = (
    r"(?:okay|ok|sure(?: thing)?|all ?right|right|fine|good|great|perfect|cool|exactly|correct|mhm|why not|"
    r"sounds good|(?:thats|that is|its|it is) (?:fine|okay|ok|right|correct|good)|i (?:guess|think|suppose)(?: so)?)"
)
BESIDE = (
    r"(?:you (?:can|may|should)|i (?:do|am|want (?:that|you to))|(?:i am|im) (?:quite |very )?(?:sure|certain)|"
    r"(?:thats|that is) (?:right|correct)|correct|right|okay|ok|sure|all ?right|exactly)"
)
"""What is said along with a yes and changes nothing about it."""

REFUSAL = (
    r"(?:no|nope|nah|no way|no thanks?|no thank you|negative|never|(?:absolutely|definitely|certainly|of course) not|"
    r"(?:please )?(?:dont|do not)(?: do (?:it|that)| bother)?|(?:better|rather|please) not|not (?:now|today)|"
    r"i(?:d| would) rather not|i (?:dont|do not) (?:want (?:that|it|you to)(?: do (?:it|that))?|think so)|no need)"
)
AFTER_REFUSAL = (
    r"(?:stop|wait|cancel(?: (?:it|that))?|never ?mind|"
    r"(?:leave|keep) (?:it|that|them|those|these)(?: alone| be| there)?|forget (?:it|that|about it)|i changed my mind)"
)
BEFORE = r"(?:oh|well|so|and|hey|sorry|actually|okay|ok|all ?right|sure|then|please)"
AFTER = r"(?:please|now|then|thanks|thank you|sir|maam|okay|ok|all ?right)"


def _whole(phrase: str, more: str = "(?!)") -> re.Pattern[str]:
    """`phrase`, then any of it or of `more`, with what people put around."""
    return re.compile(rf"(?:{BEFORE} )*{phrase}(?: (?:{phrase}|{more}|{AFTER}))*")


YES = _whole(rf"(?:{CLEAR}|{ORDER})", BESIDE)
HALF = _whole(WEAK)
NO = _whole(REFUSAL, AFTER_REFUSAL)
LEADING_YES = re.compile(rf"(?:{BEFORE} )*{CLEAR} (.+)")
BEGINS = re.compile(rf"(?:{BEFORE} )*(?:{CLEAR}|{WEAK}|{REFUSAL})\b|{BEFORE}\b")
BEGINS_WITH_NO = re.compile(rf"(?:{BEFORE} )*(?:{REFUSAL}|not)\b")

LONGEST = 20
"""Words; whoever says more than that means more than yes or no."""

ASKS = re.compile(r"(?:.*\b)?(?:shall|should|may|can|do you want me to)(?: i)? (.+)")
THEM = ("", " it", " that", " them", " those", " these")


class Answer(StrEnum):
    """What an utterance is, taken as the answer to a question for consent."""

    YES = "yes"
    WEAK = "weak"
    """An "okay": enough for what can be mended, no consent to what is dangerous."""
    NO = "no"
    AMENDED = "amended"
    """A yes or a no to something, with more to it."""
    OTHER = "other"
    """No answer at all."""


class Verdict(StrEnum):
    """What follows from an answer."""

    GRANTED = "granted"
    DENIED = "denied"
    ASK_AGAIN = "ask_again"
    LET_GO = "let_go"
    """Asked often enough."""
    PLAN = "plan"
    """It may be a wish: that is for the planner to tell."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A question for consent to one plan, as it stands."""

    approval_id: UUID
    question: str
    asked_at: datetime
    expires_at: datetime
    needs_clear_yes: bool
    """What is asked about is dangerous."""
    tries: int = 1
    heard: bool = False
    """The user has heard all of it, once at least."""
    asked_back: int = 0
    """The how-manieth time that whoever does it wants to know whether they may; 0: they do not."""
    answer: Literal["yes", "no"] | None = None
    by: By | None = None
    turn_id: UUID | None = None
    """The user's turn that answered it."""

    @property
    def stored(self) -> dict[str, Any]:
        """As the row keeps it."""
        return {
            "approval_id": str(self.approval_id),
            "question": self.question,
            "asked_at": self.asked_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
            "needs_clear_yes": self.needs_clear_yes,
            "tries": self.tries,
            "heard": self.heard,
            "asked_back": self.asked_back,
            "answer": self.answer,
            "by": self.by,
            "turn_id": str(self.turn_id) if self.turn_id else None,
        }


def is_due(plan: Plan, asks_before: AsksBefore) -> bool:
    """Whether `plan` needs the user's consent."""
    match plan.risk:
        case "dangerous":
            return True
        case "write":
            # A planner that gives no measure of its own gives 0: that says nothing.
            return asks_before == "write" or 0 < plan.confidence < UNSURE
        case _:
            return False


def answer_to(question: str, text: str) -> Answer:
    """What `text` is as the answer to `question`: decided on whole words, and on all of them."""
    said = without_hesitation(text)
    if said.count(" ") >= LONGEST:
        return Answer.OTHER
    if YES.fullmatch(said) or _repeats(question, said):
        return Answer.YES
    if NO.fullmatch(said):
        return Answer.NO
    if HALF.fullmatch(said):
        return Answer.WEAK
    return Answer.AMENDED if BEGINS.match(said) else Answer.OTHER


def is_bare_answer(text: str) -> bool:
    """Whether `text` is a yes or a no and nothing else: without a question it asks for nothing."""
    return answer_to("", text) in (Answer.YES, Answer.WEAK, Answer.NO)


def says_no(text: str) -> bool:
    """Whether `text` begins with a no, whatever follows."""
    return BEGINS_WITH_NO.match(without_hesitation(text)) is not None


def was_heard(approval: Approval, last_agent: str) -> bool:
    """Whether `last_agent`, what was heard of the agent's last turn, was the whole question.

    Asked again it may be cut: who has heard it before knows what it is about by its first words.
    """
    question, heard = plain(approval.question).split(), plain(last_agent).split()
    rest = iter(heard)
    if all(word in rest for word in question):
        return True
    return approval.heard and bool(heard) and question[: len(heard)] == heard


def verdict(answer: Answer, heard: bool, approval: Approval) -> Verdict:
    """What follows from an answer; `heard`: whether it came right after the whole question."""
    consents = answer is Answer.YES or (answer is Answer.WEAK and not approval.needs_clear_yes)
    if answer is Answer.NO:
        # Also to half a question: what is left undone by mistake can be asked for again.
        return Verdict.DENIED
    if consents and heard:
        return Verdict.GRANTED
    if answer in (Answer.YES, Answer.WEAK):
        return not_answered(approval)
    return Verdict.PLAN


def not_answered(approval: Approval) -> Verdict:
    """What follows where nothing that was said answers the question."""
    return Verdict.ASK_AGAIN if approval.tries < TRIES else Verdict.LET_GO


def _repeats(question: str, said: str) -> bool:
    """Whether `said` is a yes that says the action again: all of it, or "delete them"."""
    yes, asks = LEADING_YES.fullmatch(said), ASKS.fullmatch(without_hesitation(question))
    if yes is None or asks is None:
        return False
    action = asks[1]
    rest = re.sub(rf"(?: {AFTER})*$", "", re.sub(rf"^(?:(?:{BESIDE}|{CLEAR}|please) )*", "", yes[1]))
    return rest == action or any(rest == action.split()[0] + them for them in THEM)
