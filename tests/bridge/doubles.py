"""An orchestrator and a ledger in memory that fail as the real ones fail, and keep one list of what came when."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bridge.bridge import Bridge
from bridge.events import BridgeEvent, InvocationChanged, Reply, Utterance
from bridge.fillers import Patience
from bridge.follower import Follower
from bridge.inquiry import Pace
from bridge.intent import NearestExample
from bridge.ledger import Invocation, LedgerAway, Status
from bridge.limits import Limits
from bridge.ports import ChatEvent, OrchestratorError
from personas.loader import load
from personas.model import Persona
from services.orchestrator.protocol import CallState, ChatResult, Plan, ToolDescription

PERSONA = load().persona("plain")

PATIENCE = 20.0
"""Seconds until a test gives up on an event; only a broken test waits so long."""

WINDOW = PATIENCE
"""Longer than any test takes: what goes out was let out by something else."""

QUICK = Limits(
    plan=PATIENCE,
    silence=PATIENCE,
    approval=PATIENCE,
    cancel=PATIENCE,
    ledger=PATIENCE,
    insist=PATIENCE,
    inquiry=PATIENCE,
    pause=0.001,
    close=PATIENCE,
    fillers=Patience(unplanned=PATIENCE, first=0),
)

CLOCK = Plan(
    tool="clock",
    agent="time",
    arguments={"place": "Tokyo"},
    risk="read",
    idempotent=True,
    confidence=0.9,
    say="Let me look at the clock in Tokyo.",
)
ORDER = Plan(tool="order", agent="shop", arguments={"item": "spawn"}, risk="write", confidence=0.9)
NOON_IN_TOKYO = ChatResult(response_text="It is noon in Tokyo.", agent="time", action="clock")

Script = Callable[[], AsyncGenerator[ChatEvent, None]]


def says(*events: ChatEvent | Exception) -> Script:
    """A chat stream that yields `events`, raising those that are exceptions, and ends."""

    async def stream() -> AsyncGenerator[ChatEvent, None]:
        for event in events:
            if isinstance(event, Exception):
                raise event
            yield event

    return stream


@dataclass
class Gate:
    """A place where a double stops until the test lets it on."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> None:
        self.reached.set()
        async with asyncio.timeout(PATIENCE):
            await self.open.wait()


def gated(gate: Gate, *events: ChatEvent | Exception) -> Script:
    """A chat stream that stops at `gate` before the first of `events`."""

    async def stream() -> AsyncGenerator[ChatEvent, None]:
        await gate()
        async for event in says(*events)():
            yield event

    return stream


class MemoryOrchestrator:
    """Answers by script: one plan and one stream a call, the last of each again and again."""

    def __init__(self, order: list[str]) -> None:
        self.order = order
        self.plans: list[Plan | Exception | Awaitable[Plan]] = [CLOCK]
        self.streams: list[Script] = [says(NOON_IN_TOKYO)]
        self.contexts: list[dict[str, Any]] = []
        self.deeds_contexts: list[Mapping[str, Any] | None] = []
        self.plans_done: list[Plan] = []
        self.keys: list[str] = []
        self.messages: list[str] = []
        self.amends: list[UUID | None] = []
        self.cancelled: list[str] = []
        self.on_cancel: Callable[[], bool] = lambda: False
        self.states: list[CallState | Exception | None] = [None]
        """What it tells of a key, the last again and again."""

    async def plan(self, message: str, context: dict[str, Any], conversation_id: str) -> Plan:
        self.order.append(f"plan {message}")
        self.contexts.append(context)
        plan = self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]
        if isinstance(plan, Exception):
            raise plan
        return plan if isinstance(plan, Plan) else await plan

    async def chat(
        self,
        message: str,
        plan: Plan,
        conversation_id: str,
        key: str,
        amends: UUID | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[ChatEvent, None]:
        self.order.append(f"chat {plan.tool}")
        self.plans_done.append(plan)
        self.messages.append(message)
        self.keys.append(key)
        self.amends.append(amends)
        self.deeds_contexts.append(context)
        stream = self.streams.pop(0) if len(self.streams) > 1 else self.streams[0]
        async for event in stream():
            yield event

    async def tools(self) -> list[ToolDescription]:
        return []

    async def state(self, key: str) -> CallState | None:
        self.order.append("state")
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, Exception):
            raise state
        return state

    async def cancel(self, key: str) -> bool:
        self.cancelled.append(key)
        return self.on_cancel()

    async def ready(self) -> str | None:
        return None


