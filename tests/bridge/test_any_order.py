"""Turns taken, withdrawn and taken again in any order, over an orchestrator and a ledger of any speed."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Literal
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.events import BridgeEvent, InvocationChanged, Utterance
from bridge.ledger import FINISHED, Invocation, LedgerAway, Status
from bridge.ports import ChatEvent, OrchestratorLost
from services.orchestrator.protocol import Plan
from tests.bridge.doubles import (
    CLOCK,
    NOON_IN_TOKYO,
    ORDER,
    PATIENCE,
    MemoryLedger,
    MemoryOrchestrator,
    World,
)

PLANS = {
    "order": ORDER,
    "order two": ORDER.model_copy(update={"arguments": {"item": "spawn", "bay": 2}}),
    "clock": CLOCK,
    "ask": Plan(tool="clock", agent="time", risk="read", missing=["place"], say="Where?"),
    "wipe": Plan(tool="wipe", risk="dangerous"),
    "nothing": Plan(),
}
"""By the words that lead to them."""

WINDOW = PATIENCE


@dataclass(frozen=True)
class Step:
    """One thing that happens to a call, and how many rounds of the event loop pass after it."""

    what: Literal["take", "withdraw", "leave", "never mind", "stop"]
    turn: int
    words: str
    settle_s: float
    rounds: int


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(["take", "take", "take", "withdraw", "withdraw", "leave", "never mind", "stop"]),
        st.integers(0, 1),
        st.sampled_from([*PLANS]),
        st.sampled_from([0.0, WINDOW]),
        st.integers(0, 12),
    ),
    max_size=12,
)


async def pass_on(rounds: int) -> None:
    for _ in range(rounds):
        await asyncio.sleep(0)


class Slow:
    """Takes a few rounds of the event loop, never the same."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    async def __call__(self) -> None:
        await pass_on(self._random.randrange(8))

    def fails(self) -> bool:
        return self._random.random() < 0.1

    async def or_away(self) -> None:
        await self()
        if self.fails():
            raise LedgerAway("no connection")


class SlowLedger(MemoryLedger):
    """Is slow before and after it has written, and away now and then."""

    def __init__(self, slow: Slow) -> None:
        super().__init__([])
        self.slow = slow

    async def request(self, row: Invocation) -> Invocation:
        await self.slow.or_away()
        standing = await super().request(row)
        await self.slow()
        return standing

    async def advance(self, row: Invocation, was: Status | None = None) -> bool:
        await self.slow.or_away()
        written = await super().advance(row, was)
        await self.slow()
        return written


@dataclass(frozen=True)
class Run:
    """What the orchestrator was asked to do."""

    turn_id: UUID
    plan: Plan
    row: Invocation
    """As it stood in the ledger then."""
    was_withdrawn: bool


class SlowOrchestrator(MemoryOrchestrator):
    """Plans by the words, and keeps what it was asked to do."""

    def __init__(self, slow: Slow, ledger: MemoryLedger) -> None:
        super().__init__([])
        self.slow, self.ledger = slow, ledger
        self.runs: list[Run] = []
        self.withdrawn: set[UUID] = set()

    async def plan(self, message: str, context: dict[str, Any], conversation_id: str) -> Plan:
        await self.slow()
        return PLANS[message]

    async def chat(
        self,
        message: str,
        plan: Plan,
        conversation_id: str,
        key: str,
        amends: UUID | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[ChatEvent, None]:
        row = self.ledger.rows[key]
        self.runs.append(Run(row.turn_id, plan, row, row.turn_id in self.withdrawn))
        await self.slow()
        if self.slow.fails():
            raise OrchestratorLost("gone")
        yield NOON_IN_TOKYO


class Call:
    """A session in front of a bridge, as careless as a session may be."""

    def __init__(self, seed: int) -> None:
        slow = Slow(seed)
        ledger = SlowLedger(slow)
        self.orchestrator = SlowOrchestrator(slow, ledger)
        self.world = World(ledger=ledger, orchestrator=self.orchestrator)
        self.turns = [self.world.utterance(""), self.world.utterance("")]
        self.listening: list[asyncio.Task[list[BridgeEvent]]] = []

    async def live(self, steps: list[Step]) -> None:
        for step in steps:
            self._do(step)
            await pass_on(step.rounds)
        async with asyncio.timeout(PATIENCE):
            await self.world.bridge.close()
            await asyncio.gather(*self.listening, return_exceptions=True)

    def _do(self, step: Step) -> None:
        turn = self.turns[step.turn]
        match step.what:
            case "take":
                self._listen(replace(turn, text=step.words, settle_s=step.settle_s))
            case "withdraw":
                self.world.bridge.withdraw(turn.turn_id)
                if not self._has_gone_out(turn.turn_id):
                    self.orchestrator.withdrawn.add(turn.turn_id)
            case "leave":
                if self.listening:
                    self.listening[-1].cancel()
            case words:
                self._listen(self.world.utterance(words))

    def _has_gone_out(self, turn_id: UUID) -> bool:
        return any(run.turn_id == turn_id and run.plan.risk == "write" for run in self.orchestrator.runs)

    def _listen(self, utterance: Utterance) -> None:
        self.listening.append(asyncio.create_task(self._take(utterance)))

    async def _take(self, utterance: Utterance) -> list[BridgeEvent]:
        self.orchestrator.withdrawn.discard(utterance.turn_id)
        return await self.world.take(utterance)


@settings(deadline=None, max_examples=300)
@given(STEPS, st.integers(0, 2**16))
def test_whatever_the_order_no_write_runs_twice_and_no_row_is_left_open(steps: list[Step], seed: int) -> None:
    call = Call(seed)
    asyncio.run(call.live(steps))

    runs = call.orchestrator.runs
    writes = [run.turn_id for run in runs if run.plan.risk == "write"]
    assert len(writes) == len(set(writes))
    # What ran is what its row says, and nobody had taken it back.
    for run in runs:
        assert run.row.status is Status.RUNNING
        assert (run.row.action, run.row.arguments) == (run.plan.tool, run.plan.arguments)
        assert not run.was_withdrawn

    rows = call.world.ledger.rows.values()
    assert {row.status for row in rows} <= FINISHED
    assert all(task.done() for task in call.listening)
    for task in call.listening:
        if not task.cancelled():
            told = [event.invocation for event in task.result() if isinstance(event, InvocationChanged)]
            assert all(row.idempotency_key in call.world.ledger.rows for row in told)
