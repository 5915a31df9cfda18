"""One call as the service sees it: a worker's socket, and how much sound waits there."""

import asyncio
import json
import os
import signal
import socket
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Self

from services.base.problems import Unavailable
from services.transcriber import measures
from services.transcriber.framing import Kind, count, head, number, pack

WAITING_S = 60.0
"""So much sound may wait for a worker: a client may send a file at once, as the gateway's may (contracts, 3)."""
PIECE_S = 0.2
"""A longer message is cut, so that a worker says often enough how far it is."""
STALLED_S = 15.0
"""A worker that has sound and says nothing for so long stands still. A piece takes 15 ms."""
HELLO_S = 10.0


class WorkerLost(Exception):
    """The worker died, or stood still and was ended."""


class Hearing:
    """A worker's ears, from opening to closing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: int) -> None:
        self.pid = 0
        """The worker's."""
        self._reader, self._writer, self._rate = reader, writer, rate
        self._waiting = 0
        """Samples that the worker has not taken yet."""
        self._lost = 0
        """Samples left out since the last that were sent on."""
        self._finishes: deque[float] = deque()
        """When each order to finish went out that has no answer yet."""
        self._progress = asyncio.Event()

    @classmethod
    async def open(cls, ours: socket.socket, rate: int, language: str) -> Self:
        """Introduce ourselves over a socket whose other end was given to a worker.

        Raises:
            Unavailable: no worker answers.
        """
        hearing = cls(*await asyncio.open_unix_connection(sock=ours), rate)
        order = json.dumps({"rate": rate, "language": language}).encode()
        hearing._writer.write(pack(Kind.OPEN, order))
        try:
            _, body = await hearing._next(HELLO_S)
        except (OSError, EOFError, TimeoutError) as error:
            hearing.close()
            raise Unavailable("no worker of the transcriber answers", retry_after=1) from error
        hearing.pid = number(body)
        return hearing

    @property
    def overflowing(self) -> bool:
        """Whether sound is left out at the moment."""
        return self._lost > 0

    def hear(self, pcm: bytes) -> bool:
        """Send sound on; False when too much waits, and this piece counts as silence."""
        size = len(pcm) // 2
        # Once it overflowed, half of what waits is taken first, or every second piece would be lost.
        room = WAITING_S * self._rate * (0.5 if self.overflowing else 1.0)
        if self._waiting + size > room:
            self._lost += size
            return False
        self._fill_gap()
        step = 2 * round(PIECE_S * self._rate)
        for start in range(0, len(pcm), step):
            self._writer.write(pack(Kind.SOUND, pcm[start : start + step]))
        self._waiting += size
        return True

    async def room(self) -> None:
        """Wait until a tenth of what may wait is left: for callers that have all their sound at once."""
        while self._waiting > WAITING_S * self._rate / 10:
            self._progress.clear()
            await self._progress.wait()

    def finish(self) -> None:
        """Ask for the turn's final words."""
        self._fill_gap()
        self._finishes.append(time.monotonic())
        self._writer.write(pack(Kind.FINISH))

    async def events(self) -> AsyncIterator[tuple[Kind, str]]:
        """What the worker tells, encoded for the wire; the kind marks the final words.

        Raises:
            WorkerLost: there is nothing more to come.
        """
        while True:
            try:
                kind, body = await self._next(STALLED_S)
            except TimeoutError:
                if self._waiting or self._finishes:
                    os.kill(self.pid, signal.SIGKILL)
                    raise self._dead("stood still") from None
                continue
            except (OSError, EOFError):
                raise self._dead("died") from None
            if kind is Kind.TAKEN:
                self._waiting -= number(body)
                self._progress.set()
                measures.LAG.observe(self._waiting / self._rate)
                continue
            if kind is Kind.FINAL:
                measures.FINAL.observe(time.monotonic() - self._finishes.popleft())
            yield kind, body.decode()

    def close(self) -> None:
        """Let the worker go: it ends when it notices."""
        self._writer.transport.abort()

    async def _next(self, patience_s: float) -> tuple[Kind, bytes]:
        # Only the wait for a head may be cut off: it takes nothing before it has everything.
        async with asyncio.timeout(patience_s):
            kind, length = await head(self._reader)
        return kind, await self._reader.readexactly(length)

    def _fill_gap(self) -> None:
        if self._lost:
            self._writer.write(count(Kind.SKIP, self._lost))
            self._lost = 0

    def _dead(self, how: str) -> WorkerLost:
        measures.LOST.inc()
        self._progress.set()
        return WorkerLost(f"the recogniser's process {how}")
