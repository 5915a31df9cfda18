"""Says timers and reminders when they are due: finds a live call, has it said there, and looks what became of it.

A timer's row tells how far it got, and every text goes out under a key that the row determines. So it may die at any
moment: the next life repeats what the last may have done, and nothing is said twice.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import prometheus_client

from services.base.problems import StoreAway
from services.orchestrator.announcing import (
    ASK_AGAIN,
    KEPT,
    MOST_IN_CALL,
    CallRecord,
    Fate,
    LiveCall,
    fate_of,
    key_of,
    pause,
    place_for,
    rest_after,
    words_of,
)
from services.orchestrator.gateway import CallOver, Gateway, GatewayAway, Refused
from services.orchestrator.store.rows import Timer
from services.orchestrator.store.timers import Timers

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
"""While database or gateway are away."""

ENDED = prometheus_client.Counter(
    "orchestrator_timers_ended", "Timers and reminders that were said, or given up", ["state"]
)


class Announcer:
    """The one task that speaks up. `run` ends only when it is cancelled."""

    def __init__(
        self, timers: Timers, gateway: Gateway, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._timers, self._gateway, self._now = timers, gateway, now
        self._deaf: set[UUID] = set()
        """Calls that were over when something was to be said there, while they are still told to be live."""
        self._resting: dict[UUID, datetime] = {}
        """Timers that could not be said, and until when they are left alone."""
        self._open_since: dict[str, datetime] = {}
        """By key: since when a text is told to wait for its moment."""

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
        now = self._now()
        saying = await self._timers.saying()
        if saying or await self._timers.is_any_due(now):
            calls = await self._gateway.live_calls()
            self._deaf &= {call.session_id for call in calls}
            self._resting = {timer: until for timer, until in self._resting.items() if until > now}
            await self._follow_all(saying)
            for timer in await self._timers.give_up(now - KEPT):
                log.info("gave up a timer", extra={"timer": str(timer.timer_id)})
                ENDED.labels("missed").inc()
            await self._take_up_all(calls)
        return pause(
            bool(await self._timers.saying()),
            await self._timers.is_any_due(now),
            await self._timers.next_due(now),
            self._now(),
        )

    async def _follow_all(self, saying: Sequence[Timer]) -> None:
        keys = {key_of(timer) for timer in saying}
        self._open_since = {key: since for key, since in self._open_since.items() if key in keys}
        records: dict[UUID, CallRecord | None] = {}
        for timer in saying:
            if timer.timer_id in self._resting:
                continue
            with self._alone(timer):
                where = timer.said_in
                if where and where not in records:
                    records[where] = await self._gateway.record(where)
                await self._follow(timer, records[where] if where else None)

    async def _take_up_all(self, calls: Sequence[LiveCall]) -> None:
        taken = Counter(timer.said_in for timer in await self._timers.saying())

        def with_room() -> list[LiveCall]:
            ids = {call.session_id for call in calls if taken[call.session_id] < MOST_IN_CALL} - self._deaf
            return [call for call in calls if call.session_id in ids]

        for timer in await self._timers.due(self._now(), with_room(), self._resting):
            if call := place_for(timer, with_room()):
                taken[call.session_id] += 1
                with self._alone(timer):
                    # Written before it goes out, so that whoever comes after us knows where to look.
                    if mine := await self._timers.take_up(timer, call.session_id):
                        await self._say(mine, call)

    async def _follow(self, timer: Timer, record: CallRecord | None) -> None:
        """See what became of a timer that was taken up, by us or in a former life."""
        match fate_of(timer, record):
            case Fate.SAID:
                if await self._timers.said(timer):
                    ENDED.labels("said").inc()
            case Fate.UNSAID:
                await self._timers.put_back(timer)
                if record and record.is_active:
                    self._rest(timer)
            case Fate.UNKNOWN if record:
                await self._say(timer, record.call)
            case Fate.OPEN if record:
                since = self._open_since.setdefault(key_of(timer), self._now())
                if self._now() - since >= ASK_AGAIN:
                    del self._open_since[key_of(timer)]
                    await self._say(timer, record.call)

    async def _say(self, timer: Timer, call: LiveCall) -> None:
        """Ask for it, or ask again: under its key it is said once."""
        try:
            injection_id = await self._gateway.say(
                call.session_id, words_of(timer, call, self._now()), key_of(timer)
            )
        except CallOver as over:
            log.info("a call was over", extra={"session": str(call.session_id), "why": str(over)})
            self._deaf.add(call.session_id)
            await self._timers.put_back(timer)
            return
        except Refused as refused:
            log.warning("a call did not take a timer", extra={"why": str(refused)})
            await self._timers.put_back(timer)
            self._rest(timer)
            return
        if injection_id != timer.injection_id:
            await self._timers.placed(timer, injection_id)

    @contextmanager
    def _alone(self, timer: Timer) -> Iterator[None]:
        """What fails with one timer is tried again later, and the others do not wait for it."""
        try:
            yield
        except StoreAway:
            # No other would get further.
            raise
        except Exception:
            log.exception("a timer failed", extra={"timer": str(timer.timer_id)})
            self._rest(timer)

    def _rest(self, timer: Timer) -> None:
        self._resting[timer.timer_id] = self._now() + rest_after(timer.attempt)
