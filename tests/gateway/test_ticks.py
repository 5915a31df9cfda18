"""What is done again and again ends when it is done, broken or cancelled."""

import asyncio

import pytest

from gateway.ticks import every

PERIOD_S = 0.001


async def test_a_step_is_repeated_until_it_says_so() -> None:
    left = [False, False, True]
    async with asyncio.timeout(5):
        await every(PERIOD_S, lambda: left.pop(0))
    assert left == []


async def test_what_a_step_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(5):
            await every(PERIOD_S, lambda: bool(1 // 0))


async def test_once_cancelled_no_step_follows() -> None:
    stepped = asyncio.Event()
    count = 0

    def step() -> bool:
        nonlocal count
        count += 1
        stepped.set()
        return False

    async with asyncio.timeout(5):
        task = asyncio.create_task(every(PERIOD_S, step))
        await stepped.wait()
        task.cancel()
        await asyncio.wait({task})
        before = count
        # As many rounds as would have let further steps come.
        await every(PERIOD_S, iter([False] * 10 + [True]).__next__)
    assert count == before


async def test_what_a_stall_swallowed_is_not_made_up_for() -> None:
    loop = asyncio.get_running_loop()
    times: list[float] = []

    def step() -> bool:
        times.append(loop.time())
        if len(times) == 1:
            stalled_until = loop.time() + 50 * PERIOD_S
            while loop.time() < stalled_until:
                pass
        return len(times) == 5

    async with asyncio.timeout(5):
        await every(PERIOD_S, step)
    behind_the_stall = times[1:]
    assert behind_the_stall[-1] - behind_the_stall[0] >= 1.5 * PERIOD_S, "four steps at once would be none"
