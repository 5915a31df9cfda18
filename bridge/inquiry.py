"""Finds out what became of a deed whose end nobody saw: the orchestrator is asked for its state, by its key."""

import asyncio
from dataclasses import dataclass

from bridge import outcome as outcomes
from bridge.outcome import Outcome
from bridge.ports import Orchestrator, OrchestratorError, OrchestratorTimeout
from services.orchestrator.protocol import Plan

UNDER_WAY = frozenset({"waiting", "running"})


@dataclass(frozen=True, slots=True)
class Pace:
    """How often somebody is asked, in seconds."""

    first: float
    """Before the second time; each next pause is twice as long."""
    longest: float
    whole: float
    """After which it is given up."""


async def ask_after(orchestrator: Orchestrator, key: str, plan: Plan, pace: Pace) -> Outcome | None:
    """What became of `plan` under `key`, once it is over; None where the orchestrator knows no such key.

    An orchestrator that cannot be reached is asked again: it may be just starting.

    Raises:
        OrchestratorTimeout: it could not be reached, or the deed ran on, for the whole of `pace`.
    """
    clock = asyncio.get_running_loop().time
    end, pause = clock() + pace.whole, pace.first
    while True:
        try:
            call = await orchestrator.state(key)
        except OrchestratorError as error:
            trouble = str(error)
        else:
            if call is None:
                return None
            if call.state not in UNDER_WAY and call.result is not None:
                return outcomes.of_result(call.result, plan)
            trouble = f"it is {call.state}"
        if clock() + pause > end:
            raise OrchestratorTimeout(f"nobody knows the end yet: {trouble}")
        await asyncio.sleep(pause)
        pause = min(2 * pause, pace.longest)
