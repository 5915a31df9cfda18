"""The one thread that owns the device. Calls in the event loop give it frames; it gives back what the model says.

It ticks whenever anybody has a frame. Who is late sits the tick out and loses nothing; who is ahead is caught up, tick
by tick. A call that joins is primed piece by piece between two ticks, where no other's sound gets late by it.
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
from services.speech.errors import TooLittleMemory
from services.speech.pace import MOST_BEHIND_S, FellBehind, Pace
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
MOST_PUT_OFF = 3
"""Ticks that go before a piece of priming while sound is late. On a device that is just fast enough some always is."""
PROBE_S = 1.0
"""How often a slow device that nobody calls is tried."""
REMEMBERED_TICKS = 1_000
STOP_S = 10.0


class TooFarAhead(Problem):
    """A client sends sound faster than it is heard."""

    code, status, title = "too_far_ahead", 429, "Sound came faster than real time for too long"


class ModelBroke(Problem):
    """The device or the model failed; nothing on it can be trusted any more."""

    code, status, title = "model_broke", 500, "The duplex model failed"


@dataclass(frozen=True, slots=True)
class Heard:
    """A frame of the user's."""

    sound: Samples
    """[FRAME_SAMPLES], -1 to 1."""
    due: float
    """When it came; later for one that was sent before its time. Seconds, of `time.perf_counter`."""


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
    broke: Callable[[Problem], None]
    """Called in the event loop: nothing comes any more."""
    heard: deque[Heard] = field(default_factory=deque)
    """Frames that wait."""
    due: float = 0.0
    """Of the last frame that came."""


@dataclass(frozen=True, slots=True)
class Order:
    """Something that the model's thread has to do, and who waits for it."""

    work: Work[None]
    done: "asyncio.Future[None] | None"
    primes: Key | None
    """With what a call is primed by it, which takes many pieces unless it is known by now; None: it takes few."""


