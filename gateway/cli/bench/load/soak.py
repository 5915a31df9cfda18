"""The long run: calls that stay beside calls that come and go, and a memory that must not grow."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from gateway.cli.bench.load.caller import Caller
from gateway.cli.bench.load.generator import PACE_S, Load, Target
from gateway.cli.bench.load.process import memory_kb

SHORTEST_S, LONGEST_S = 5.0, 25.0
"""How long a call lives that comes and goes."""

SAMPLES = 60
"""Looks at the memory, evenly over the run."""

WARM_SHARE = 0.25
"""Of the run: until then caches, pools and what each call keeps fill up."""

MOST_GROWTH = 0.08
"""From the first third behind that to the last. What calls that stay keep of their conversation is below a third
of it in ten minutes; a leak of 20 kB for each call that came and went is more."""


@dataclass(slots=True)
class Endured:
    """What a long run showed."""

    seconds: float
    steady: int
    came_and_went: int = 0
    frames: int = 0
    lost: int = 0
    faults: list[str] = field(default_factory=list)
    memory_kb: list[int] = field(default_factory=list)
    """One look after the other."""

    @property
    def growth(self) -> float | None:
        """By which share the memory grew once warm; None where it cannot be read."""
        warm = self.memory_kb[int(len(self.memory_kb) * WARM_SHARE) :]
        third = len(warm) // 3
        if not third:
            return None
        return median(warm[-third:]) / median(warm[:third]) - 1

    @property
    def right(self) -> bool:
        """Whether every byte came back, and the memory stayed flat."""
        return not self.lost and not self.faults and (self.growth is None or self.growth <= MOST_GROWTH)


class Soak:
    """Holds `calls` calls at once for long: half of them stay, the others are followed by new ones."""

    def __init__(self, target: Target, frame_ms: int, calls: int, say: Callable[[str], None]) -> None:
        self._load, self._target, self._say = Load(target, frame_ms), target, say
        self._steady, self._changing = calls - calls // 2, calls // 2
        self._random = random.Random(0)

    async def run(self, seconds: float) -> Endured:
        """
        Raises:
            ConnectionError, TimeoutError: a call could not be opened.
        """
        seen = Endured(seconds, self._steady)
        until = time.perf_counter() + seconds
        async with asyncio.TaskGroup() as work:
            for _ in range(self._steady):
                work.create_task(self._stay(until, seen), name="call that stays")
                await asyncio.sleep(PACE_S)
            for _ in range(self._changing):
                work.create_task(self._come_and_go(until, seen), name="calls that come and go")
                await asyncio.sleep(PACE_S)
            work.create_task(self._watch(until, seconds, seen), name="memory")
        return seen

    async def _stay(self, until: float, seen: Endured) -> None:
        await self._hold(until - time.perf_counter(), seen)

    async def _come_and_go(self, until: float, seen: Endured) -> None:
        while (left := until - time.perf_counter()) > SHORTEST_S:
            await self._hold(min(left, self._random.uniform(SHORTEST_S, LONGEST_S)), seen)
            seen.came_and_went += 1

    async def _hold(self, seconds: float, seen: Endured) -> None:
        caller: Caller = await self._load.opened()
        caller.counts = True
        caller.begin(asyncio.get_running_loop().time(), self._random.random())
        await asyncio.sleep(seconds)
        seen.lost += await self._load.hang_up([caller])
        seen.frames += caller.frames
        if caller.fault:
            seen.faults.append(caller.fault)

    async def _watch(self, until: float, seconds: float, seen: Endured) -> None:
        while time.perf_counter() < until:
            await asyncio.sleep(seconds / SAMPLES)
            kb = memory_kb(self._target.pid)
            if kb is not None:
                seen.memory_kb.append(kb)
                self._say(f"{seen.came_and_went} calls came and went, {kb} kB")
