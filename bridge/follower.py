"""Follows deeds whose end nobody saw, when their turn, their call or their gateway is over; one a process.

What comes then is stored, and named for what it is (`Invocation.arrival`); nobody is told it by voice.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import cast

from bridge import outcome as outcomes
from bridge.consent import THEIR_YES
from bridge.dispatch import dispatch
from bridge.events import Utterance
from bridge.inquiry import Pace, ask_after
from bridge.ledger import (
    Invocation,
    LedgerAway,
    LedgerStore,
    Status,
    finished,
    is_confirmed,
    key_sent,
    learned,
    started,
)
from bridge.limits import Limits
from bridge.outcome import Outcome
from bridge.ports import Orchestrator, OrchestratorError
from services.orchestrator.protocol import Plan, Risk

log = logging.getLogger(__name__)

MOST = 256
"""Deeds at a time; each is a question now and then."""

PACE = Pace(first=0.2, longest=10.0, whole=600.0)
"""As long as the reference orchestrator remembers a result."""

FRESH = timedelta(minutes=2)
"""How long after it was wished a deed is still sent: who wished it an hour ago has seen to it otherwise."""

Told = Callable[[Invocation], None]


class Follower:
    """Its tasks end by themselves, or with `close`; then the rows tell what is known so far."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        ledger: LedgerStore,
        now: Callable[[], datetime],
        limits: Limits | None = None,
        pace: Pace = PACE,
    ) -> None:
        self._orchestrator, self._ledger, self._now = orchestrator, ledger, now
        self._limits, self._pace = limits or Limits(), pace
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(self, row: Invocation, told: Told | None = None) -> None:
        """Find out what became of a deed that nobody waits for, and write it down; `told` gets the row then.

        What has not gone out, or is not known to whoever was to do it, is sent where that can do no harm. What can
        stays as it stands unless its end is known.
        """
        if len(self._tasks) >= MOST:
            log.warning("too many deeds to follow", extra={"key": row.idempotency_key})
            return
        task = asyncio.create_task(self._follow(row, told), name=f"follow {row.idempotency_key}")
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def recover(self, rows: Iterable[Invocation]) -> None:
        """Follow what a former life of this process left open."""
        for row in rows:
            self.follow(row)

    async def idle(self) -> None:
        """Wait until nothing is followed."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception():
            log.error("a deed is followed no more", exc_info=task.exception())

    async def _follow(self, row: Invocation, told: Told | None) -> None:
        try:
            if row.status is Status.REQUESTED:
                row = started(row, self._now())
                if not await self._ledger.advance(row, was=Status.REQUESTED):
                    return
                outcome: Outcome | None = await self._send(row)
            else:
                outcome = await self._find_out(row)
            end = after_all(row, outcome, self._now())
            if end is not row and await self._ledger.advance(end, was=row.status) and told:
                told(end)
        except LedgerAway as away:
            log.error("a deed is left as it is", extra={"key": row.idempotency_key, "why": str(away)})

    async def _find_out(self, row: Invocation) -> Outcome | None:
        """What became of it; None where nobody can tell."""
        try:
            outcome = await ask_after(self._orchestrator, key_sent(row), plan_of(row), self._pace)
        except OrchestratorError as error:
            log.warning("a deed stays unknown", extra={"key": row.idempotency_key, "pii_error": str(error)})
            return None
        is_fresh = self._now() - row.requested_at < FRESH
        if outcome is None and row.status is Status.UNKNOWN and row.idempotent and is_fresh:
            return await self._send(row)
        return outcome

    async def _send(self, row: Invocation) -> Outcome:
        utterance = utterance_of(row)
        return await dispatch(
            self._orchestrator,
            utterance,
            plan_of(row),
            key_sent(row),
            row.amends,
            self._limits,
            lambda _: None,
        )


def after_all(row: Invocation, outcome: Outcome | None, at: datetime) -> Invocation:
    """The row once that much more is known of it; the same where nothing is."""
    if outcome is not None and outcome.status is Status.AWAITING_APPROVAL:
        outcome = outcomes.nobody_there()
    if outcome is not None and outcome.status is not Status.UNKNOWN:
        return learned(row, outcome.status, at, outcome.stored, outcome.error)
    if row.status is not Status.RUNNING:
        return row
    code, message = (outcome.code, outcome.message) if outcome else ("gateway_lost", "nobody knows its end")
    return finished(row, Status.UNKNOWN, at, error={"code": code, "message": message})


def plan_of(row: Invocation) -> Plan:
    """What is to be done, as the row keeps it."""
    risk = cast(Risk, row.risk)
    return Plan(
        tool=row.action, agent=row.agent, arguments=row.arguments, risk=risk, idempotent=row.idempotent
    )


def utterance_of(row: Invocation) -> Utterance:
    """The words and the caller, as the row keeps them; nothing in it opens the call, which is over."""
    request = row.request or {}
    context = request.get("context", {})
    return Utterance(
        turn_id=row.turn_id,
        session_id=row.session_id,
        conversation_id=request.get("conversation_id", ""),
        text=THEIR_YES if is_confirmed(row) else request.get("message", ""),
        confidence=1.0,
        last_agent="",
        timezone=context.get("timezone"),
        language=context.get("language", ""),
        user_id=context.get("user_id"),
        owner=context.get("owner"),
    )
