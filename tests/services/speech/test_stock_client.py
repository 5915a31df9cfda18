"""A stock client of PersonaPlex's wire, unpatched and in an environment of its own, on the toy as a user starts it."""

import asyncio
import json
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.doubles.toy_process import CHECKOUT, LIMIT_S, toy_process

CLIENT = CHECKOUT / ".venvs" / "personaplex" / "bin" / "python"
SECONDS = 3


@pytest.mark.timeout(2 * LIMIT_S)
async def test_livekits_nvidia_plug_in_holds_a_call(tmp_path: Path, unused_tcp_port: int) -> None:
    microphone, loudspeaker = tmp_path / "microphone.wav", tmp_path / "loudspeaker.wav"
    noise = np.random.default_rng(0).normal(scale=1_000, size=SECONDS * 24_000).astype("<i2")
    with wave.open(str(microphone), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(noise.tobytes())
    async with toy_process(unused_tcp_port):
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
