"""Says timers and reminders when they are due: finds a live call, has it said there, and looks what became of it.

A timer's row tells how far it got, and every text goes out under a key that the row determines. So it may die at any
moment: the next life repeats what the last may have done, and nothing is said twice.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from prometheus_client import Counter

from services.base.problems import StoreAway
from services.orchestrator.announcing import (
    Fate,
    LiveCall,
    fate_of,
    is_missed,
    key_of,
    pause,
    place_for,
    words_of,
)
from services.orchestrator.gateway import CallOver, Gateway, GatewayAway
from services.orchestrator.store.rows import Timer
from services.orchestrator.store.timers import Timers

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
"""While database or gateway are away."""

ENDED = Counter("orchestrator_timers_ended", "Timers and reminders that were said, or given up", ["state"])


class Announcer:
    """The one task that speaks up. `run` ends only when it is cancelled."""

    def __init__(
        self, timers: Timers, gateway: Gateway, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._timers, self._gateway, self._now = timers, gateway, now
        self._deaf: set[UUID] = set()
        """Calls that are told to be live and are not: their gateway died, or is another one."""

    async def run(self) -> None:
        """Look, and sleep until the next timer is due or a new one was set."""
        away_s = FIRST_PAUSE_S
        while True:
            self._timers.changed.clear()
            try:
                wait = await self.look()
                away_s = FIRST_PAUSE_S
            except (StoreAway, GatewayAway) as away:
                log.warning("timers have to wait", extra={"why": str(away)})
                wait, away_s = away_s, min(2 * away_s, LONGEST_PAUSE_S)
            except Exception:
                log.exception("the announcer failed")
                wait, away_s = away_s, min(2 * away_s, LONGEST_PAUSE_S)
            try:
                async with asyncio.timeout(wait):
                    await self._timers.changed.wait()
            except TimeoutError:
                pass

    async def look(self) -> float:
        """Do what is to be done now; how long nothing is, in seconds.

        Raises:
            StoreAway, GatewayAway: some of it is not done.
        """
        due = await self._timers.due(self._now())
        if due:
            calls = await self._gateway.live_calls()
            self._deaf &= {call.session_id for call in calls}
            for timer in due:
                await self._tend(timer, [call for call in calls if call.session_id not in self._deaf])
            due = await self._timers.due(self._now())
        return pause(due, await self._timers.next_due(self._now()), self._now())

    async def _tend(self, timer: Timer, calls: Sequence[LiveCall]) -> None:
        if timer.state == "saying":
            await self._follow(timer)
        elif is_missed(timer, self._now()):
            log.info("gave up a timer", extra={"timer": str(timer.timer_id)})
            ENDED.labels("missed").inc()
            await self._timers.give_up(timer)
        # Written before it goes out, so that whoever comes after us knows where to look.
        elif (call := place_for(timer, calls)) and (
            taken := await self._timers.take_up(timer, call.session_id)
        ):
            await self._say(taken, call)

    async def _follow(self, timer: Timer) -> None:
        """See what became of a timer that was taken up, by us or in a former life."""
        record = await self._gateway.record(timer.said_in) if timer.said_in else None
        match fate_of(timer, record):
            case Fate.SAID:
                ENDED.labels("said").inc()
                await self._timers.said(timer)
            case Fate.UNSAID:
                await self._timers.put_back(timer)
            case Fate.UNKNOWN if record:
                await self._say(timer, record.call)

    async def _say(self, timer: Timer, call: LiveCall) -> None:
        try:
            injection_id = await self._gateway.say(
                call.session_id, words_of(timer, call, self._now()), key_of(timer)
            )
        except CallOver as over:
            log.info("a call was over", extra={"session": str(call.session_id), "why": str(over)})
            self._deaf.add(call.session_id)
            await self._timers.put_back(timer)
            return
        if injection_id != timer.injection_id:
            await self._timers.placed(timer, injection_id)
