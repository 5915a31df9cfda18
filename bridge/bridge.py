"""The bridge of one call: takes each utterance to its end, plans in order, lets deeds run side by side."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import datetime
from time import perf_counter
from uuid import UUID

from bridge import outcome as outcomes
from bridge.approval import Answer, Verdict
from bridge.approvals import Approvals
from bridge.consent import Consent
from bridge.controls import is_a_while
from bridge.deed import Deed
from bridge.events import (
    BridgeEvent,
    Control,
    ControlAsked,
    Intent,
    IntentDecided,
    LeftToMind,
    Planned,
    Reply,
    ResultArrived,
    Utterance,
)
from bridge.fillers import ToolTimes
from bridge.filling import Filling
from bridge.intent import Decision, IntentClassifier
from bridge.ledger import FINISHED, Invocation, LedgerStore, Status, key_of
from bridge.limits import Limits
from bridge.memory import Turn, Turns
from bridge.offer import Offers, with_offer
from bridge.ports import Orchestrator, OrchestratorError, OrchestratorTimeout
from bridge.reading import Reading
from bridge.sentences import BEGUN, NOTHING_SAID, OVER, TOO_LATE, Sentences
from bridge.turn import (
    TWO_BREATHS,
    Question,
    Step,
    after_intent,
    after_plan,
    is_wish_so_far,
    may_follow,
    of_two_breaths,
    second_breath,
    with_question,
)
from personas.model import Persona
from services.orchestrator.protocol import Plan

log = logging.getLogger(__name__)

Follow = Callable[[Invocation, Callable[[Invocation], None]], None]
"""Takes the row of a deed, and whoever is told it once more is known."""


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
        follow: Follow | None = None,
        times: ToolTimes | None = None,
    ) -> None:
        """`follow` finds out what became of deeds whose end was not seen; None: nobody does. `times` is shared by the
        calls of a process."""
        self._sentences = Sentences(persona)
        self._asks_before = persona.asks_before
        self._classifier = classifier
        self._orchestrator = orchestrator
        self._ledger = ledger
        self._new_id = new_id
        self._now = now
        self._limits = limits or Limits()
        self._follow = follow
        self.arrived: Callable[[ResultArrived], None] = lambda _: None
        """Told of results that nobody waits for any more; set by whoever holds the call."""
        self._order = asyncio.Lock()
        """Fair: whoever came first plans first."""
        self._question: Question | None = None
        self._times = times or ToolTimes()
        self._offers = Offers()
        self._turns = Turns()
        self._deciding: set[asyncio.Task[None]] = set()
        self._deeds: dict[asyncio.Task[None], Deed] = {}
        """By their tasks, the youngest last."""
        self._approvals = Approvals(self._deeds.values)
        self._planning = 0
        self._called_off = 0
        """Times the user took back what was being planned."""
        self._closed = False

    @property
    def deeds(self) -> tuple[Invocation, ...]:
        """The rows of what is under way, the youngest last."""
        return tuple(deed.row for deed in self._deeds.values())

    def is_wish_so_far(self, text: str, last_agent: str) -> bool:
        """Whether the words of a turn that goes on ask, beyond doubt, for something to be done."""
        return is_wish_so_far(text, self._classifier.decide(text, last_agent))

    async def take(self, utterance: Utterance) -> AsyncGenerator[BridgeEvent, None]:
        """Take one utterance to its end.

        Ends without words of any kind when the same turn was taken before, or the user called it off. After
        `withdraw` the same turn is read anew. Closing the generator drops a turn that is being planned; a deed that
        has begun runs on, and its row is kept true.
        """
        turn = self._turns.remember(utterance.turn_id)
        settles_at = asyncio.get_running_loop().time() + utterance.settle_s
        reading = Reading(utterance, settles_at, turn.text if turn.went_on else "")
        reading.filling = Filling(utterance, self._sentences, self._limits.fillers, reading.tell)
        turn.text = utterance.text
        task = asyncio.create_task(self._take(turn, reading), name=f"turn {utterance.turn_id}")
        self._deciding.add(task)
        turn.readings[reading] = task
        task.add_done_callback(lambda task: self._over(turn, reading, task))
        try:
            async for event in reading.events():
                yield event
        finally:
            del turn.readings[reading]
            reading.filling.end()
            task.cancel()

    def withdraw(self, turn_id: UUID) -> None:
        """The user goes on with that turn: take back what it has led to, as far as nothing was changed by it.

        What is decided or planned is dropped without words, its question closed, its deed held if it has not gone
        out, and superseded if it only reads. A write that has gone out runs on and is told. The whole turn is to be
        taken again.
        """
        turn = self._turns.find(turn_id)
        if turn is None:
            return
        turn.went_on = True
        self._offers.withdraw(turn_id)
        if turn.deed and turn.deed.is_too_late:
            return
        for reading, task in turn.readings.items():
            reading.withdraw()
            task.cancel()
        if turn.deed:
            turn.deed.withdraw()
        if answered := turn.answered_approval:
            answered.deed.take_back_answer(answered.approval)
        if self._question is None or self._question.turn_id == turn_id:
            self._question, turn.answered = turn.answered, None

    def answer_approval(self, approval_id: UUID, approve: bool) -> bool:
        """The user pressed what stands for the answer to that question; False where it is not open (any more)."""
        return self._approvals.press(approval_id, approve)

    async def close(self) -> None:
        """The call is over: drop what is being planned, give deeds a moment, and leave true rows for the rest.

        A write that waits for the end of its window goes out: the wish was complete when the user hung up.
        """
        self._closed = True
        for deed in self._deeds.values():
            if deed.is_withdrawn or deed.lacks_consent:
                deed.drop(outcomes.never_finished(deed.row))
            else:
                deed.settle()
        for task in self._deciding:
            task.cancel()
        try:
            if self._deeds:
                await asyncio.wait(self._deeds, timeout=self._limits.close)
        finally:
            # Also when whoever closes us has no more time: each deed then writes its own end.
            for task in self._deeds:
                task.cancel()
        await asyncio.gather(*self._deciding, *self._deeds, return_exceptions=True)

    async def _take(self, turn: Turn, reading: Reading) -> None:
        """The owner of one reading: whatever fails in here is said."""
        turn_id = reading.utterance.turn_id
        try:
            await self._decide(turn, reading)
        except OrchestratorError as error:
            log.warning("no plan", extra={"code": error.code, "pii_error": str(error)})
            self._notice(reading, self._sentences.failed(error.code, turn_id))
        except Exception:
            log.exception("turn failed", extra={"turn": str(turn_id)})
            self._notice(reading, self._sentences.failed("internal", turn_id))

    def _over(self, turn: Turn, reading: Reading, task: asyncio.Task[None]) -> None:
        """A reading was decided on, dropped, or never begun."""
        self._deciding.discard(task)
        if turn.went_on and not reading.withdrawn:
            turn.went_on = False
            if turn.deed and turn.deed.is_withdrawn:
                turn.deed.drop(outcomes.superseded(), reading)
        if not reading.owned:
            reading.end()

    async def _decide(self, turn: Turn, reading: Reading) -> None:
        """Intent, then plan, in the order of arrival; a deed when there is one to be done."""
        utterance = reading.utterance
        begun = perf_counter()
        heard = self._approvals.hear(turn, reading)
        if not (self._open_question() or (heard and heard.in_time)) and self._read_on(reading, begun):
            return
        decision = self._classify(turn, reading)
        ms = since(begun)
        if decision.control not in ("repeat", "wait"):
            self._offers.close()
        if decision.control:
            reading.tell(_decided(utterance, decision, ms))
            await self._control(decision.control, decision.by, turn, reading)
            return
        for deed in self._deeds.values():
            # Whoever says something else does not go on with what they said before.
            if deed is not turn.deed:
                deed.settle()
        called_off = self._called_off
        self._planning += 1
        try:
            async with self._order:
                question = self._open_question()
                heard = self._approvals.hear(turn, reading)
                if heard and question and question.asked_at > heard.asked.approval.asked_at:
                    heard = None
                if heard and heard.verdict is not Verdict.PLAN:
                    reading.tell(_decided(utterance, BY_APPROVAL, ms))
                    self._approvals.follow(heard, turn, reading)
                    return
                pending = question.plan if question else None
                if heard and heard.answer is Answer.AMENDED:
                    decision, pending = BY_APPROVAL, heard.asked.deed.plan
                decision = with_question(decision, question)
                turn.intent = decision.intent
                reading.tell(_decided(utterance, decision, ms))
                step = after_intent(utterance.text, decision.intent)
                plan = Plan()
                if step is Step.PLAN and called_off == self._called_off:
                    if decision.intent is Intent.ACTION and reading.filling:
                        reading.filling.wished()
                    self._question, turn.answered = None, question
                    plan = await self._plan(reading, pending)
                    step = after_plan(plan)
        finally:
            self._planning -= 1
        # No await lies between the plan and the end, so a deed is either begun whole or not at all.
        if called_off == self._called_off and not (
            heard and not self._approvals.planned(heard, decision.intent, plan, turn, reading)
        ):
            self._take_step(step, plan, turn, reading)

    def _read_on(self, reading: Reading, begun: float) -> bool:
        """Go on with a result where the turn answers our offer to; whether it does."""
        utterance = reading.utterance
        answered = self._offers.answer(utterance.turn_id, utterance.text, self._now())
        if answered is None:
            return False
        answer, offer = answered
        reading.tell(_decided(utterance, Decision(Intent.CONTROL, 1.0, "offer"), since(begun)))
        if answer == "no":
            self._notice(reading, self._sentences.left_undone(utterance.turn_id))
            return True
        words, rest = with_offer(offer.rest)
        self._offers.make(rest, offer.invocation_id, self._now())
        reading.tell(Reply(utterance.turn_id, words, "tool", offer.invocation_id))
        return True

    def _classify(self, turn: Turn, reading: Reading) -> Decision:
        """What the turn is taken for; where it went on, by its second breath too."""
        text, last_agent = reading.utterance.text, reading.utterance.last_agent
        if self._approvals.is_answered_by(text):
            return BY_APPROVAL
        whole = self._classifier.decide(text, last_agent)
        if whole.control == "wait" and self._open_question() and is_a_while(text):
            return replace(whole, intent=Intent.UNCLEAR, control=None)
        added = second_breath(reading.first_breath, text)
        if whole.control or not added:
            return whole
        second = self._classifier.decide(added, last_agent)
        return of_two_breaths(whole, turn.intent, added, second)

    def _take_step(self, step: Step, plan: Plan, turn: Turn, reading: Reading) -> None:
        turn_id = reading.utterance.turn_id
        match step:
            case Step.LISTEN_AGAIN:
                self._notice(reading, self._sentences.not_understood(turn_id))
            case Step.LEAVE_TO_MIND:
                reading.tell(LeftToMind(turn_id))
            case Step.ASK:
                self._question = Question(turn_id, plan, self._now())
                self._notice(reading, self._sentences.question(plan))
            case Step.ACT:
                self._act(plan, turn, reading)

    def _act(self, plan: Plan, turn: Turn, reading: Reading) -> None:
        """Do what was planned, unless the turn has its deed already."""
        if turn.deed and (turn.deed.is_anothers or not turn.went_on):
            log.info("the turn has its deed", extra={"invocation": str(turn.deed.row.invocation_id)})
            return
        # From here on the turn has its deed: nobody who reads it at the same time may make another.
        turn.went_on = False
        if turn.deed and turn.deed.is_withdrawn:
            turn.deed.go_on(reading, plan)
        elif turn.deed is None or may_follow(turn.deed.row, plan):
            self._begin(plan, turn, reading)
        else:
            self._notice(reading, BEGUN)

    def _open_question(self) -> Question | None:
        return self._question if self._question and self._question.is_open(self._now()) else None

    async def _plan(self, reading: Reading, pending: Plan | None) -> Plan:
        utterance = reading.utterance
        context = utterance.context | {"last_agent": utterance.last_agent}
        if pending:
            context["pending"] = pending.model_dump(mode="json")
        begun = perf_counter()
        try:
            async with asyncio.timeout(self._limits.plan):
                plan = await self._orchestrator.plan(utterance.text, context, utterance.conversation_id)
        except TimeoutError as error:
            raise OrchestratorTimeout("no plan in time") from error
        reading.tell(Planned(utterance.turn_id, plan, since(begun)))
        return plan

    def _begin(self, plan: Plan, turn: Turn, reading: Reading) -> None:
        """Give the deed a task of its own, which outlives whoever listens."""
        if self._closed:
            return
        utterance = reading.utterance
        turn.rows += 1
        row = Invocation(
            invocation_id=self._new_id(),
            session_id=utterance.session_id,
            turn_id=utterance.turn_id,
            idempotency_key=key_of(utterance.conversation_id, utterance.turn_id, turn.rows),
            agent=plan.agent,
            action=plan.tool or "",
            arguments=plan.arguments,
            risk=plan.risk,
            status=Status.REQUESTED,
            requested_at=self._now(),
            idempotent=plan.idempotent,
            request=utterance.request,
            amends=turn.deed.row.invocation_id if turn.deed else None,
        )
        deed = turn.deed = Deed(
            reading,
            plan,
            row,
            self._orchestrator,
            self._ledger,
            self._sentences,
            self._now,
            self._limits,
            self._offers,
            Consent(self._asks_before, self._new_id, self._now, self._limits.approval),
            self._times,
        )
        task = asyncio.create_task(deed.run(), name=f"deed {row.idempotency_key}")
        self._deeds[task] = deed

        def over(task: asyncio.Task[None]) -> None:
            del self._deeds[task]
            if deed.row.status is Status.SUCCESS and deed.row.latency_ms is not None:
                self._times.note(deed.row.action, deed.row.latency_ms / 1000)
            if not task.cancelled() and task.exception():
                log.error("deed failed", exc_info=task.exception())
            deed.ended()
            if self._follow and deed.has_no_end:
                self._follow(deed.row, lambda row: self.arrived(ResultArrived(row)))

        task.add_done_callback(over)

    async def _control(self, control: Control, by: str, turn: Turn, reading: Reading) -> None:
        utterance = reading.utterance
        reading.tell(ControlAsked(utterance.turn_id, control))
        if control == "repeat" and self._approvals.repeat():
            pass  # The deed asks.
        elif control == "repeat":
            self._notice(reading, utterance.last_agent.strip() or NOTHING_SAID)
        elif by == TWO_BREATHS:
            await self._take_back(control, turn, reading)
        else:
            await self._call_off(control, reading)

    async def _take_back(self, control: Control, turn: Turn, reading: Reading) -> None:
        """The second breath takes back the first, and nothing else."""
        deed = turn.deed
        if deed is None and turn.answered_approval and self._approvals.call_off(reading):
            return
        if deed and deed.is_withdrawn:
            deed.drop(outcomes.called_off(), reading)
        elif control != "never_mind":
            pass
        elif deed is None or not deed.is_too_late:
            self._notice(reading, self._sentences.called_off(reading.utterance.turn_id))
        elif deed.row.status in FINISHED:
            self._notice(reading, OVER)
        elif not await deed.call_off():
            self._notice(reading, TOO_LATE)

    async def _call_off(self, control: Control, reading: Reading) -> None:
        """Take back what is not done yet: what waits to go out, what is asked or planned, else the youngest deed.

        "Stop" and "wait" keep from going out what has not; all else they leave as it is.
        """
        wholly = control == "never_mind"
        youngest = next(reversed(self._deeds.values()), None)
        if wholly and (self._open_question() or self._planning):
            self._question = None
            self._called_off += 1
            self._notice(reading, self._sentences.called_off(reading.utterance.turn_id))
        elif control != "wait" and self._approvals.call_off(reading):
            pass
        elif youngest and youngest.lacks_consent:
            pass  # Nothing of it goes out before there is an answer.
        elif youngest and youngest.waits and (wholly or youngest.row.risk != "read"):
            youngest.drop(outcomes.called_off(), reading)
        elif wholly and youngest and not await youngest.call_off():
            self._notice(reading, TOO_LATE)
        # A deed that is called off says so itself, when its row does.

    def _notice(self, reading: Reading, text: str) -> None:
        reading.tell(Reply(reading.utterance.turn_id, text, "notice", None))


BY_APPROVAL = Decision(Intent.APPROVAL, 1.0, "approval")


def since(begun: float) -> float:
    """Milliseconds since `begun`, a reading of `perf_counter`."""
    return (perf_counter() - begun) * 1000


def _decided(utterance: Utterance, decision: Decision, ms: float) -> IntentDecided:
    return IntentDecided(utterance.turn_id, decision.intent, decision.confidence, ms, decision.by)