class MemoryLedger:
    """Rows by key. `away` counts down the writes that fail; `gates` stop a write of that status."""

    def __init__(self, order: list[str]) -> None:
        self.order = order
        self.rows: dict[str, Invocation] = {}
        self.away: dict[str, int] = {}
        """By status: how many writes of it fail."""
        self.gates: dict[str, Gate] = {}
        self.fault: Exception = LedgerAway("no connection")
        self.failed = asyncio.Event()

    async def request(self, row: Invocation) -> Invocation:
        await self._write(row)
        return self.rows.setdefault(row.idempotency_key, row)

    async def advance(self, row: Invocation, was: Status | None = None) -> bool:
        await self._write(row)
        if was not in (None, self.rows[row.idempotency_key].status):
            return False
        self.rows[row.idempotency_key] = row
        return True

    async def _write(self, row: Invocation) -> None:
        if gate := self.gates.get(row.status):
            await gate()
        if self.away.get(row.status, 0) > 0:
            self.away[row.status] -= 1
            self.failed.set()
            raise self.fault
        self.order.append(f"ledger {row.status}")

    @property
    def row(self) -> Invocation:
        """The only row."""
        (row,) = self.rows.values()
        return row


class World:
    """A bridge with everything around it."""

    def __init__(
        self,
        limits: Limits = QUICK,
        ledger: MemoryLedger | None = None,
        first_id: int = 0,
        orchestrator: MemoryOrchestrator | None = None,
        persona: Persona = PERSONA,
    ) -> None:
        self.order: list[str] = []
        self.orchestrator = orchestrator or MemoryOrchestrator(self.order)
        self.ledger = ledger or MemoryLedger(self.order)
        self.time = datetime(2026, 11, 21, 12, tzinfo=UTC)
        self.persona = persona
        self._ids = first_id
        classifier = NearestExample(
            ["hello", "how are you"], ["what time is it in tokyo", "order more spawn"]
        )
        self.follower = Follower(
            self.orchestrator, self.ledger, self.now, limits, Pace(first=0.001, longest=0.001, whole=PATIENCE)
        )
        self.bridge = Bridge(
            self.persona,
            classifier,
            self.orchestrator,
            self.ledger,
            self.new_id,
            self.now,
            limits,
            self.follower.follow,
        )

    def new_id(self) -> UUID:
        self._ids += 1
        return UUID(int=self._ids)

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time

    def utterance(self, text: str, last_agent: str = "", timezone: str | None = None) -> Utterance:
        return Utterance(
            turn_id=self.new_id(),
            session_id=UUID(int=2**100),
            conversation_id="talk",
            text=text,
            confidence=0.9,
            last_agent=last_agent,
            timezone=timezone,
            language="en",
        )

    async def hear(self, text: str, last_agent: str = "") -> list[BridgeEvent]:
        return await self.take(self.utterance(text, last_agent))

    async def take(self, utterance: Utterance) -> list[BridgeEvent]:
        """All that the bridge has to say about `utterance`."""
        async with asyncio.timeout(PATIENCE):
            return [event async for event in self.bridge.take(utterance)]


class Turn:
    """One turn of the user, as a session takes it: heard, withdrawn, heard whole."""

    def __init__(self, world: World, text: str, settle_s: float = WINDOW, last_agent: str = "") -> None:
        self.world = world
        self.utterance = replace(world.utterance(text, last_agent), settle_s=settle_s)
        self.told: list[BridgeEvent] = []
        self._more = asyncio.Event()
        self.listening = asyncio.create_task(self._listen(self.told))

    async def _listen(self, told: list[BridgeEvent]) -> None:
        async for event in self.world.bridge.take(self.utterance):
            told.append(event)
            self._more.set()

    async def until(self, kind: str, times: int = 1) -> None:
        """Until an event of that kind was told, since the turn was heard last."""
        async with asyncio.timeout(PATIENCE):
            while kinds(self.told).count(kind) < times:
                self._more.clear()
                await self._more.wait()

    async def until_said(self, source: str, times: int = 1) -> None:
        """Until so many texts of that source are to be spoken."""
        async with asyncio.timeout(PATIENCE):
            while [by for by, _ in replies(self.told)].count(source) < times:
                self._more.clear()
                await self._more.wait()

    async def withdraw(self) -> None:
        """The user goes on; what the bridge has to say to the first breath is over soon."""
        self.world.bridge.withdraw(self.utterance.turn_id)
        async with asyncio.timeout(PATIENCE):
            await self.listening

    def goes_on(self, text: str, settle_s: float = WINDOW) -> None:
        self.utterance = replace(self.utterance, text=text, settle_s=settle_s)
        self.told = []
        self.listening = asyncio.create_task(self._listen(self.told))

    async def end(self) -> list[BridgeEvent]:
        async with asyncio.timeout(PATIENCE):
            await self.listening
        return self.told

    @property
    def rows(self) -> list[Invocation]:
        return [event.invocation for event in self.told if isinstance(event, InvocationChanged)]


def replies(events: list[BridgeEvent]) -> list[tuple[str, str]]:
    """What is to be spoken, as (source, text)."""
    return [(event.source, event.text) for event in events if isinstance(event, Reply)]


def kinds(events: list[BridgeEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


class Boom(OrchestratorError):
    """An orchestrator's own trouble, with a message nobody should hear."""

    code = "orchestrator_failed"
