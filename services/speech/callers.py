"""Has calls made by processes of their own (`bench_caller`), for the bench over the wire and the soak."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.speech.bench_caller import PERSONA
from services.speech.protocol import Codec
from services.speech.shapes import FRAME_S

CALLS_A_PROCESS = 8
"""So that a caller's own work delays none of the others'."""
STARTED_S = 120.0
"""What callers get beyond the seconds of their sound: their start, their priming, the last answers."""
LONGER = 4
"""Times as long as it sounds: what a call may take on a machine that others load."""


@dataclass(frozen=True, slots=True)
class Called:
    """What a caller tells of its call."""

    join_ms: float
    """From asking for the socket to the handshake."""
    ms: list[float | None]
    """Of each frame, from its sending to the coming of its answer; None where none came."""


async def have_called(
    url: str,
    calls: int,
    frames: int,
    codec: Codec,
    *,
    persona: str = PERSONA,
    joined: Callable[[], Awaitable[None]] | None = None,
) -> list[Called]:
    """Have so many call at once, each for so many frames.

    Args:
        joined: Done when all have joined, before the first frame.
    """
    shares = [min(CALLS_A_PROCESS, calls - first) for first in range(0, calls, CALLS_A_PROCESS)]
    callers = [await _caller(url, share, frames, codec, persona) for share in shares]
    try:
        async with asyncio.timeout(STARTED_S + LONGER * frames * FRAME_S):
            for caller in callers:
                assert await _out(caller).readline() == b"joined\n"
            if joined is not None:
                await joined()
            told = await asyncio.gather(*(caller.communicate(b"go\n") for caller in callers))
    finally:
        for caller in callers:
            if caller.returncode is None:
                caller.kill()
                await caller.wait()
    return [Called(**call) for out, _ in told for call in json.loads(out)]


async def _caller(
    url: str, calls: int, frames: int, codec: Codec, persona: str
) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    arguments = ["-m", "services.speech.bench_caller", url, str(calls), str(frames), codec, persona]
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=pipe, stdout=pipe)


def _out(caller: asyncio.subprocess.Process) -> asyncio.StreamReader:
    assert caller.stdout is not None
    return caller.stdout
