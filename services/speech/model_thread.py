"""The one thread that owns the device. Calls in the event loop give it frames; it gives back what the model says.

It ticks whenever anybody has a frame. Who is late sits the tick out and loses nothing; who is ahead is caught up, tick
by tick. A call that joins is primed piece by piece between two ticks.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from services.base.problems import Problem
from services.speech import measures, priming
from services.speech.batch import Batch
from services.speech.prefixes import Key, Prefixes
from services.speech.priming import Prefix, Script, Work
from services.speech.samples import Samples
from services.speech.sampling import Drawing
from services.speech.shapes import FRAME_S, FREE

log = logging.getLogger(__name__)

MOST_AHEAD = 125
"""Frames of a call that wait: 10 s. Live sound has one or two; who sends a file has to wait for the answers."""
MEASURED_TICKS = 20
"""In which a device shows at start how fast it is."""
TOO_SLOW = 0.9
"""Of real time: what a full batch may take. The rest is for joins, and for whatever else the machine does."""
REMEMBERED_TICKS = 1_000
STOP_S = 10.0


class TooFarAhead(Problem):
    """A client sends sound faster than it is heard."""

    code, status, title = "too_far_ahead", 429, "Sound came faster than real time for too long"


class ModelBroke(Problem):
    """The device or the model failed; nothing on it can be trusted any more."""

    code, status, title = "model_broke", 500, "The duplex model failed"


@dataclass(frozen=True, slots=True)
class Said:
    """A frame of the agent's."""

    text: int
    """Text token."""
    sound: Samples
    """[FRAME_SAMPLES], -1 to 1."""


@dataclass(eq=False, slots=True)
class Lease:
    """A call's place in the batch."""

    slot: int
    hand_out: Callable[[Said], None]
    """Called in the event loop."""
    broke: Callable[[ModelBroke], None]
    """Called in the event loop, once: nothing comes any more."""
    heard: deque[Samples] = field(default_factory=deque)
    """Frames that wait."""


@dataclass(frozen=True, slots=True)
class Order:
    """Something that the model's thread has to do, and who waits for it."""

    work: Work[None]
    done: "asyncio.Future[None]"


