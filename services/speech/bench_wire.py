"""How many calls a device holds over the wire: `python -m services.speech.bench_wire --slots 1,32,64`.

The real server with random weights, and callers in processes of their own who send a frame of Opus every 80 ms and
note when the one that answers it comes. Every slot's window is full. What `services.speech.bench` leaves out is in
here: Opus, sockets, the event loop, and calls that are out of step.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from aiohttp import web

from services.base.serve import new_runner
from services.speech import bench
from services.speech.batch import Batch
from services.speech.engine import Engine
from services.speech.errors import NoGpu, TooLittleMemory
from services.speech.machine import find_device
from services.speech.model_thread import ModelThread
from services.speech.priming import Work
from services.speech.protocol import Codec
from services.speech.server import DOOR, make_app
from services.speech.settings import SpeechSettings
from services.speech.shapes import SHAPES
from services.speech.toy_engine import ToyWords, toy_voices

CALLS_A_PROCESS = 8
"""So that a caller's own work delays none of the others'."""
ANY_SPEED = 1e9
STARTED_S = 120.0
"""What callers get beyond the seconds of their sound: their start, their priming, the last answers."""


@dataclass(frozen=True, slots=True)
class Row:
    """So many calls at once. Times in milliseconds, from the sending of a frame to the coming of its answer."""

    slots: int
    frames: int
    p50: float
    p99: float
    p999: float
    longest: float
    late: int
    """Answers that took longer than a frame sounds."""
    lost: int
    """Frames without an answer."""
    tick_p99: float
    """Of the model's thread."""
    join: float
    """Median, from asking for the socket to the handshake; the voice and persona are known."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m services.speech.bench_wire", description=__doc__)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="personaplex-7b")
    parser.add_argument("--slots", type=bench.counts, default=(1, 8, 32, 64), help="for example 1,8,32")
    parser.add_argument("--seconds", type=float, default=90.0, help="of sound in each row")
    parser.add_argument("--codec", choices=("ogg", "pcm16"), default="ogg")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args(arguments)
    shape = SHAPES[given.shape]
    try:
        device = find_device(given.device)
        with torch.inference_mode():
            model, mimi = bench.random_engine(shape, device)
    except (NoGpu, TooLittleMemory) as error:
        parser.exit(1, f"{error.detail}\n")
    about = bench.machine(shape, device) | {"codec": given.codec}
    print(" · ".join(f"{key} {value}" for key, value in about.items()))
    engine = Engine(shape.name, model, mimi, ToyWords(), toy_voices())
    print(bench.heading(Row))
    rows = []
    for count in given.slots:
        rows.append(
            asyncio.run(measure(engine, count, round(1000 * given.seconds / bench.FRAME_MS), given.codec))
        )
        print(bench.line(rows[-1]), flush=True)
    if given.json:
        given.json.write_text(json.dumps(about | {"rows": [asdict(row) for row in rows]}, indent=2) + "\n")


async def measure(engine: Engine, count: int, frames: int, codec: Codec) -> Row:
    """One row: a server with so many slots, all taken."""
    async with _serving(engine, count) as (url, thread):
        async with asyncio.timeout(STARTED_S):
            await _calls(url, 1, 1, codec)  # Whose voice and persona are known from now on.
        calls = await _calls(url, count, frames, codec, thread)
        ticks = list(thread.ticks)
    answers = [each for call in calls for each in call["ms"]]
    times = np.array([each for each in answers if each is not None])
    p50, p99, p999 = np.percentile(times, [50, 99, 99.9])
    return Row(
        slots=count,
        frames=len(answers),
        p50=float(p50),
        p99=float(p99),
        p999=float(p999),
        longest=float(times.max()),
        late=int((times > bench.FRAME_MS).sum()),
        lost=len(answers) - len(times),
        tick_p99=float(1000 * np.percentile(ticks, 99)),
        join=float(np.median([call["join_ms"] for call in calls])),
    )


@asynccontextmanager
async def _serving(engine: Engine, count: int) -> AsyncIterator[tuple[str, ModelThread]]:
    settings = SpeechSettings(speech_slots=count, speech_most_real_time=ANY_SPEED, speech_drain_s=0)
    runner = new_runner(app := make_app(settings, engine))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", app[DOOR].thread
    finally:
        await runner.cleanup()


async def _calls(
    url: str, count: int, frames: int, codec: Codec, thread: ModelThread | None = None
) -> list[dict[str, Any]]:
    """Have so many call at once, in processes of their own; `thread`'s windows are filled once all have joined."""
    shares = [min(CALLS_A_PROCESS, count - first) for first in range(0, count, CALLS_A_PROCESS)]
    callers = [await _caller(url, share, frames, codec) for share in shares]
    try:
        async with asyncio.timeout(STARTED_S + frames * bench.FRAME_MS / 1000):
            for caller in callers:
                assert await _out(caller).readline() == b"joined\n"
            if thread is not None:
                await thread.do(_filling(thread.batch))
            told = await asyncio.gather(*(caller.communicate(b"go\n") for caller in callers))
    finally:
        for caller in callers:
            if caller.returncode is None:
                caller.kill()
                await caller.wait()
    return [call for out, _ in told for call in json.loads(out)]


def _filling(batch: Batch) -> Work[None]:
    bench.fill_windows(batch)
    yield


async def _caller(url: str, calls: int, frames: int, codec: Codec) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    arguments = ["-m", "services.speech.bench_caller", url, str(calls), str(frames), codec]
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=pipe, stdout=pipe)


def _out(caller: asyncio.subprocess.Process) -> asyncio.StreamReader:
    assert caller.stdout is not None
    return caller.stdout


if __name__ == "__main__":
    main()
