"""What the tests of processes share."""

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest

Gone = Callable[[int], Awaitable[None]]


@pytest.fixture
def gone() -> Gone:
    """Wait until no process of this id is left, whoever its parent is."""

    async def wait(pid: int) -> None:
        try:
            watch = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(watch, ended.set)
        try:
            async with asyncio.timeout(30):
                await ended.wait()
        finally:
            asyncio.get_running_loop().remove_reader(watch)
            os.close(watch)

    return wait
