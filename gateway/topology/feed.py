"""Has one look for all who watch, and rests while nobody does."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol

from gateway.topology.graph import Known
from services.base.problems import Busy, Unavailable

log = logging.getLogger(__name__)

EVERY_S = 0.5
"""With a look that takes milliseconds, nobody sees what is older than a second."""

RESTS_AFTER_S = 10.0
"""Behind the last reader: who asks every few seconds finds it at work."""

FIRST_ASKED_S = 2.5
"""What the parts get to answer before the first look; longer than a readiness check may take."""

MOST_READERS = 32

RETRY_AFTER_S = 5
AGAIN_S = 1.0
"""Behind a fault of our own."""

Newer = Callable[[Known | None], Coroutine[Any, Any, Known]]
"""Waits for what differs from the given; for the first with None."""


class Around(Protocol):
    """Whoever asks the other parts (`Surroundings`)."""

    async def run(self) -> None:
        """Ask until cancelled."""
        ...

    async def asked(self) -> None:
        """Wait until all have been asked once."""
        ...


class Feed:
    """What is known by now, for any number of readers up to a limit.

    A reader asks for what is newer than what it has. So one that is slow misses what lay between, and nothing is
    ever kept for it.
    """

    def __init__(
        self,
        look: Callable[[], Known],
        around: Around,
        most: int = MOST_READERS,
        every_s: float = EVERY_S,
    ) -> None:
        """`look` tells what is known here, and what `around` has learned."""
        self._look, self._around, self._most, self._every_s = look, around, most, every_s
        self._latest: Known | None = None
        self._fresh = asyncio.Event()
        """Set when something else is known; each time it is another event."""
        self._readers = 0
        self._work: asyncio.Task[None] | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def is_at_work(self) -> bool:
        return self._work is not None

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[Newer]:
        """Watch; the builder works for as long as somebody does.

        Raises:
            Busy: as many watch as may. What is yielded raises `Unavailable` once the gateway stops.
        """
        if self._readers >= self._most:
            raise Busy(f"{self._most} watch the topology already", retry_after=RETRY_AFTER_S)
        self._readers += 1
        self._begin()
        try:
            yield self._newer
        finally:
            self._readers -= 1
            if not self._readers and not self._closed:
                self._rest = asyncio.get_running_loop().call_later(RESTS_AFTER_S, self._end)

    async def close(self) -> None:
        """The gateway stops: readers are told, and nothing is built any more."""
        self._closed = True
        self._fresh.set()
        work = self._work
        self._end()
        if work is not None:
            await asyncio.wait([work])

    async def _newer(self, than: Known | None) -> Known:
        while True:
            if self._closed:
                raise Unavailable("the gateway is stopping")
            if self._latest is not None and self._latest is not than:
                return self._latest
            await self._fresh.wait()

    def _begin(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if self._work is None and not self._closed:
            self._work = asyncio.create_task(self._build_on(), name="topology")

    def _end(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if self._work is not None:
            self._work.cancel()
            self._work = None
        # What was seen before the rest is old when somebody comes again.
        self._latest = None

    async def _build_on(self) -> None:
        while True:
            try:
                await self._build()
            except* Exception:
                log.exception("the topology cannot be seen, trying again")
            await asyncio.sleep(AGAIN_S)

    async def _build(self) -> None:
        async with asyncio.TaskGroup() as work:
            work.create_task(self._around.run(), name="topology surroundings")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST_ASKED_S):
                    await self._around.asked()
            while True:
                self._publish(self._look())
                await asyncio.sleep(self._every_s)

    def _publish(self, known: Known) -> None:
        if known.same_as(self._latest):
            return
        self._latest = known
        fresh, self._fresh = self._fresh, asyncio.Event()
        fresh.set()
