"""A stock client of PersonaPlex's wire, unpatched and in an environment of its own, on the toy as a user starts it."""

import asyncio
import json
import os
import signal
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np
import pytest

CHECKOUT = Path(__file__).parents[3]
CLIENT = CHECKOUT / ".venvs" / "personaplex" / "bin" / "python"
SECONDS = 3
LIMIT_S = 200


@asynccontextmanager
async def speech_service(port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """`antiphon speech --toy`, until it listens; then it has to end by itself on SIGTERM."""
    arguments = ["-m", "gateway.cli.main", "speech", "--toy", "--port", str(port), "--slots", "2"]
    environ = {**os.environ, "SPEECH_MOST_REAL_TIME": "1e9", "SPEECH_DRAIN_S": "1"}
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=CHECKOUT, env=environ)
    try:
        async with asyncio.timeout(LIMIT_S), aiohttp.ClientSession() as http:
            while not await listens(http, port):
                assert process.returncode is None
                await asyncio.sleep(0.1)
        yield process
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(LIMIT_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def listens(http: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with http.get(f"http://127.0.0.1:{port}/ready") as answer:
            return answer.status == 200
    except aiohttp.ClientConnectionError:
        return False


@pytest.mark.timeout(2 * LIMIT_S)
async def test_livekits_nvidia_plug_in_holds_a_call(tmp_path: Path, unused_tcp_port: int) -> None:
    microphone, loudspeaker = tmp_path / "microphone.wav", tmp_path / "loudspeaker.wav"
    noise = np.random.default_rng(0).normal(scale=1_000, size=SECONDS * 24_000).astype("<i2")
    with wave.open(str(microphone), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(noise.tobytes())
    async with speech_service(unused_tcp_port):
        talk = await asyncio.create_subprocess_exec(
            CLIENT,
            CHECKOUT / "tests" / "clients" / "personaplex" / "talk.py",
            f"ws://127.0.0.1:{unused_tcp_port}",
            microphone,
            loudspeaker,
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(LIMIT_S):
            told, _ = await talk.communicate()
    said = json.loads(told)
    assert said["failures"] == []
    assert said["words"].strip()
    with wave.open(str(loudspeaker)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert len(pcm) > 0.7 * SECONDS * 24_000
    assert 50 < float(np.sqrt(np.mean(np.square(pcm, dtype=float)))) < 6_000  # A murmur.
