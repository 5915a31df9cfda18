"""Something done again and again, for less than a task that sleeps costs."""

import asyncio
from collections.abc import Callable


async def every(period_s: float, step: Callable[[], bool]) -> None:
    """Call `step` each `period_s` until it returns True; what it raises is raised here.

    A timer calls it, and no task is woken for it: hundreds of calls tick fifty times a second. After a stall time has
    gone on: what was missed is not made up for.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    due = loop.time() + period_s
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
        due = max(due + period_s, loop.time())
        timer = loop.call_at(due, fire)

    timer = loop.call_at(due, fire)
    try:
        await done
    finally:
        timer.cancel()
