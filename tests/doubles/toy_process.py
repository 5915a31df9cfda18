"""`antiphon speech --toy`, as a user starts it: a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

CHECKOUT = Path(__file__).parents[2]
LIMIT_S = 200


@asynccontextmanager
async def toy_process(port: int, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """From when it listens; in the end it has to go by itself on SIGTERM, with exit status 0."""
    arguments = ["-m", "gateway.cli.main", "speech", "--toy", "--port", str(port), "--slots", "2"]
    environ = {**os.environ, "SPEECH_MOST_REAL_TIME": "1e9", "SPEECH_DRAIN_S": "1", **settings}
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=CHECKOUT, env=environ)
    try:
        async with asyncio.timeout(LIMIT_S), aiohttp.ClientSession() as http:
            while not await _listens(http, port):
                assert process.returncode is None
                await asyncio.sleep(0.1)
        yield process
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(LIMIT_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _listens(http: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with http.get(f"http://127.0.0.1:{port}/ready") as answer:
            return answer.status == 200
    except aiohttp.ClientConnectionError:
        return False
