"""Something done again and again, for less than a task that sleeps costs."""

import asyncio
import math
from collections.abc import Callable

GRID_S = 0.004
"""Steps fall on multiples of it: one waking of the loop serves many calls, with the code they share still at hand."""


async def every(period_s: float, step: Callable[[], bool]) -> None:
    """Call `step` each `period_s` until it returns True; what it raises is raised here.

    A timer calls it, and no task is woken for it: hundreds of calls tick fifty times a second. After a stall time has
    gone on: what was missed is not made up for.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    due = on_grid(loop.time() + period_s)
    timer: asyncio.TimerHandle | None = None

    def fire() -> None:
        nonlocal due, timer
        try:
            over = step()
        except Exception as error:
            done.set_exception(error)
            return
        if over:
            done.set_result(None)
            return
        due = on_grid(max(due + period_s, loop.time()))
        timer = loop.call_at(due, fire)

    timer = loop.call_at(due, fire)
    try:
        await done
    finally:
        timer.cancel()


def on_grid(at: float) -> float:
    """The next time on the grid, from `at` on."""
    # A time on the grid already may be off by the last bit.
    return math.ceil(at / GRID_S - 1e-3) * GRID_S