class ModelThread:
    """Runs a `Batch`. Its methods are for the event loop's thread, but for those that say otherwise."""

    def __init__(self, batch: Batch, prefixes: Prefixes, pace: Pace) -> None:
        self.batch, self.prefixes, self.pace = batch, prefixes, pace
        self.rtf: float | None = None
        """Of real time: what a tick of all slots took at the start. None until it was measured."""
        self.broken: ModelBroke | None = None
        self.ticks: deque[float] = deque(maxlen=REMEMBERED_TICKS)
        """Seconds that each of the last took."""
        self._leases: dict[int, Lease] = {}
        self._orders: deque[Order] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        # On a CPU, other programs may run while the thread wants to; with a GPU, waiting for it is work.
        self._clock = time.thread_time if batch.device.type == "cpu" else time.perf_counter
        self._worked = 0.0
        """Seconds of that clock for orders, since frames were last gathered."""
        self._piece_took = 0.0
        """Seconds, of the last piece of priming."""
        self._put_off = 0
        """Ticks that the next one has been put off for."""
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
            TooLittleMemory: The device has no room for them.
            ModelBroke
        """
        await self._order(self._joining(lease, key, script, drawing), None if script is None else key)

    async def leave(self, lease: Lease) -> None:
        """Empty a call's slot. Once this returns, the slot is free."""
        with self._wake:
            lease.heard.clear()
        if self.broken is None:
            await self.do(self._leaving(lease))

    def hear(self, lease: Lease, frame: Samples) -> None:
        """Give the next frame [FRAME_SAMPLES] of a call.

        Raises:
            TooFarAhead, FellBehind: Too many wait, by whose fault. This one is not taken.
        """
        now = time.perf_counter()
        if len(lease.heard) >= MOST_AHEAD:
            raise self._overflow(now - lease.heard[0].due)
        # Who sends ahead of time is not heard late until that time has come.
        lease.due = max(now, lease.due + FRAME_S) if lease.heard else now
        with self._wake:
            lease.heard.append(Heard(frame, lease.due))
            self._wake.notify()

    async def do(self, work: Work[None]) -> None:
        """Have the model's thread do a work between ticks, and wait for its end.

        Raises:
            Problem: Of the work's own.
            ModelBroke
        """
        await self._order(work, None)

    def _overflow(self, waited: float) -> Problem:
        most = f"{MOST_AHEAD * FRAME_S:g} s of sound wait to be heard"
        if waited > MOST_BEHIND_S:
            return FellBehind(f"{most}: the device is too slow")
        return TooFarAhead(f"{most}; send it as it sounds")

    async def _order(self, work: Work[None], primes: Key | None) -> None:
        assert self._loop is not None, "start comes first"
        done: asyncio.Future[None] = self._loop.create_future()
        with self._wake:
            if self.broken is not None:
                raise self.broken
            self._orders.append(Order(work, done, primes))
            self._wake.notify()
        await done

    # In the model's thread.

    def _run(self) -> None:
        try:
            with torch.inference_mode():
                while self._something_to_do():
                    if order := self._next_order():
                        self._go_on(order)
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
                if not self._wake.wait(PROBE_S if self.pace.slow else None):
                    self._orders.append(Order(self._probing(), None, None))
            return not self._stopping

    def _next_order(self) -> Order | None:
        """The order of which a piece is done before the next tick. None: there is none, or the tick is more urgent."""
        with self._wake:
            # Who waited has gone. Nothing stays behind: a call is let into the batch by the last piece alone.
            gone = [each for each in self._orders if each.done is not None and each.done.cancelled()]
            for order in gone:
                self._orders.remove(order)
            # Nobody waits for the priming of another, unless it is the same.
            short = (each for each in self._orders if each.primes is None or each.primes in self.prefixes)
            chosen = next(short, None) or next(iter(self._orders), None)
            if chosen is None or chosen.primes is None or chosen.primes in self.prefixes:
                return chosen
            done = time.perf_counter() + self._piece_took
            late = any(done - lease.heard[0].due > FRAME_S for lease in self._leases.values() if lease.heard)
            if late and self._put_off < MOST_PUT_OFF:
                self._put_off += 1
                return None
            self._put_off = 0
            return chosen

    def _go_on(self, order: Order) -> None:
        """Do the next piece of an order."""
        began, clock = time.perf_counter(), self._clock()
        try:
            next(order.work)
            self.batch.wait()  # A tick has to wait for it anyway.
            self._worked += self._clock() - clock
            if order.primes is not None:
                self._piece_took = time.perf_counter() - began
            return
        except StopIteration:
            self._tell(_settle, order.done, None)
        except Problem as problem:  # What is wrong with one call's priming is that call's affair.
            self._tell(_settle, order.done, problem)
        except torch.OutOfMemoryError as error:
            # Slots and ticks have had their memory since the start; a new voice and persona asks for more.
            if order.primes is None:
                raise
            log.warning("no memory to prime a call", extra={"reason": str(error)})
            why = "a new voice and persona finds no memory: set SPEECH_SLOTS or SPEECH_PREFIXES_MB lower"
            self._tell(_settle, order.done, TooLittleMemory(why))
        with self._wake:
            self._orders.remove(order)

    def _tick(self) -> None:
        """A frame of everyone who has one."""
        with self._wake:
            heard = {lease: lease.heard.popleft() for lease in self._leases.values() if lease.heard}
        if not heard:
            return
        began = time.perf_counter()
        self._judge(began, heard)
        host, live = self.batch.host, list(heard)
        host.live.zero_()
        for lease, frame in heard.items():
            host.heard[lease.slot] = torch.from_numpy(frame.sound)
            host.live[lease.slot] = True
        slots = [lease.slot for lease in live]
        self.batch.tick(max(slots) + 1)
        # Copies: the next tick writes over what the host holds.
        said = zip(host.tokens[slots].numpy(), host.sound[slots].numpy(), strict=True)
        out = [
            (lease, Said(int(tokens[0]), sound))
            for lease, (tokens, sound) in zip(live, said, strict=True)
            if tokens[0] != FREE
        ]
        took = time.perf_counter() - began
        self.ticks.append(took)
        self.pace.ticked(took)
        measures.TICK.observe(took)
        self._tell(_hand_out, out)

    def _judge(self, now: float, heard: dict[Lease, Heard]) -> None:
        """See how long these frames waited. Where it is far too long, the call that came last is given up."""
        waits = [now - frame.due for frame in heard.values()]
        self.pace.gathered(waits, self._worked)
        self._worked = 0.0
        if self.pace.sheds(now, max(waits)):
            newest = list(heard)[-1]
            self._tell(newest.broke, FellBehind("the device is too slow for all the calls that it has"))

    def _probing(self) -> Work[None]:
        """Try how long a tick of nobody takes; it is as long as one of all with short calls."""
        self.batch.host.live.zero_()
        began = time.perf_counter()
        self.batch.tick(self.batch.count)
        self.pace.ticked(time.perf_counter() - began)
        yield

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


def _settle(done: "asyncio.Future[None] | None", problem: Problem | None) -> None:
    if done is None or done.done():  # Nobody waits, or who waited has gone.
        return
    if problem is None:
        done.set_result(None)
    else:
        done.set_exception(problem)
