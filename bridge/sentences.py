"""What the bridge says by itself: the persona's phrases, with a reason where something failed."""

from collections import deque
from collections.abc import Iterable, Sequence
from uuid import UUID

from bridge.approval import Approval
from bridge.data import in_prose
from bridge.ledger import Status
from bridge.mood import mood_of
from bridge.offer import with_offer
from bridge.outcome import DENIED, EMPTY_RESULT, EXPIRED, NOT_UNDERSTOOD, Outcome
from bridge.words import Passages, passages_of, spoken
from personas.model import Persona
from services.orchestrator.protocol import Plan

REASONS = {
    "orchestrator_timeout": "it took too long",
    "orchestrator_lost": "the connection broke off",
    "orchestrator_refused": "the request was turned down",
    "bad_result": "the answer made no sense",
    "tool_timeout": "it took too long",
    EMPTY_RESULT: "the answer came back empty",
    "ledger_away": "I can't write down what I do right now, so I left it undone",
}
"""By error code; English, as the personas are."""

RECENT = 4
"""Fillers of a call that are not said again: the last two wishes'."""

OTHER_REASON = "something went wrong on the way"

NOBODY_KNOWS = "I lost touch while that was running, so I can't tell whether it was done."
TOO_LATE = "That is already running, and I can't call it off any more."
OVER = "That is over already, so there's nothing left to call off."
BEGUN = "I had already begun with what you said first, so I've left it at that."
DONE = "That's done."
EXPIRY = "I had no answer from you, so I've left it undone."
NO_CLEAR_ANSWER = "I still have no clear yes, so I've left it undone."
YES_OR_NO = "Yes or no?"
A_CLEAR_ONE = "Sorry, I need a clear yes or no."
NOTHING_SAID = "I haven't said anything yet."


class Sentences:
    """One persona's own sentences. Which of several is taken follows from the turn, so a replay says the same."""

    def __init__(self, persona: Persona) -> None:
        self._phrases = persona.phrases
        self._language = persona.language
        self._fillers: deque[str] = deque(maxlen=RECENT)
        """Said while somebody waited, the newest last."""

    def acknowledgement(self, plan: Plan, turn_id: UUID, text: str = "") -> str:
        """While the deed runs, or is planned: what fits the mood of `text`, else the plan, the tool, any."""
        fillers, mood = self._phrases.fillers, mood_of(text)
        by_mood = {"upset": fillers.upset, "hurried": fillers.hurried, "even": None}[mood] or ()
        own = spoken(plan.say, self._language)
        by_tool = fillers.tools.get(plan.tool or "") or fillers.tools.get(plan.agent) or ()
        pools = (by_mood, (own,) if own else (), by_tool, self._phrases.acknowledgements)
        # Who has just asked is answered with something, be it said before.
        return self._fresh(pools, turn_id) or self._said(
            own or _pick(self._phrases.acknowledgements, turn_id)
        )

    def waiting(self, progress: str, turn_id: UUID) -> str:
        """While it still runs: what the tool told of itself, else a phrase; empty where there is nothing new to say."""
        return self._fresh(((progress,) if progress else (), self._phrases.waiting), turn_id)

    def _fresh(self, pools: Iterable[Sequence[str]], turn_id: UUID) -> str:
        """A phrase of the first pool that has one which was not said of late."""
        for pool in pools:
            if new := [phrase for phrase in pool if phrase not in self._fillers]:
                return self._said(_pick(new, turn_id))
        return ""

    def _said(self, filler: str) -> str:
        self._fillers.append(filler)
        return filler

    def question(self, plan: Plan) -> str:
        """For what is missing from the wish."""
        return spoken(plan.say, self._language) or f"Which {plan.missing[0].replace('_', ' ')}?"

    def consent(self, plan: Plan, wish: str) -> str:
        """Asks whether `plan` may be done: names what is done, and what with.

        Args:
            wish: the user's own words, which must do where the plan names nothing.
        """
        asks = spoken(plan.confirm, self._language)
        if not asks and plan.tool and plan.agent:
            # Every argument: what is agreed to is not to be shortened as a result is.
            given = ", ".join(
                f"{name.replace('_', ' ')} {in_prose(value)}" for name, value in plan.arguments.items()
            )
            asks = spoken(f"Shall I {plan.tool.replace('_', ' ')}{given and f': {given}'}?", self._language)
        asks = asks or f"Shall I do that: {wish.rstrip('.?! ')}?"
        return asks if asks.endswith("?") else f"{asks} {YES_OR_NO}"

    def asks(self, approval: Approval) -> str:
        """The question as it is said now: the second time with what is wanted."""
        return approval.question if approval.tries == 1 else f"{A_CLEAR_ONE} {approval.question}"

    def not_understood(self, turn_id: UUID) -> str:
        return _pick(self._phrases.not_understood, turn_id)

    def called_off(self, turn_id: UUID) -> str:
        return _pick(self._phrases.cancelled, turn_id)

    def failed(self, code: str, turn_id: UUID) -> str:
        """In words one can act on, without inner details."""
        if code == "orchestrator_away":
            return _pick(self._phrases.unavailable, turn_id)
        return _pick(self._phrases.failed, turn_id).format(reason=REASONS.get(code, OTHER_REASON))

    def progress(self, text: str) -> str:
        return spoken(text, self._language)

    def left_undone(self, turn_id: UUID) -> str:
        """What was offered is not wanted."""
        return _pick(self._phrases.denied, turn_id)

    def outcome(self, outcome: Outcome, plan: Plan, turn_id: UUID) -> tuple[str, Passages | None]:
        """What came of a deed, and what is offered to be read on: the tool's own words where it has some."""
        passages = passages_of(outcome.result, self._language) if outcome.result else Passages()
        if outcome.status is Status.SUPERSEDED or not passages.blocks:
            return self._without_words(outcome, plan, turn_id), None
        return with_offer(passages)

    def _without_words(self, outcome: Outcome, plan: Plan, turn_id: UUID) -> str:
        """What came of a deed whose tool has no words for it; none where it made way for another."""
        match outcome.status:
            case Status.UNKNOWN:
                return NOBODY_KNOWS
            case Status.SUPERSEDED:
                return ""
            case Status.SUCCESS if plan.risk == "read":
                return self.failed(EMPTY_RESULT, turn_id)
            case Status.SUCCESS:
                return DONE
            case Status.DENIED if outcome.code == DENIED:
                return _pick(self._phrases.denied, turn_id)
            case Status.CANCELLED if outcome.code == EXPIRED:
                return EXPIRY
            case Status.CANCELLED if outcome.code == NOT_UNDERSTOOD:
                return NO_CLEAR_ANSWER
            case Status.CANCELLED:
                return self.called_off(turn_id)
            case _:
                return self.failed(outcome.code, turn_id)


def _pick(phrases: Sequence[str], turn_id: UUID) -> str:
    return phrases[turn_id.int % len(phrases)]
