"""Whatever is said in whatever order, nothing dangerous runs without a clear yes right after its question."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.approval import Answer, answer_to
from bridge.events import ApprovalAnswered, ApprovalAsked, BridgeEvent
from bridge.ledger import FINISHED
from services.orchestrator.protocol import Plan
from tests.bridge.doubles import CLOCK, PATIENCE, MemoryOrchestrator, World
from tests.bridge.test_any_order import pass_on

DANGEROUS = {
    name: Plan(tool=name, agent="lab", risk="dangerous", confidence=1.0, confirm=f"Shall I {words}?")
    for name, words in (("wipe", "wipe the records"), ("burn", "burn the bridge"))
}
QUESTIONS = {plan.confirm: name for name, plan in DANGEROUS.items()}

WISHES = [
    "wipe the records",
    "sure, wipe the records",
    "burn the bridge",
    "yes, and also burn the bridge",
    "what time is it",
]
NO_YES = [
    *(
        "okay",
        "sure",
        "fine",
        "right",
        "mhm",
        "I know",
        "yes but tomorrow",
        "yes, and also",
        "no",
        "no, the other one",
    ),
    *(
        "never mind",
        "stop",
        "wait",
        "what",
        "how are you",
        "banana",
        "",
        "yes, wipe two",
        "go ahead tomorrow",
        "yesterday",
    ),
]
YES = ["yes", "yes, do it", "go ahead"]


@dataclass(frozen=True)
class Step:
    """One thing that happens, what was heard of the agent before it, and how many rounds of the loop pass after it."""

    text: str
    heard: str
    goes_on: bool
    """It goes on with the turn before."""
    settle_s: float
    rounds: int


def steps(texts: list[str]) -> st.SearchStrategy[list[Step]]:
    heard = st.sampled_from([*QUESTIONS, "Shall I", "It is noon in Tokyo.", ""])
    one = st.builds(
        Step,
        st.sampled_from(texts),
        heard,
        st.booleans(),
        st.sampled_from([0.0, PATIENCE]),
        st.integers(0, 12),
    )
    return st.lists(one, min_size=1, max_size=14)


class Planner(MemoryOrchestrator):
    """Plans by the words, also where they are behind others."""

    async def plan(self, message: str, context: dict[str, Any], conversation_id: str) -> Plan:
        await asyncio.sleep(0)
        for name, plan in DANGEROUS.items():
            if name in message.split() and "two" not in message:
                return plan
        return CLOCK if "time" in message else Plan()


class Call:
    """A call, and all that was told in it."""

    def __init__(self) -> None:
        self.orchestrator = Planner([])
        self.world = World(orchestrator=self.orchestrator)
        self.told: list[BridgeEvent] = []
        self.said: defaultdict[UUID, list[tuple[str, str]]] = defaultdict(list)
        """By turn, its words and what was heard before them, each time it was taken."""

    async def live(self, steps: list[Step]) -> None:
        listening = []
        turn = None
        for step in steps:
            if turn is not None and step.goes_on:
                self.world.bridge.withdraw(turn.turn_id)
                turn = replace(turn, text=f"{turn.text} {step.text}", settle_s=step.settle_s)
            else:
                turn = replace(self.world.utterance(step.text, step.heard), settle_s=step.settle_s)
            self.said[turn.turn_id].append((turn.text, turn.last_agent))
            listening.append(asyncio.create_task(self._listen(turn)))
            await pass_on(step.rounds)
        async with asyncio.timeout(PATIENCE):
            await self.world.bridge.close()
            await asyncio.gather(*listening)

    async def _listen(self, turn: Any) -> None:
        async for event in self.world.bridge.take(turn):
            self.told.append(event)

    @property
    def ran(self) -> list[str]:
        return [line.removeprefix("chat ") for line in self.orchestrator.order if line.startswith("chat ")]


@settings(deadline=None, max_examples=300)
@given(steps([*WISHES, *NO_YES]))
def test_no_sequence_without_a_clear_yes_runs_anything_dangerous(steps: list[Step]) -> None:
    call = Call()
    asyncio.run(call.live(steps))
    assert not {*call.ran} & {*DANGEROUS}
    assert {row.status for row in call.world.ledger.rows.values()} <= FINISHED


@settings(deadline=None, max_examples=300)
@given(steps([*WISHES, *NO_YES, *YES, *YES]))
def test_what_ran_was_asked_about_and_got_a_clear_yes_of_its_own(steps: list[Step]) -> None:

    call = Call()
    asyncio.run(call.live(steps))
    asked = [event for event in call.told if isinstance(event, ApprovalAsked)]
    answers = [event for event in call.told if isinstance(event, ApprovalAnswered)]
    for row in call.world.ledger.rows.values():
        if row.action not in DANGEROUS or row.started_at is None:
            continue
        assert call.ran.count(row.action) >= 1
        assert row.approval is not None
        assert row.approval["answer"] == "yes"
        question = row.approval["question"]
        assert any(event.invocation_id == row.invocation_id for event in asked)
        assert any(
            event.invocation_id == row.invocation_id and event.answer is Answer.YES and event.heard
            for event in answers
        )
        # Of a question that was heard before its first words will do.
        assert any(
            answer_to(question, words) is Answer.YES and heard in (question, "Shall I")
            for words, heard in call.said[UUID(row.approval["turn_id"])]
        )
    ran = [row for row in call.world.ledger.rows.values() if row.action in DANGEROUS and row.started_at]
    assert len(ran) == sum(name in DANGEROUS for name in call.ran)
