"""One wish, carried out once: written down before it goes out, and told to its end whoever still listens.

A deed owns its row from the request to the end. Until it goes out the user may go on with the turn: then it is
withdrawn, waits for what they mean by the whole of it, and the same row is amended
(docs/adr/writes-wait-for-the-second-breath.md).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

from bridge import outcome as outcomes
from bridge.approval import Answer, Approval, By, Verdict
from bridge.consent import THEIR_YES, Consent
from bridge.dispatch import dispatch
from bridge.events import ApprovalAnswered, ApprovalAsked, InvocationChanged, Progressed, Reply, Utterance
from bridge.fillers import ToolTimes
from bridge.ledger import (
    FINISHED,
    WAITING,
    Invocation,
    LedgerAway,
    LedgerStore,
    Status,
    amended,
    awaiting_approval,
    finished,
    is_confirmed,
    key_sent,
    started,
)
from bridge.limits import Limits
from bridge.offer import Offers
from bridge.outcome import Outcome
from bridge.ports import Orchestrator, OrchestratorError
from bridge.reading import Reading
from bridge.sentences import Sentences
from services.orchestrator.protocol import Plan, Progress

log = logging.getLogger(__name__)

T = TypeVar("T")


class NotOurs(Exception):
    """Somebody else has the row, or has changed it: it is theirs to end."""


class Deed:
    """Carries out one plan, or the one that amends it. Whoever cancels `run` gets a row that is true, within the
    ledger's limit."""

    def __init__(
        self,
        reading: Reading,
        plan: Plan,
        row: Invocation,
        orchestrator: Orchestrator,
        ledger: LedgerStore,
        sentences: Sentences,
        now: Callable[[], datetime],
        limits: Limits,
        offers: Offers,
        consent: Consent,
        times: ToolTimes,
    ) -> None:
        self.row = row
        """As it should stand."""
        self.over = False
        self.is_anothers = False
        """Whether somebody else has the turn's row, and words for it."""
        self._reading = reading
        self._plan = plan
        self._committed: Invocation | None = None
        """As it stands in the ledger."""
        self._written: Plan | None = None
        """The plan that the ledger shows."""
        self._withdrawn = False
        """The user goes on with the turn; nothing goes out until it is known what they mean."""
        self._dropped: Outcome | None = None
        """How it ends without going out."""
        self._settled = False
        """Nobody can go on with the turn any more."""
        self._news = asyncio.Event()
        """One of the four above has changed: plan, withdrawn, dropped, settled."""
        self._acting = asyncio.timeout(None)
        """Ends when the deed is withdrawn in the act."""
        self._orchestrator = orchestrator
        self._ledger = ledger
        self._sentences = sentences
        self._now = now
        self._limits = limits
        self._offers = offers
        self._consent = consent
        self._times = times
        reading.owned = True

    # What the bridge may ask of it at any time; each takes effect at once.

    @property
    def plan(self) -> Plan:
        """What the user wants, as far as it is known."""
        return self._plan

    @property
    def waits(self) -> bool:
        """Whether it can still be taken back, for nothing has gone out."""
        return self.row.status in WAITING and self._dropped is None and not self.over

    @property
    def is_withdrawn(self) -> bool:
        """Whether it waits for the rest of the turn."""
        return self.waits and self._withdrawn

    @property
    def is_too_late(self) -> bool:
        """Whether something may have been changed in the world that a withdrawal cannot take back."""
        return self.is_anothers or (self.row.started_at is not None and self.row.risk != "read")

    @property
    def has_no_end(self) -> bool:
        """Whether it went out, and what became of it was never told."""
        lost = self.row.status is Status.UNKNOWN and self.row.result is None
        return lost or (self.row.status is Status.SUPERSEDED and self.row.started_at is not None)

    @property
    def _is_up_to_date(self) -> bool:
        """Whether the ledger shows what the user means."""
        return self._written is self._plan and not self._withdrawn and self._dropped is None

    @property
    def lacks_consent(self) -> bool:
        """Whether it waits for a yes, or is about to ask for one."""
        return self.waits and self._consent.lacks(self._plan)

    @property
    def open_approval(self) -> Approval | None:
        """The question for consent that an answer may be to."""
        is_asked = self.waits and self.row.status is Status.AWAITING_APPROVAL and not self._withdrawn
        return self._consent.approval if is_asked and self._consent.is_open(self._plan) else None

    def ask_again(self, counts: bool, heard: bool = False) -> None:
        """Ask for consent once more; `counts`: because nothing that was said answered, though `heard` may be true of
        the question."""
        if heard:
            self._consent.heard()
        self._consent.again(counts)
        self._news.set()

    def grant(self, by: By, turn_id: UUID | None = None, settles_at: float = 0.0) -> None:
        """The user said yes; until `settles_at` (the event loop's clock) they may still go on with that."""
        self._consent.answer("yes", by, turn_id, settles_at)
        self._settled = False
        self._say(self._sentences.acknowledgement(self._plan, self._turn_id), "filler")
        if self._reading.filling:
            self._reading.filling.acknowledged(self._plan, self.row.invocation_id)
        self._news.set()

    def deny(self, by: By, turn_id: UUID | None = None) -> None:
        """The user said no."""
        self._consent.answer("no", by, turn_id, 0.0)
        self.drop(outcomes.denied())

    def press(self, approve: bool) -> None:
        """The user answered by a button."""
        verdict = Verdict.GRANTED if approve else Verdict.DENIED
        answer = Answer.YES if approve else Answer.NO
        approval = self._consent.approval
        assert approval is not None, "only an open question is answered"
        answered = ApprovalAnswered(self.row.invocation_id, approval.approval_id, None, answer, True, verdict)
        self._reading.tell(answered)
        if approve:
            self.grant("button")
        else:
            self.deny("button")

    def take_back_answer(self, before: Approval) -> None:
        """The user goes on with the turn that was taken for the answer to `before`."""
        if self.waits:
            self._consent.take_back(before)
            self._news.set()

    def withdraw(self) -> None:
        """The user goes on with the turn, and it is not too late."""
        self._reading.withdraw()
        if self.waits:
            self._withdrawn = True
            self._reading.end()
            self._news.set()
        elif self.row.status is Status.RUNNING and not self._acting.expired():
            self._acting.reschedule(asyncio.get_running_loop().time())

    def go_on(self, reading: Reading, plan: Plan) -> None:
        """This is what they mean."""
        self._hand_over(reading)
        self._plan, self._written = plan, None
        self._withdrawn = self._settled = False
        self._consent.forget()
        self._news.set()

    def drop(self, outcome: Outcome, reading: Reading | None = None) -> None:
        """End it without going out, and tell `reading` so, where there is a new one."""
        if reading:
            self._hand_over(reading)
        self._dropped = outcome
        self._news.set()

    def settle(self) -> None:
        """The user cannot go on with the turn any more, though its time is not over."""
        self._settled = True
        self._news.set()

    def _hand_over(self, reading: Reading) -> None:
        self._reading.end()
        self._reading, reading.owned = reading, True

    async def call_off(self) -> bool:
        """Have the orchestrator cancel it; False where that is too late."""
        try:
            async with asyncio.timeout(self._limits.cancel):
                return await self._orchestrator.cancel(key_sent(self.row))
        except (OrchestratorError, TimeoutError) as error:
            log.warning("not called off", extra={"key": self.row.idempotency_key, "pii_error": str(error)})
            return False

    # Its life.

    async def run(self) -> None:
        """Request, wait until the user cannot go on, start, act, finish. Tells each step after it was committed."""
        try:
            await self._run()
        except asyncio.CancelledError:
            await self._abandon()
            raise
        finally:
            self.over = True

    def ended(self) -> None:
        """Its task is over, or never began."""
        self.over = True
        self._reading.end()

    async def _run(self) -> None:
        try:
            while True:
                if not await self._may_go_out():
                    return
                outcome = await self._act()
                if outcome.status is not Status.AWAITING_APPROVAL:
                    break
                self._asked_back(outcome)
        except NotOurs:
            self.is_anothers = True
            log.warning("another has the deed", extra={"key": self.row.idempotency_key})
            return
        except LedgerAway as away:
            # Nothing has gone out. What the ledger may still hold of this is closed when it is back.
            if self._committed:
                await self._end(Outcome(Status.ERROR, code=away.code, message=str(away)), "notice")
            else:
                self._say(self._sentences.failed(away.code, self._turn_id), "notice")
            return
        await self._end(outcome, "tool")
        if outcome.status is Status.SUPERSEDED:
            self._reading.end()
            await self.call_off()

    async def _may_go_out(self) -> bool:
        """Bring the row to `running`, with what the user means when they have come to an end; False if it ends first.

        Raises:
            LedgerAway, NotOurs: nothing may go out.
        """
        while True:
            if self._dropped:
                await self._end(self._dropped, "notice")
                return False
            if self._withdrawn:
                if not await self._changes(self._limits.breath):
                    self._dropped = outcomes.superseded()
            elif self._written is not self._plan:
                await self._write_down(self._plan)
            elif self._consent.lacks(self._plan):
                await self._ask(self._plan)
            elif not await self._changes(self._to_wait()) and await self._start():
                return True

    async def _changes(self, limit: float) -> bool:
        """Wait for the bridge to change something; False if it does not within `limit` seconds."""
        try:
            async with asyncio.timeout(limit):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True

    def _to_wait(self) -> float:
        """Seconds until it may go out: what only reads can be done again."""
        if self._settled:
            return 0
        wish_until = 0.0 if self._plan.risk == "read" else self._reading.settles_at
        return max(wish_until, self._consent.settles_at) - asyncio.get_running_loop().time()

    async def _write_down(self, plan: Plan) -> None:
        """Claim the row, or amend the one that was claimed; then say that it is in hand, unless it is asked about.

        Raises:
            LedgerAway: the row may be written all the same.
            NotOurs: another deed of this turn was faster, or has gone out.
        """
        row = amended(
            self.row,
            plan.agent,
            plan.tool or "",
            plan.arguments,
            plan.risk,
            plan.idempotent,
            self._reading.utterance.request,
        )
        if self._consent.lacks(plan):
            # From the first write on: whoever finds the row after a crash must not take it for one that may go out.
            row = replace(row, approval=self._pose(plan))
        if self._committed:
            await self._write(row, was=self._committed.status)
        elif (await self._within_limit(self._ledger.request(row))).invocation_id != row.invocation_id:
            raise NotOurs
        self._written = plan
        self._committed_is(row)
        if self._is_up_to_date and not self._consent.lacks(plan):
            self._acknowledge(plan)

    def _acknowledge(self, plan: Plan) -> None:
        """Have something said while it runs, unless its result is near."""
        if self._reading.filling and not self._reading.withdrawn:
            takes = self._times.expected(plan.tool or "")
            waits = max(0.0, self._to_wait())
            # That it has to wait is known, how long it then takes may not be.
            expected = waits + (takes or 0.0) if waits or takes is not None else None
            self._reading.filling.planned(plan, self.row.invocation_id, expected)

    async def _ask(self, plan: Plan) -> None:
        """Write that the user is asked, ask, and wait for an answer; without one in time the deed is let go.

        Raises:
            LedgerAway, NotOurs
        """
        if self._consent.must_pose(plan):
            self._pose(plan)
        if self._consent.must_ask:
            approval = self._consent.ask()
            row = awaiting_approval(self.row, approval.stored)
            await self._write(row, was=self.row.status)
            self._committed_is(row)
            if not self._is_up_to_date or not self._consent.lacks(plan):
                return
            self._reading.tell(ApprovalAsked(row.invocation_id, approval))
            self._say(self._sentences.asks(approval), "approval")
        if not await self._changes(self._consent.left_s) and self._consent.lacks(plan):
            self._dropped = outcomes.expired()

    def _pose(self, plan: Plan) -> dict[str, Any]:
        question = self._sentences.consent(plan, self._reading.utterance.text)
        return self._consent.pose(plan, question).stored

    async def _start(self) -> bool:
        """Write that it goes out; False if the user went on while that was written, for then it has not.

        Raises:
            LedgerAway: the row may be written all the same.
            NotOurs: it has gone out already, or was closed.
        """
        row = started(self._with_answer(self.row), self._now())
        await self._write(row, was=self.row.status)
        if not self._is_up_to_date or self._consent.lacks(self._plan):
            await self._write(self.row, was=Status.RUNNING)
            return False
        self._committed_is(row)
        return True

    async def _act(self) -> Outcome:
        """Have it done, unless the user goes on and it only reads."""
        try:
            async with self._acting:
                outcome = await dispatch(
                    self._orchestrator,
                    self._asks_for_it,
                    self._plan,
                    key_sent(self.row),
                    self.row.amends,
                    self._limits,
                    self._progressed,
                )
        except TimeoutError:
            return outcomes.superseded()
        # A foreign MAS tells only now who did it.
        self.row = replace(self.row, agent=self.row.agent or outcome.agent)
        return outcome

    def _asked_back(self, outcome: Outcome) -> None:
        """Whoever was to do it wants a yes of the user's first; it is asked for in their words."""
        assert outcome.result is not None, "who asks back has answered"
        prompt = outcome.result.confirmation_prompt or self._plan.confirm
        self._plan = self._written = self._plan.model_copy(update={"confirm": prompt})
        self._consent.ask_for(self._plan)
        self._acting = asyncio.timeout(None)

    @property
    def _asks_for_it(self) -> Utterance:
        """The words with which it is asked for: the user's own, or their yes to whoever asked back."""
        utterance = self._reading.utterance
        return replace(utterance, text=THEIR_YES) if is_confirmed(self.row) else utterance

    def _progressed(self, progress: Progress) -> None:
        text = self._sentences.progress(progress.text)
        self._reading.tell(Progressed(self.row.invocation_id, text, progress.fraction))

    async def _end(self, outcome: Outcome, source: Literal["tool", "notice"]) -> None:
        """Write the end and tell it; told all the same, and written again, while the ledger is away."""
        words, rest = self._sentences.outcome(outcome, self._plan, self._turn_id)
        if not self._committed:
            # It was taken back before it was ever written down.
            self.over = True
            self._say(words, source)
            return
        if not self._reading.withdrawn:
            self._offers.make(rest, self.row.invocation_id, self._now())
        end = self.row = self._finished(outcome)
        try:
            await self._commit(end)
        except LedgerAway:
            self._say(words, source)
            await self._insist()
        else:
            self._say(words, source)

    async def _insist(self) -> None:
        clock = asyncio.get_running_loop().time
        end = clock() + self._limits.insist
        pause = self._limits.pause
        while self.row is not self._committed:
            if clock() + pause > end:
                self._log_lost()
                return
            await asyncio.sleep(pause)
            pause *= 2
            with suppress(LedgerAway):
                await self._commit(self.row)

    async def _abandon(self) -> None:
        """The call is over before the deed is: leave what is true in the ledger."""
        if self._committed is None or self._committed.status in FINISHED:
            return
        if self.row.status not in FINISHED:
            self.row = self._finished(outcomes.never_finished(self.row))
        try:
            await self._commit(self.row)
        except LedgerAway:
            self._log_lost()

    def _finished(self, outcome: Outcome) -> Invocation:
        return finished(
            self._with_answer(self.row), outcome.status, self._now(), outcome.stored, outcome.error
        )

    def _with_answer(self, row: Invocation) -> Invocation:
        approval = self._consent.approval
        return replace(row, approval=approval.stored) if approval and row.approval else row

    async def _commit(self, row: Invocation) -> None:
        await self._within_limit(self._ledger.advance(row))
        self._committed_is(row)

    async def _write(self, row: Invocation, was: Status) -> None:
        if not await self._within_limit(self._ledger.advance(row, was)):
            raise NotOurs

    def _committed_is(self, row: Invocation) -> None:
        self._committed = self.row = row
        self._reading.tell(InvocationChanged(row))

    async def _within_limit(self, write: Awaitable[T]) -> T:
        """One write within its limit; whatever is wrong with the ledger, it is away.

        Raises:
            LedgerAway: and it may be written all the same, when the limit struck.
        """
        try:
            async with asyncio.timeout(self._limits.ledger):
                return await write
        except LedgerAway:
            raise
        except TimeoutError as error:
            raise LedgerAway("the ledger did not answer in time") from error
        except Exception as error:
            log.exception("the ledger's store failed")
            raise LedgerAway(f"the ledger failed: {type(error).__name__}") from error

    def _say(self, text: str, source: Literal["filler", "tool", "approval", "notice"]) -> None:
        if text:
            self._reading.tell(Reply(self._turn_id, text, source, self.row.invocation_id))

    @property
    def _turn_id(self) -> UUID:
        return self._reading.utterance.turn_id

    def _log_lost(self) -> None:
        log.error(
            "the ledger is away and lacks the end of a deed",
            extra={"invocation": str(self.row.invocation_id), "status": str(self.row.status)},
        )
