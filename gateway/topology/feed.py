"""Has one look for all who watch, and rests while nobody does."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol

from gateway.topology.graph import Known
from services.base.problems import Busy, Unavailable

log = logging.getLogger(__name__)

EVERY_S = 0.5
"""With a look that takes milliseconds, nobody sees calls as they were more than a second ago."""

RESTS_AFTER_S = 10.0
"""Behind the last reader: who asks every few seconds finds it at work."""

FIRST_ASKED_S = 2.5
"""What the parts get to answer before the first look; longer than a readiness check may take."""

FIRST_LOOK_S = 5.0
"""What somebody waits for the first look."""

MOST_READERS = 32
MOST_OF_ONE = 4
"""Readers of one owner, so that nobody locks the others out: a page in a few tabs."""
FOR_OPERATORS = 8
"""Places that nobody else gets: who runs the gateway can see it however many watch."""

RETRY_AFTER_S = 5
AGAIN_S = 1.0
"""Behind a fault of our own."""

Newer = Callable[[Known | None], Coroutine[Any, Any, Known]]
"""Waits for what differs from the given; for the first with None, and not for long.

Raises `Unavailable` when there is nothing to be seen, or the gateway stops.
"""


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
    ever kept for it. After two faults in a row there is nothing to be seen, rather than what was once, until a look
    succeeds.
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
        self._readers: Counter[str | None] = Counter()
        """By owner; None: operators."""
        self._faults = 0
        """In a row."""
        self._work: asyncio.Task[None] | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def is_at_work(self) -> bool:
        return self._work is not None

    async def latest(self) -> Known:
        """What is known now, for somebody who does not watch, and so takes no reader's place.

        Raises:
            Unavailable: there is nothing to be seen, or the gateway stops.
        """
        self._begin()
        try:
            return await self._newer(None)
        finally:
            self._rest_if_unwatched()

    @asynccontextmanager
    async def reader(self, owner: str | None = None) -> AsyncIterator[Newer]:
        """Watch; the builder works for as long as somebody does.

        Args:
            owner: who watches; None: an operator.

        Raises:
            Busy: as many watch as may.
        """
        self._check_place(owner)
        self._readers[owner] += 1
        self._begin()
        try:
            yield self._newer
        finally:
            self._readers[owner] -= 1
            if not self._readers[owner]:
                del self._readers[owner]
            self._rest_if_unwatched()

    async def close(self) -> None:
        """The gateway stops: readers are told, and nothing is built any more."""
        self._closed = True
        self._fresh.set()
        work = self._work
        self._end()
        if work is not None:
            await asyncio.wait([work])

    def _check_place(self, owner: str | None) -> None:
        if owner is not None and self._readers[owner] >= MOST_OF_ONE:
            raise Busy(f"{MOST_OF_ONE} watch the topology already with this key", retry_after=RETRY_AFTER_S)
        watching = self._readers.total()
        with_keys = watching - self._readers[None]
        no_place = owner is not None and with_keys >= self._most - FOR_OPERATORS
        if watching >= self._most or no_place:
            raise Busy(f"{watching} watch the topology already", retry_after=RETRY_AFTER_S)

    async def _newer(self, than: Known | None) -> Known:
        try:
            async with asyncio.timeout(FIRST_LOOK_S if than is None else None):
                while True:
                    if self._closed:
                        raise Unavailable("the gateway is stopping")
                    if self._faults > 1:
                        raise Unavailable("the topology cannot be seen; the gateway's log says why")
                    if self._latest is not None and self._latest is not than:
                        return self._latest
                    await self._fresh.wait()
        except TimeoutError as error:
            raise Unavailable(f"the topology was not seen within {FIRST_LOOK_S:g} s") from error

    def _begin(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if self._work is None and not self._closed:
            self._faults = 0
            self._work = asyncio.create_task(self._build_on(), name="topology")

    def _rest_if_unwatched(self) -> None:
        if self._readers or self._closed:
            return
        if self._rest is not None:
            self._rest.cancel()
        self._rest = asyncio.get_running_loop().call_later(RESTS_AFTER_S, self._end)

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
                if not self._faults:
                    log.exception("the topology cannot be seen, trying again")
                self._faults += 1
                if self._faults > 1:
                    self._latest = None
                    self._wake()
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
        self._faults = 0
        if not known.same_as(self._latest):
            self._latest = known
            self._wake()

    def _wake(self) -> None:
        fresh, self._fresh = self._fresh, asyncio.Event()
        fresh.set()
