"""Callers over the wire, some to a process: `python -m services.speech.bench_caller URL 8 1125 ogg PERSONA`.

Each sends a frame every 80 ms, whatever comes back, and notes when its answer came. Needs no torch. Prints JSON.
"""

import asyncio
import json
import sys
import time

import aiohttp
import numpy as np

from services.speech.formats import writer_of
from services.speech.protocol import (
    PATH,
    Audio,
    Chat,
    Codec,
    Error,
    Handshake,
    decode_down,
    encode,
    write_query,
)
from services.speech.shapes import FRAME_S, FRAME_SAMPLES

LAST_S = 60.0
"""What the answers to the last frames get."""
MOST_UNANSWERED = 100
"""Frames: 8 s. Who is that far behind is too slow by any measure, and at 10 s the server would end the call."""
VOICE, PERSONA = "NATF2.pt", "word " * 100


async def call(
    http: aiohttp.ClientSession,
    url: str,
    frames: int,
    codec: Codec,
    persona: str,
    joined: asyncio.Event,
    go: "asyncio.Future[float]",
) -> dict[str, object]:
    """One call.

    Args:
        joined: Set when the server has answered.
        go: When to begin to send, on `time.perf_counter`'s clock.

    Returns:
        `join_ms`, and `ms`: of each frame's answer, None where none came.
    """
    began = time.perf_counter()
    query = write_query(Chat(VOICE, persona, codec=codec))
    async with http.ws_connect(url + PATH, params=query, max_msg_size=0) as socket:
        while not isinstance(message := decode_down((await socket.receive()).data), Handshake):
            assert not isinstance(message, Error), message
        join_ms = 1000 * (time.perf_counter() - began)
        joined.set()
        start = await go
        sent: list[float] = []
        answered: list[float] = []
        more = asyncio.Event()
        listening = asyncio.create_task(_listen(socket, answered, frames, more))
        writer, sound = writer_of(codec), np.random.default_rng(0)
        for frame in range(frames):
            await asyncio.sleep(start + frame * FRAME_S - time.perf_counter())
            while len(sent) - len(answered) >= MOST_UNANSWERED and not listening.done():
                more.clear()
                await more.wait()
            data = writer.write(sound.normal(scale=0.05, size=FRAME_SAMPLES).astype(np.float32))
            sent.append(time.perf_counter())
            await socket.send_bytes(encode(Audio(data)))
        await asyncio.wait({listening}, timeout=LAST_S)
        listening.cancel()
    times = [1000 * (there - here) for here, there in zip(sent, answered, strict=False)]
    return {"join_ms": join_ms, "ms": [*times, *[None] * (len(sent) - len(answered))]}


async def _listen(
    socket: aiohttp.ClientWebSocketResponse, answered: list[float], frames: int, more: asyncio.Event
) -> None:
    try:
        async for message in socket:
            # The server sends what each frame says as one message.
            if isinstance(decode_down(message.data), Audio):
                answered.append(time.perf_counter())
                more.set()
            if len(answered) == frames:
                return
    finally:
        more.set()


async def main(url: str, calls: int, frames: int, codec: Codec, persona: str) -> list[dict[str, object]]:
    """So many calls at once. When all have joined it says so, and waits for a line."""
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as group:
        joined = [asyncio.Event() for _ in range(calls)]
        starts: list[asyncio.Future[float]] = [loop.create_future() for _ in range(calls)]
        tasks = [
            group.create_task(call(http, url, frames, codec, persona, event, start))
            for event, start in zip(joined, starts, strict=True)
        ]
        for event in joined:
            await event.wait()
        print("joined", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        now = time.perf_counter()
        for number, start in enumerate(starts):
            # Out of step, as in life.
            start.set_result(now + FRAME_S * number / calls)
    return [task.result() for task in tasks]


if __name__ == "__main__":
    url, calls, frames, wanted, persona = sys.argv[1:]
    codec: Codec = "ogg" if wanted == "ogg" else "pcm16"
    print(json.dumps(asyncio.run(main(url, int(calls), int(frames), codec, persona))))
