"""Has a plan done by the orchestrator, and knows what it means when that fails."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from uuid import UUID

from bridge import outcome as outcomes
from bridge.events import Utterance
from bridge.limits import Limits
from bridge.outcome import Outcome
from bridge.ports import ChatEvent, Orchestrator, OrchestratorError, OrchestratorLost, OrchestratorTimeout
from services.orchestrator.protocol import ChatResult, Failure, Plan, Progress

log = logging.getLogger(__name__)

MOST_PROGRESS = 100
"""Told of one deed; each is an event of the call's log and of the page."""


async def dispatch(
    orchestrator: Orchestrator,
    utterance: Utterance,
    plan: Plan,
    key: str,
    amends: UUID | None,
    limits: Limits,
    progressed: Callable[[Progress], None],
) -> Outcome:
    """Have `plan` done under `key`; once more when the connection died and that can do no harm.

    Whatever the orchestrator or its adapter does becomes an outcome.
    """

    async def call() -> Outcome:
        stream = orchestrator.chat(
            utterance.text, plan, utterance.conversation_id, key, amends, utterance.deed_context
        )
        async with aclosing(stream):
            return await _result(stream, plan, limits, progressed)

    try:
        try:
            return await call()
        except OrchestratorLost as lost:
            if not plan.idempotent:
                raise
            log.warning("the connection was lost, asking again", extra={"key": key})
            try:
                return await call()
            except OrchestratorError:
                raise lost from None
    except OrchestratorError as error:
        log.warning("the orchestrator failed", extra={"code": error.code, "pii_error": str(error)})
        return outcomes.of_error(error, plan)
    except Exception:
        log.exception("the orchestrator's adapter failed")
        return outcomes.of_error(OrchestratorError("the adapter failed"), plan)


async def _result(
    stream: AsyncIterator[ChatEvent], plan: Plan, limits: Limits, progressed: Callable[[Progress], None]
) -> Outcome:
    """Read `stream` to its one end.

    Raises:
        OrchestratorError: there was none, or not in time.
    """
    clock = asyncio.get_running_loop().time
    end = clock() + limits.deed
    told = 0
    try:
        async with asyncio.timeout(limits.silence) as limit:
            async for event in stream:
                match event:
                    case ChatResult():
                        return outcomes.of_result(event, plan)
                    case Failure():
                        return outcomes.of_failure(event)
                    case Progress():
                        told += 1
                        if told <= MOST_PROGRESS:
                            progressed(event)
                        limit.reschedule(min(end, clock() + limits.silence))
    except TimeoutError as error:
        raise OrchestratorTimeout("no result in time") from error
    raise OrchestratorLost("the stream ended without a result")
