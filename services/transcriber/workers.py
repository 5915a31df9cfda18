"""The workers: forks one for each call from a process in which the models are loaded, and counts places."""

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from services.base.problems import Busy, Unavailable
from services.transcriber import measures
from services.transcriber.hearing import Hearing

log = logging.getLogger(__name__)

ONE_THREAD = {"OMP_THREAD_LIMIT": "1", "OPENBLAS_NUM_THREADS": "1"}
"""A process with threads must not fork. It is faster, too: voice activity on one thread costs 0.09 ms a frame of 32 ms,
on the four that it would take 0.5 to 1.0."""
RESTART_S = (0.1, 5.0)
"""The first pause before a new start, and the longest; each is twice the one before."""
STOP_S = 5.0
RETRY_AFTER_S = 5


class Workers:
    """At most `places` calls at a time, each with a process of its own."""

    def __init__(self, places: int, cache: Path, phrases: Path | None) -> None:
        self.places = places
        self.hearings: set[Hearing] = set()
        self.pid: int | None = None
        """Of the process that forks; None until there is one."""
        self._taken = 0
        self._arguments = [str(cache), *([str(phrases)] if phrases else [])]
        self.loaded = asyncio.Event()
        """Set while the models are loaded and calls can be taken."""
        self._control: socket.socket | None = None
        """Leads to the process that forks, as long as `loaded`."""
        self._owner: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to load; `loaded` tells when that is done."""
        self._owner = asyncio.create_task(self._keep(), name="transcriber workers")

    async def stop(self) -> None:
        """End the process that forks. Workers end as their calls are closed."""
        if self._owner:
            self._owner.cancel()
            await asyncio.wait({self._owner})

    def missing(self) -> str | None:
        """Why no call can be taken, or None."""
        return None if self.loaded.is_set() else "the models are not loaded"

    @contextlib.asynccontextmanager
    async def hearing(self, rate: int, language: str) -> AsyncIterator[Hearing]:
        """A worker's ears for one call.

        Raises:
            Busy: all places are taken.
            Unavailable: the models are not loaded, or no worker came up.
        """
        if self._taken >= self.places:
            measures.REFUSED.inc()
            raise Busy(f"all {self.places} places are taken", retry_after=RETRY_AFTER_S)
        self._taken += 1
        measures.STREAMS.inc()
        try:
            hearing = await Hearing.open(self._fork(), rate, language)
            self.hearings.add(hearing)
            try:
                yield hearing
            finally:
                self.hearings.discard(hearing)
                hearing.close()
        finally:
            self._taken -= 1
            measures.STREAMS.dec()

    def _fork(self) -> socket.socket:
        if self._control is None:
            raise Unavailable("the models are not loaded yet", retry_after=1)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                socket.send_fds(self._control, [b"!"], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise Unavailable("the process that holds the models is gone", retry_after=1) from error
        return ours

    async def _keep(self) -> None:
        """Start the process that forks, again whenever it ends."""
        pause = RESTART_S[0]
        while True:
            if await self._run():
                pause = RESTART_S[0]
            log.error("the process that holds the models ended", extra={"retry_s": pause})
            await asyncio.sleep(pause)
            pause = min(2 * pause, RESTART_S[1])
            measures.RESTARTS.inc()

    async def _run(self) -> bool:
        """From its start to its end; whether it got as far as loading the models."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "services.transcriber.worker", str(theirs.fileno()), *self._arguments),
                pass_fds=[theirs.fileno()],
                env={**os.environ, **ONE_THREAD},
            )
        self.pid = process.pid
        try:
            if not await asyncio.get_running_loop().sock_recv(ours, 1):
                return False
            self._control = ours
            self.loaded.set()
            log.info("models loaded", extra={"pid": process.pid, "places": self.places})
            await process.wait()
            return True
        except OSError:
            return False
        finally:
            self._control = None
            self.loaded.clear()
            # It ends when this socket does.
            ours.close()
            await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
