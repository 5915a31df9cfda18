"""The load itself: calls that open, talk all at once for a while, and hang up; and what was seen meanwhile."""

import asyncio
import random
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.cli.bench.load import signal
from gateway.cli.bench.load.caller import HUSH_S, TALK_S, Address, Caller
from gateway.cli.bench.load.process import cpu_s, memory_kb

WARM_S = 20.0
"""From the last call's opening to the first frame that counts: everybody has begun by then and has had a whole turn.
What a stall delays stays late until its turn ends, and openings stall; so no turn counts that began beside one."""

ALONE_S = 2.0
"""The first call, which is not measured."""

PACE_S = 0.02
"""Between two openings: a storm of new calls is another measurement."""

DRAIN_S = 5.0
"""A frame that has not come back by then, while none else comes, is lost."""

POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Target:
    """A process under test."""

    name: str
    address: Address
    pid: int
    greets: bool
    """It speaks the Realtime protocol; else it gives back each message that it gets."""

    def answer(self, pcm: bytes) -> bytes:
        """What must come back for `pcm`."""
        return signal.answer(pcm) if self.greets else pcm


@dataclass(frozen=True, slots=True)
class Figures:
    """What one load showed. What could not be measured is None."""

    target: str
    calls: int
    frames: int
    lost: int
    faults: tuple[str, ...]
    """A sentence for each call on which something was wrong."""
    p50_ms: float | None
    """From the sending of a frame to the coming of its last byte."""
    p95_ms: float | None
    p99_ms: float | None
    longest_ms: float | None
    cpu_us_a_frame: float | None
    cpu_share: float | None
    """Of one core."""
    memory_kb: int | None
    kb_a_call: float | None
    generator_cpu_share: float
    generator_late_p99_ms: float | None
    """How much later than due the frames left."""

    @property
    def right(self) -> bool:
        """Whether every byte came back, in order and once."""
        return not self.lost and not self.faults


class Load:
    """Drives `target` with calls."""

    def __init__(self, target: Target, frame_ms: int) -> None:
        self.target, self.frame_ms = target, frame_ms
        self._loop = asyncio.get_running_loop()
        self._made = 0
        self._took, self._late = array("d"), array("d")
        self._random = random.Random(0)

    async def run(self, calls: int, seconds: float) -> Figures:
        """Hold `calls` calls at once for `seconds`.

        Raises:
            ConnectionError, TimeoutError: a call could not be opened.
        """
        await self._warm_up()
        pid = self.target.pid
        idle_kb = memory_kb(pid)
        callers: list[Caller] = []
        for _ in range(calls):
            caller = await self.opened()
            callers.append(caller)
            # Nobody keeps step with another, neither in frames nor in turns; and nobody is cut into while they talk.
            caller.begin(self._loop.time() + self._random.random() * (HUSH_S + TALK_S))
            await asyncio.sleep(PACE_S)
        await asyncio.sleep(WARM_S)
        self._late = array("d")
        used, ours, began = cpu_s(pid), time.process_time(), self._loop.time()
        for caller in callers:
            caller.counts = True
        await asyncio.sleep(seconds)
        for caller in callers:
            caller.counts = False
        lasted = self._loop.time() - began
        ours, used_now, full_kb = time.process_time() - ours, cpu_s(pid), memory_kb(pid)
        late = self._late
        lost = await self.hang_up(callers)
        frames = sum(caller.frames for caller in callers)
        used_s = None if used is None or used_now is None else used_now - used
        grown = None if idle_kb is None or full_kb is None else (full_kb - idle_kb) / calls
        return Figures(
            target=self.target.name,
            calls=calls,
            frames=frames,
            lost=lost,
            faults=tuple(caller.fault for caller in callers if caller.fault),
            p50_ms=percentile(self._took, 0.50),
            p95_ms=percentile(self._took, 0.95),
            p99_ms=percentile(self._took, 0.99),
            longest_ms=percentile(self._took, 1.0),
            # Silent frames cost too, and are counted with the others.
            cpu_us_a_frame=None if used_s is None else used_s * 1e6 / max(1, len(late)),
            cpu_share=None if used_s is None else used_s / lasted,
            memory_kb=full_kb,
            kb_a_call=grown,
            generator_cpu_share=ours / lasted,
            generator_late_p99_ms=percentile(late, 0.99),
        )

    async def opened(self) -> Caller:
        """A further call, open and silent."""
        self._made += 1
        target = self.target
        caller = Caller(
            self._made, target.address, self.frame_ms, target.answer, self._took.append, self._was_late
        )
        await caller.open(target.greets)
        return caller

    async def hang_up(self, callers: list[Caller]) -> int:
        """Let what is on its way come back, and close; how many frames were lost."""
        for caller in callers:
            caller.hushed = True
        began = time.perf_counter()
        while any(caller.on_their_way and not caller.fault for caller in callers):
            last = max(began, *(caller.last_at for caller in callers))
            if time.perf_counter() - last > DRAIN_S:
                break
            await asyncio.sleep(POLL_S)
        lost = sum(caller.on_their_way for caller in callers)
        await asyncio.gather(*(caller.close() for caller in callers))
        return lost

    async def _warm_up(self) -> None:
        """One call, so that what is loaded and made once is not charged to the calls that are counted."""
        caller = await self.opened()
        caller.begin(self._loop.time())
        await asyncio.sleep(ALONE_S)
        await self.hang_up([caller])

    def _was_late(self, seconds: float) -> None:
        self._late.append(seconds)


def percentile(seconds: Sequence[float], share: float) -> float | None:
    """In milliseconds; None where nothing was measured."""
    if not seconds:
        return None
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))] * 1000
