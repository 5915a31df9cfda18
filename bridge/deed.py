"""One wish, carried out once: written down before it goes out, and told to its end whoever still listens."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import datetime
from typing import Literal, TypeVar

from bridge import outcome as outcomes
from bridge.events import BridgeEvent, InvocationChanged, Progressed, Reply, Utterance
from bridge.ledger import FINISHED, Invocation, LedgerAway, LedgerStore, Status, finished, started
from bridge.limits import Limits
from bridge.outcome import Outcome
from bridge.ports import Orchestrator, OrchestratorError, OrchestratorLost, OrchestratorTimeout
from bridge.sentences import Sentences
from bridge.turn import Step, after_plan
from services.orchestrator.protocol import ChatResult, Failure, Plan, Progress

log = logging.getLogger(__name__)

CALL_ENDED = "call_ended"

T = TypeVar("T")


class Deed:
    """Carries out one plan. Whoever cancels `run` gets a row that is true, within the ledger's limit."""

    def __init__(
        self,
        utterance: Utterance,
        plan: Plan,
        row: Invocation,
        orchestrator: Orchestrator,
        ledger: LedgerStore,
        sentences: Sentences,
        now: Callable[[], datetime],
        limits: Limits,
        tell: Callable[[BridgeEvent], None],
    ) -> None:
        self.utterance = utterance
        self.plan = plan
        self.row = row
        """As it should stand."""
        self._committed: Invocation | None = None
        """As it stands in the ledger."""
        self._orchestrator = orchestrator
        self._ledger = ledger
        self._sentences = sentences
        self._now = now
        self._limits = limits
        self._tell = tell

    async def run(self) -> None:
        """Request, start, act, finish. Tells each step after it was committed."""
        try:
            await self._run()
        except asyncio.CancelledError:
            await self._abandon()
            raise

    async def _run(self) -> None:
        try:
            if not await self._claim():
                return
            if after_plan(self.plan) is Step.REFUSE:
                await self._end(outcomes.refused(self.plan), "notice")
                return
            await self._commit(started(self.row, self._now()))
        except LedgerAway as away:
            # Nothing has gone out. What the ledger may still hold of this is closed when it is back.
            if self._committed:
                await self._end(Outcome(Status.ERROR, code=away.code, message=str(away)), "notice")
            else:
                self._say(self._sentences.failed(away.code, self.utterance.turn_id), "notice")
            return
        self._say(self._sentences.acknowledgement(self.plan, self.utterance.turn_id), "filler")
        await self._end(await self._act(), "tool")

    async def _claim(self) -> bool:
        """Write the row, unless the same turn has already asked for this: then another deed has it."""
        standing = await self._written(self._ledger.request(self.row))
        if standing.invocation_id != self.row.invocation_id:
            log.info("the turn has its deed", extra={"invocation": str(standing.invocation_id)})
            return False
        self._committed = standing
        self._tell(InvocationChanged(standing))
        return True

    async def _act(self) -> Outcome:
        """Have it done; once more, under the same key, when the connection died and that can do no harm."""
        try:
            try:
                return await self._call()
            except OrchestratorLost as lost:
                if not self.plan.idempotent:
                    raise
                log.warning("the connection was lost, asking again", extra={"key": self.row.idempotency_key})
                try:
                    return await self._call()
                except OrchestratorError:
                    raise lost from None
        except OrchestratorError as error:
            log.warning("the orchestrator failed", extra={"code": error.code, "pii_error": str(error)})
            return outcomes.of_error(error, self.plan)
        except Exception:
            log.exception("the orchestrator's adapter failed")
            return outcomes.of_error(OrchestratorError("the adapter failed"), self.plan)

    async def _call(self) -> Outcome:
        clock = asyncio.get_running_loop().time
        end = clock() + self._limits.deed
        try:
            async with (
                asyncio.timeout(self._limits.silence) as limit,
                aclosing(
                    self._orchestrator.chat(
                        self.utterance.text,
                        self.plan,
                        self.utterance.conversation_id,
                        self.row.idempotency_key,
                    )
                ) as stream,
            ):
                async for event in stream:
                    match event:
                        case ChatResult():
                            self._name_doer(event)
                            return outcomes.of_result(event)
                        case Failure():
                            return outcomes.of_failure(event)
                        case Progress():
                            self._tell_progress(event)
                            limit.reschedule(min(end, clock() + self._limits.silence))
        except TimeoutError as error:
            raise OrchestratorTimeout("no result in time") from error
        raise OrchestratorLost("the stream ended without a result")

    def _name_doer(self, result: ChatResult) -> None:
        """A foreign MAS tells only now who did it."""
        agent = self.row.agent or result.agent or result.agent_name
        self.row = replace(self.row, agent=agent)

    def _tell_progress(self, progress: Progress) -> None:
        text = self._sentences.progress(progress.text)
        self._tell(Progressed(self.row.invocation_id, text, progress.fraction))

    async def _end(self, outcome: Outcome, source: Literal["tool", "notice"]) -> None:
        """Write the end and tell it; told all the same, and written again, while the ledger is away."""
        words = self._sentences.outcome(outcome, self.plan, self.utterance.turn_id)
        end = finished(self.row, outcome.status, self._now(), outcome.stored, outcome.error)
        self.row = end
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
            gone_out = self.row.status is Status.RUNNING
            status = Status.UNKNOWN if gone_out else Status.CANCELLED
            error = {"code": CALL_ENDED, "message": "the call ended before the deed did"}
            self.row = finished(self.row, status, self._now(), error=error)
        try:
            await self._commit(self.row)
        except LedgerAway:
            self._log_lost()

    async def _commit(self, row: Invocation) -> None:
        await self._written(self._ledger.advance(row))
        self._committed = self.row = row
        self._tell(InvocationChanged(row))

    async def _written(self, write: Awaitable[T]) -> T:
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

    def _say(self, text: str, source: Literal["filler", "tool", "notice"]) -> None:
        self._tell(Reply(self.utterance.turn_id, text, source, self.row.invocation_id))

    def _log_lost(self) -> None:
        log.error(
            "the ledger is away and lacks the end of a deed",
            extra={"invocation": str(self.row.invocation_id), "status": str(self.row.status)},
        )
