"""Measures a deployment as its users meet it: `.venv/bin/python -m tests.e2e.measure`. Prints JSON; asserts nothing.

Answer times are read off both waveforms, from the user's last audible frame to the agent's first behind it.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from gateway.cli.caller import Caller
from gateway.cli.waveforms import first_sound, last_sound
from gateway.session.clock import RATE
from tests.e2e.deployment import Deployment
from tests.e2e.speech import Voice

CHITCHAT = (
    "hello there",
    "how are you today",
    "who are you",
    "what are you doing",
    "do you like music",
    "where are you from",
    "what is your name",
    "are you a robot",
    "what is your favorite color",
    "nice to meet you",
)
WISHES = (
    "what time is it in tokyo",
    "what time is it in paris",
    "what time is it in berlin",
    "what time is it in rome",
    "what is seven times eight",
)


async def turn(caller: Caller, voice: Voice, text: str, answers: int) -> dict[str, Any]:
    """Say `text`, hear all of the answer, and time its first sound."""
    pcm = await voice.say(text)
    began = len(caller.spoken) / 2 / RATE
    await caller.say(pcm)
    for _ in range(answers):
        await caller.answer()
    said = [
        event["transcript"] for event in caller.events if event["type"].endswith("transcription.completed")
    ]
    ended = began + (last_sound(pcm) or 0.0)
    sounded = first_sound(caller.sound(), ended)
    return {"said": said[-1], "seconds": None if sounded is None else round(sounded - ended, 2)}


async def turns(deployment: Deployment, texts: Sequence[str], answers: int) -> dict[str, Any]:
    """One call with all of `texts`, and its answer times."""
    voice = Voice(deployment.part_url("synthesizer"), deployment.internal_key)
    async with Caller.calling(deployment.url) as caller:
        each = [await turn(caller, voice, text, answers) for text in texts]
    times = [one["seconds"] for one in each if one["seconds"] is not None]
    return {"median_s": median(times), "longest_s": max(times), "turns": each}


def main() -> None:
    """Start it cold and warm, hold two calls, weigh it."""
    with tempfile.TemporaryDirectory(prefix="antiphon-") as folder:
        cold = Deployment.started(Path(folder))
        cold_s = time.monotonic() - cold.began
        cold.stop()
        deployment = Deployment.started(Path(folder))
        warm_s = time.monotonic() - deployment.began
        try:
            idle = deployment.proportional_mb()
            told = {
                "start_s": {"cold": round(cold_s, 1), "warm": round(warm_s, 1)},
                "memory_mb": {"all": round(sum(idle.values())), "each": idle},
                "chitchat": asyncio.run(turns(deployment, CHITCHAT, 1)),
                "tools, to the acknowledgement": asyncio.run(turns(deployment, WISHES, 2)),
            }
        finally:
            deployment.stop()
    json.dump(told, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
