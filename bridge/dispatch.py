"""Has a plan done by the orchestrator, and knows what it means when that fails."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from uuid import UUID

from bridge import outcome as outcomes
from bridge.events import Utterance
from bridge.inquiry import Pace, ask_after
from bridge.limits import Limits
from bridge.outcome import Outcome
from bridge.ports import ChatEvent, Orchestrator, OrchestratorError, OrchestratorLost, OrchestratorTimeout
from services.orchestrator.protocol import ChatResult, Failure, Plan, Progress

log = logging.getLogger(__name__)

MOST_PROGRESS = 100
"""Told of one deed; each is an event of the call's log and of the page."""

MOST_PAUSE_S = 1.0
"""Between two questions after what became of a deed, while the user waits."""


async def dispatch(
    orchestrator: Orchestrator,
    utterance: Utterance,
    plan: Plan,
    key: str,
    amends: UUID | None,
    limits: Limits,
    progressed: Callable[[Progress], None],
) -> Outcome:
    """Have `plan` done under `key`.

    When the connection dies the orchestrator is asked what became of it. Where it does not know that key it never
    began, or has forgotten: it is asked for once more if that can do no harm.

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
            log.warning("the connection was lost, asking what became of it", extra={"key": key})
            pace = Pace(limits.pause, MOST_PAUSE_S, limits.inquiry)
            try:
                outcome = await ask_after(orchestrator, key, plan, pace)
                if outcome is not None:
                    return outcome
                if not plan.idempotent:
                    raise
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