class ModelThread:
    """Runs a `Batch`. Its methods are for the event loop's thread, but for those that say otherwise."""

    def __init__(self, batch: Batch, prefixes: Prefixes) -> None:
        self.batch, self.prefixes = batch, prefixes
        self.rtf: float | None = None
        """Of real time: what a tick of all slots took at the start. None until it was measured."""
        self.broken: ModelBroke | None = None
        self.ticks: deque[float] = deque(maxlen=REMEMBERED_TICKS)
        """Seconds that each of the last took."""
        self._leases: dict[int, Lease] = {}
        self._orders: deque[Order] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Begin, and measure how long a tick of all slots takes.

        Raises:
            ModelBroke: The first ticks failed.
        """
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        await self.do(self._measuring())

    async def stop(self) -> None:
        """End after the tick that runs."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        await asyncio.to_thread(self._thread.join, STOP_S)

    async def join(
        self, lease: Lease, key: Key, script: Callable[[], Work[Script]] | None, drawing: Drawing
    ) -> None:
        """Prime a call's slot. From then on it is heard.

        Args:
            script: What it is primed with, worked out by the model's thread where `key` isn't known; None: nothing.

        Raises:
            PrimingTooLong: Voice and persona don't fit.
            ModelBroke
        """
        await self.do(self._joining(lease, key, script, drawing))

    async def leave(self, lease: Lease) -> None:
        """Empty a call's slot. Once this returns, the slot is free."""
        lease.heard.clear()
        if self.broken is None:
            await self.do(self._leaving(lease))

    def hear(self, lease: Lease, frame: Samples) -> None:
        """Give the next frame [FRAME_SAMPLES] of a call.

        Raises:
            TooFarAhead: Too many wait. This one is not taken.
        """
        if len(lease.heard) >= MOST_AHEAD:
            raise TooFarAhead(f"{MOST_AHEAD * FRAME_S:g} s of sound wait to be heard; send it as it sounds")
        with self._wake:
            lease.heard.append(frame)
            self._wake.notify()

    async def do(self, work: Work[None]) -> None:
        """Have the model's thread do a work between ticks, and wait for its end.

        Raises:
            Problem: Of the work's own.
            ModelBroke
        """
        assert self._loop is not None, "start comes first"
        done: asyncio.Future[None] = self._loop.create_future()
        with self._wake:
            if self.broken is not None:
                raise self.broken
            self._orders.append(Order(work, done))
            self._wake.notify()
        await done

    # In the model's thread.

    def _run(self) -> None:
        try:
            with torch.inference_mode():
                while self._something_to_do():
                    if self._orders:
                        self._go_on(self._orders[0])
                    self._tick()
            why = ModelBroke("the service stops")
        except Exception as error:
            log.exception("the model broke")
            why = ModelBroke(f"{type(error).__name__}: {error}")
        self._end(why)

    def _something_to_do(self) -> bool:
        """Wait until there is. False: stop."""
        with self._wake:
            while not (self._stopping or self._orders or any(lease.heard for lease in self._leases.values())):
                self._wake.wait()
            return not self._stopping

    def _go_on(self, order: Order) -> None:
        """Do the next piece of an order."""
        try:
            next(order.work)
            return
        except StopIteration:
            self._tell(_settle, order.done, None)
        except Problem as problem:  # What is wrong with one call's priming is that call's affair.
            self._tell(_settle, order.done, problem)
        self._orders.popleft()

    def _tick(self) -> None:
        """A frame of everyone who has one."""
        live = [lease for lease in self._leases.values() if lease.heard]
        if not live:
            return
        began = time.perf_counter()
        host = self.batch.host
        host.live.zero_()
        for lease in live:
            host.heard[lease.slot] = torch.from_numpy(lease.heard.popleft())
            host.live[lease.slot] = True
        self.batch.tick(max(lease.slot for lease in live) + 1)
        slots = [lease.slot for lease in live]
        # Copies: the next tick writes over what the host holds.
        said = zip(host.tokens[slots].numpy(), host.sound[slots].numpy(), strict=True)
        out = [
            (lease, Said(int(tokens[0]), sound))
            for lease, (tokens, sound) in zip(live, said, strict=True)
            if tokens[0] != FREE
        ]
        took = time.perf_counter() - began
        self.ticks.append(took)
        measures.TICK.observe(took)
        self._tell(_hand_out, out)

    def _measuring(self) -> Work[None]:
        self.batch.host.live.fill_(True)
        self.batch.age(self.batch.model.shape.context)  # From then on attention has the most to read.
        took = []
        for _ in range(MEASURED_TICKS):
            began = time.perf_counter()
            self.batch.tick(self.batch.count)
            took.append(time.perf_counter() - began)
            yield
        for slot in range(self.batch.count):
            self.batch.leave(slot)
        self.rtf = float(np.median(took)) / FRAME_S
        measures.REAL_TIME.set(self.rtf)

    def _joining(
        self, lease: Lease, key: Key, script: Callable[[], Work[Script]] | None, drawing: Drawing
    ) -> Work[None]:
        if script is None:
            self.batch.begin(lease.slot, drawing)
        else:
            prefix = self.prefixes.get(key)
            if prefix is None:
                prefix = yield from self._priming(script)
                self.prefixes.keep(key, prefix)
            self.batch.join(lease.slot, prefix, drawing)
        self._leases[lease.slot] = lease
        yield

    def _priming(self, script: Callable[[], Work[Script]]) -> Work[Prefix]:
        written = yield from script()
        return (yield from priming.prefilling(self.batch.model, written))

    def _leaving(self, lease: Lease) -> Work[None]:
        self._leases.pop(lease.slot, None)
        self.batch.leave(lease.slot)
        yield

    def _end(self, why: ModelBroke) -> None:
        with self._wake:
            self.broken = why
            orders = list(self._orders)
        for order in orders:
            self._tell(_settle, order.done, why)
        for lease in self._leases.values():
            self._tell(lease.broke, why)

    def _tell(self, whom: Callable[..., None], *what: object) -> None:
        """Call something in the event loop, which may be gone by now."""
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(whom, *what)


def _hand_out(out: list[tuple[Lease, Said]]) -> None:
    for lease, said in out:
        lease.hand_out(said)


def _settle(done: "asyncio.Future[None]", problem: Problem | None) -> None:
    if done.done():  # Who waited has gone.
        return
    if problem is None:
        done.set_result(None)
    else:
        done.set_exception(problem)
