"""The rules of a turn, without I/O: what comes next after the intent, and after the plan."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from bridge.controls import is_a_while
from bridge.events import Intent
from bridge.intent import Decision
from bridge.ledger import Invocation
from bridge.plain import plain
from services.orchestrator.protocol import Plan

QUESTION_OPEN = timedelta(seconds=30)
"""How long what the user says next may be the answer; after that nobody remembers what was asked."""

TWO_BREATHS = "two_breaths"
"""Who decided, where the words before and after a pause had to be heard by themselves."""


class Step(StrEnum):
    """What comes next."""

    LISTEN_AGAIN = "listen_again"
    """There were no words; say so."""
    CONTROL = "control"
    """The call itself is meant."""
    LEAVE_TO_MIND = "leave_to_mind"
    PLAN = "plan"
    ASK = "ask"
    """Something is missing from the wish; ask for it."""
    ACT = "act"


@dataclass(frozen=True, slots=True)
class Question:
    """A plan that waits for what the user has not said yet."""

    turn_id: UUID
    """The turn that lacked something."""
    plan: Plan
    asked_at: datetime

    def is_open(self, now: datetime) -> bool:
        return now - self.asked_at <= QUESTION_OPEN


def with_question(decision: Decision, question: Question | None) -> Decision:
    """The decision on an utterance that comes while `question` is open: it is the answer, whatever it is like."""
    if question is None or decision.intent is Intent.CONTROL:
        return decision
    return Decision(Intent.ACTION, 1.0, "question")


SURE_SO_FAR = 0.5
"""Confidence. Who is held in vain is heard a little late; nobody hears what was made up."""

WORDS_SO_FAR = 2
"""One word is the beginning of anything."""


def is_wish_so_far(text: str, decision: Decision) -> bool:
    """Whether a turn that goes on, whose words `text` were taken for `decision`, will be a wish."""
    is_enough = len(text.split()) >= WORDS_SO_FAR and decision.confidence >= SURE_SO_FAR
    return decision.intent is Intent.ACTION and is_enough


def second_breath(first: str, whole: str) -> str:
    """What `whole` adds to the words of `first`; empty where it does not begin with them."""
    before, words = plain(first), whole.split()
    for end in range(1, len(words)):
        if plain(" ".join(words[:end])) == before:
            return " ".join(words[end:])
    return ""


def of_two_breaths(whole: Decision, first: Intent, added: str, second: Decision) -> Decision:
    """The decision on a turn that went on.

    Args:
        whole: the decision on all of its words.
        first: what its first words were taken for.
        added: what came after them; `second` is the decision on that.

    A control in the second breath is about the first. But "one minute" says how long, and "what" may be a part of the
    question. Small talk is left only where neither breath was anything else: "hello" and "what time is it" may be near
    enough to it as a whole.
    """
    if second.control and second.control != "repeat" and not is_a_while(added):
        return replace(second, by=TWO_BREATHS)
    if whole.intent is Intent.CHITCHAT and {first, second.intent} != {Intent.CHITCHAT}:
        return replace(whole, intent=Intent.UNCLEAR, by=TWO_BREATHS)
    return whole


def may_follow(earlier: Invocation, plan: Plan) -> bool:
    """Whether a turn that has led to `earlier` may lead to `plan` too: a read may run twice, a write never."""
    return earlier.started_at is None or "read" in (earlier.risk, plan.risk)


def after_intent(text: str, intent: Intent) -> Step:
    """The step after the intent of `text` is decided. What is unclear is for the planner to decide."""
    if not any(c.isalnum() for c in text):
        return Step.LISTEN_AGAIN
    match intent:
        case Intent.CONTROL:
            return Step.CONTROL
        case Intent.CHITCHAT:
            return Step.LEAVE_TO_MIND
        case _:
            return Step.PLAN


def after_plan(plan: Plan) -> Step:
    """The step after the orchestrator has planned."""
    if plan.tool is None:
        return Step.LEAVE_TO_MIND
    return Step.ASK if plan.missing else Step.ACT
