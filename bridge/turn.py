"""The rules of a turn, without I/O: what comes next after the intent, and after the plan."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bridge.events import Intent
from bridge.intent import Decision
from services.orchestrator.protocol import Plan

QUESTION_OPEN = timedelta(seconds=30)
"""How long what the user says next may be the answer; after that nobody remembers what was asked."""


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
    REFUSE = "refuse"
    """It must not be done without an approval."""
    ACT = "act"


@dataclass(frozen=True, slots=True)
class Question:
    """A plan that waits for what the user has not said yet."""

    plan: Plan
    asked_at: datetime

    def is_open(self, now: datetime) -> bool:
        return now - self.asked_at <= QUESTION_OPEN


def with_question(decision: Decision, question: Question | None) -> Decision:
    """The decision on an utterance that comes while `question` is open: it is the answer, whatever it is like."""
    if question is None or decision.intent is Intent.CONTROL:
        return decision
    return Decision(Intent.ACTION, 1.0, "question")


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
    if plan.risk == "dangerous":
        return Step.REFUSE
    return Step.ASK if plan.missing else Step.ACT
