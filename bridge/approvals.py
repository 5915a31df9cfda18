"""The questions for consent of one call: which one an answer is to, and what becomes of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from bridge import outcome as outcomes
from bridge.approval import Answer, Approval, Verdict, answer_to, not_answered, says_no, verdict, was_heard
from bridge.deed import Deed
from bridge.events import ApprovalAnswered, Intent
from bridge.memory import Answered, Turn
from bridge.reading import Reading
from services.orchestrator.protocol import Plan


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is open, and its deed."""

    deed: Deed
    approval: Approval


@dataclass(frozen=True, slots=True)
class Heard:
    """An utterance, taken for the answer to a question that is open."""

    asked: Asked
    answer: Answer
    in_time: bool
    """Whether it came right after the whole question was heard."""
    verdict: Verdict


class Approvals:
    """Of several questions the one that was asked last is open; when it is done with, the one before is asked again."""

    def __init__(self, deeds: Callable[[], Iterable[Deed]]) -> None:
        """`deeds`: those that are under way."""
        self._deeds = deeds

    @property
    def open(self) -> Asked | None:
        """The question that an answer would be to."""
        found = [Asked(deed, deed.open_approval) for deed in self._deeds() if deed.open_approval]
        return max(found, key=lambda each: each.approval.asked_at, default=None)

    def is_answered_by(self, text: str) -> bool:
        """Whether a question is open, and `text` is an answer to it and nothing else."""
        asked = self.open
        answers = (Answer.YES, Answer.WEAK, Answer.NO)
        return asked is not None and answer_to(asked.approval.question, text) in answers

    def hear(self, turn: Turn, reading: Reading) -> Heard | None:
        """What the user said as the answer to the open question; None where there is none."""
        asked, utterance = self.open, reading.utterance
        if asked is None:
            return None
        answer = answer_to(asked.approval.question, utterance.text)
        # Of a turn that went on the first words count: what was said meanwhile came after them.
        known = turn.answered_approval
        in_time = was_heard(asked.approval, utterance.last_agent) or (
            known is not None and known.in_time and known.approval.approval_id == asked.approval.approval_id
        )
        return Heard(asked, answer, in_time, verdict(answer, in_time, asked.approval))

    def follow(self, heard: Heard, turn: Turn, reading: Reading) -> None:
        """Do what the user wants with the deed that was asked about."""
        deed, approval, turn_id = heard.asked.deed, heard.asked.approval, reading.utterance.turn_id
        turn.answered_approval = Answered(deed, approval, heard.in_time)
        reading.tell(
            ApprovalAnswered(
                deed.row.invocation_id,
                approval.approval_id,
                turn_id,
                heard.answer,
                heard.in_time,
                heard.verdict,
            )
        )
        match heard.verdict:
            case Verdict.GRANTED:
                deed.grant("words", turn_id, reading.settles_at)
            case Verdict.DENIED:
                deed.deny("words", turn_id)
            case Verdict.ASK_AGAIN:
                deed.ask_again(counts=True, heard=heard.in_time)
            case _:
                deed.drop(outcomes.not_understood())
        self._ask_the_one_before(approval)

    def planned(self, heard: Heard, intent: Intent, plan: Plan, turn: Turn, reading: Reading) -> bool:
        """What was no plain answer was planned; whether that plan is to be done, beside or instead of what was asked.

        Without a plan it was no answer and no wish, unless it is small talk; and so is the wish that is asked about,
        said once more.
        """
        deed, approval = heard.asked.deed, heard.asked.approval
        if deed.open_approval is None or deed.open_approval.approval_id != approval.approval_id:
            return True
        is_same = (plan.tool, plan.arguments) == (deed.row.action, deed.row.arguments)
        if is_same or (plan.tool is None and intent is not Intent.CHITCHAT):
            heard = Heard(heard.asked, heard.answer, heard.in_time, not_answered(approval))
            self.follow(heard, turn, reading)
            return False
        replaces = plan.tool == deed.row.action or says_no(reading.utterance.text)
        if plan.tool and heard.answer is Answer.AMENDED and replaces:
            deed.drop(outcomes.superseded())
        return True

    def press(self, approval_id: UUID, approve: bool) -> bool:
        """The user pressed what stands for the answer to that very question; False where it is not open."""
        for deed in self._deeds():
            approval = deed.open_approval
            if approval and approval.approval_id == approval_id:
                deed.press(approve)
                self._ask_the_one_before(approval)
                return True
        return False

    def call_off(self, reading: Reading) -> bool:
        """The user takes back what is asked about; False where nothing is."""
        asked = self.open
        if asked is None:
            return False
        asked.deed.drop(outcomes.called_off(), reading)
        self._ask_the_one_before(asked.approval)
        return True

    def repeat(self) -> bool:
        """Ask again what is asked about; False where nothing is."""
        asked = self.open
        if asked:
            asked.deed.ask_again(counts=False)
        return asked is not None

    def _ask_the_one_before(self, done: Approval) -> None:
        """Nobody still has that question in mind."""
        asked = self.open
        if asked and asked.approval.asked_at < done.asked_at:
            asked.deed.ask_again(counts=False)
