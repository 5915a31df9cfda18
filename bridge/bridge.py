"""The bridge of one call: takes each utterance to its end, plans in order, lets deeds run side by side."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from time import perf_counter
from typing import Any
from uuid import UUID

from bridge.deed import Deed
from bridge.events import (
    BridgeEvent,
    Control,
    ControlAsked,
    IntentDecided,
    LeftToMind,
    Planned,
    Progressed,
    Reply,
    Utterance,
)
from bridge.intent import Decision, IntentClassifier
from bridge.ledger import Invocation, LedgerStore, Status, key_of
from bridge.limits import Limits
from bridge.ports import Orchestrator, OrchestratorError, OrchestratorTimeout
from bridge.sentences import NOTHING_SAID, TOO_LATE, Sentences
from bridge.turn import Question, Step, after_intent, after_plan, with_question
from personas.model import Persona
from services.orchestrator.protocol import Plan

log = logging.getLogger(__name__)

MAX_UNREAD = 64
"""Events that the caller has not taken yet; beyond them progress is dropped, and nothing else is."""

Told = asyncio.Queue[BridgeEvent | None]
"""What `take` hands out; None ends it. Bounded by `MAX_UNREAD`, but for the few events that must not be lost."""


class Bridge:
    """Made for one call and closed with it. Its methods are called from one event loop."""

    def __init__(
        self,
        persona: Persona,
        classifier: IntentClassifier,
        orchestrator: Orchestrator,
        ledger: LedgerStore,
        new_id: Callable[[], UUID],
        now: Callable[[], datetime],
        limits: Limits | None = None,
    ) -> None:
        self._sentences = Sentences(persona)
        self._classifier = classifier
        self._orchestrator = orchestrator
        self._ledger = ledger
        self._new_id = new_id
        self._now = now
        self._limits = limits or Limits()
        self._order = asyncio.Lock()
        """Fair: whoever came first plans first."""
        self._question: Question | None = None
        self._turns: set[asyncio.Task[None]] = set()
        self._deeds: dict[asyncio.Task[None], str] = {}
        """Key by running deed, the youngest last."""
        self._planning = 0
        self._called_off = 0
        """Times the user took back what was being planned."""
        self._closed = False

    async def take(self, utterance: Utterance) -> AsyncGenerator[BridgeEvent, None]:
        """Take one utterance to its end.

        Ends without words of any kind when the same turn was taken before, or the user called it off. Closing the
        generator drops a turn that is being planned; a deed that has begun runs on, and its row is kept true.
        """
        told: Told = asyncio.Queue()
        turn = asyncio.create_task(self._turn(utterance, told), name=f"turn {utterance.turn_id}")
        self._turns.add(turn)
        turn.add_done_callback(self._turns.discard)
        try:
            while (event := await told.get()) is not None:
                yield event
        finally:
            turn.cancel()

    async def close(self) -> None:
        """The call is over: drop what is being planned, give deeds a moment, and leave true rows for the rest."""
        self._closed = True
        for turn in self._turns:
            turn.cancel()
        try:
            if self._deeds:
                await asyncio.wait(self._deeds, timeout=self._limits.close)
        finally:
            # Also when whoever closes us has no more time: each deed then writes its own end.
            for deed in self._deeds:
                deed.cancel()
        await asyncio.gather(*self._turns, *self._deeds, return_exceptions=True)

    async def _turn(self, utterance: Utterance, told: Told) -> None:
        """The owner of one utterance: whatever fails in here is said, and the generator ends."""
        deed: Deed | None = None
        try:
            deed = await self._decide(utterance, told)
        except OrchestratorError as error:
            log.warning("no plan", extra={"code": error.code, "pii_error": str(error)})
            self._notice(utterance, told, self._sentences.failed(error.code, utterance.turn_id))
        except Exception:
            log.exception("turn failed", extra={"turn": str(utterance.turn_id)})
            self._notice(utterance, told, self._sentences.failed("internal", utterance.turn_id))
        finally:
            # No await lies between the decision and this line, so a deed is either begun whole or not at all.
            if deed and not self._closed:
                self._begin(deed, told)
            else:
                told.put_nowait(None)

    async def _decide(self, utterance: Utterance, told: Told) -> Deed | None:
        """Intent, then plan, in the order of arrival; a deed when there is one to be done."""
        begun = perf_counter()
        decision = self._classifier.decide(utterance.text, utterance.last_agent)
        ms = since(begun)
        if decision.control:
            told.put_nowait(_decided(utterance, decision, ms))
            await self._control(decision.control, utterance, told)
            return None
        called_off = self._called_off
        self._planning += 1
        try:
            async with self._order:
                question = self._open_question()
                decision = with_question(decision, question)
                told.put_nowait(_decided(utterance, decision, ms))
                step = after_intent(utterance.text, decision.intent)
                plan = Plan()
                if step is Step.PLAN and called_off == self._called_off:
                    self._question = None
                    plan = await self._plan(utterance, question, told)
                    step = after_plan(plan)
        finally:
            self._planning -= 1
        return None if called_off != self._called_off else self._take_step(step, plan, utterance, told)

    def _take_step(self, step: Step, plan: Plan, utterance: Utterance, told: Told) -> Deed | None:
        match step:
            case Step.LISTEN_AGAIN:
                self._notice(utterance, told, self._sentences.not_understood(utterance.turn_id))
            case Step.LEAVE_TO_MIND:
                told.put_nowait(LeftToMind(utterance.turn_id))
            case Step.ASK:
                self._question = Question(plan, self._now())
                self._notice(utterance, told, self._sentences.question(plan))
            case Step.ACT | Step.REFUSE:
                return self._deed(plan, utterance, told)
        return None

    def _open_question(self) -> Question | None:
        return self._question if self._question and self._question.is_open(self._now()) else None

    async def _plan(self, utterance: Utterance, question: Question | None, told: Told) -> Plan:
        context: dict[str, Any] = {"language": utterance.language, "last_agent": utterance.last_agent}
        if utterance.timezone:
            context["timezone"] = utterance.timezone
        if question:
            context["pending"] = question.plan.model_dump(mode="json")
        begun = perf_counter()
        try:
            async with asyncio.timeout(self._limits.plan):
                plan = await self._orchestrator.plan(utterance.text, context, utterance.conversation_id)
        except TimeoutError as error:
            raise OrchestratorTimeout("no plan in time") from error
        told.put_nowait(Planned(utterance.turn_id, plan, since(begun)))
        return plan

    def _deed(self, plan: Plan, utterance: Utterance, told: Told) -> Deed:
        row = Invocation(
            invocation_id=self._new_id(),
            session_id=utterance.session_id,
            turn_id=utterance.turn_id,
            idempotency_key=key_of(utterance.conversation_id, utterance.turn_id),
            agent=plan.agent,
            action=plan.tool or "",
            arguments=plan.arguments,
            risk=plan.risk,
            status=Status.REQUESTED,
            requested_at=self._now(),
        )

        def tell(event: BridgeEvent) -> None:
            if not isinstance(event, Progressed) or told.qsize() < MAX_UNREAD:
                told.put_nowait(event)

        return Deed(
            utterance,
            plan,
            row,
            self._orchestrator,
            self._ledger,
            self._sentences,
            self._now,
            self._limits,
            tell,
        )

    def _begin(self, deed: Deed, told: Told) -> None:
        """Give the deed a task of its own, which outlives whoever listens."""
        task = asyncio.create_task(deed.run(), name=f"deed {deed.row.idempotency_key}")
        self._deeds[task] = deed.row.idempotency_key

        def over(task: asyncio.Task[None]) -> None:
            del self._deeds[task]
            if not task.cancelled() and task.exception():
                log.error("deed failed", exc_info=task.exception())
            told.put_nowait(None)

        task.add_done_callback(over)

    async def _control(self, control: Control, utterance: Utterance, told: Told) -> None:
        told.put_nowait(ControlAsked(utterance.turn_id, control))
        match control:
            case "repeat":
                self._notice(utterance, told, utterance.last_agent.strip() or NOTHING_SAID)
            case "never_mind":
                await self._call_off(utterance, told)

    async def _call_off(self, utterance: Utterance, told: Told) -> None:
        """Take back what is not done yet: what is asked or planned, else the youngest running deed."""
        if self._open_question() or self._planning:
            self._question = None
            self._called_off += 1
            self._notice(utterance, told, self._sentences.called_off(utterance.turn_id))
        elif self._deeds and not await self._cancelled(list(self._deeds.values())[-1]):
            self._notice(utterance, told, TOO_LATE)
        # A deed that is called off says so itself, when its row does.

    async def _cancelled(self, key: str) -> bool:
        try:
            async with asyncio.timeout(self._limits.cancel):
                return await self._orchestrator.cancel(key)
        except (OrchestratorError, TimeoutError) as error:
            log.warning("not called off", extra={"key": key, "pii_error": str(error)})
            return False

    def _notice(self, utterance: Utterance, told: Told, text: str) -> None:
        told.put_nowait(Reply(utterance.turn_id, text, "notice", None))


def since(begun: float) -> float:
    """Milliseconds since `begun`, a reading of `perf_counter`."""
    return (perf_counter() - begun) * 1000


def _decided(utterance: Utterance, decision: Decision, ms: float) -> IntentDecided:
    return IntentDecided(utterance.turn_id, decision.intent, decision.confidence, ms, decision.by)
