"""How many calls a device holds over the wire: `python -m services.speech.bench_wire --slots 1,32,64`.

The real server with random weights, and callers in processes of their own who send a frame of Opus every 80 ms and
note when the one that answers it comes. Every slot's window is full. What `services.speech.bench` leaves out is in
here: Opus, sockets, the event loop, and calls that are out of step.
"""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from aiohttp import web

from services.base.serve import new_runner
from services.speech import bench, savings
from services.speech.batch import Batch
from services.speech.callers import have_called
from services.speech.engine import Engine
from services.speech.errors import NoGpu, TooLittleMemory
from services.speech.machine import find_device
from services.speech.model_thread import ModelThread
from services.speech.priming import Work
from services.speech.protocol import Codec
from services.speech.savings import Savings
from services.speech.server import DOOR, make_app
from services.speech.settings import SpeechSettings
from services.speech.shapes import SHAPES
from services.speech.toy_engine import ToyWords, toy_voices

ANY_SPEED = 1e9


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
    """Median, from asking for the socket to the handshake; the voice and persona are known, and all join at once."""
    join_new: float
    """The same of a voice and persona that are primed first, with nobody else in the batch."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m services.speech.bench_wire", description=__doc__)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="personaplex-7b")
    parser.add_argument("--slots", type=bench.counts, default=(1, 8, 32, 64), help="for example 1,8,32")
    parser.add_argument("--seconds", type=float, default=90.0, help="of sound in each row")
    parser.add_argument("--codec", choices=("ogg", "pcm16"), default="ogg")
    savings.add_arguments(parser)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args(arguments)
    shape, saved = SHAPES[given.shape], savings.chosen(given)
    try:
        device = find_device(given.device)
        with torch.inference_mode():
            model, mimi = bench.random_engine(shape, device, saved)
    except (NoGpu, TooLittleMemory) as error:
        parser.exit(1, f"{error.detail}\n")
    about = bench.machine(shape, device) | asdict(saved) | {"codec": given.codec}
    print(" · ".join(f"{key} {value}" for key, value in about.items()))
    engine = Engine(shape.name, model, mimi, ToyWords(), toy_voices())
    print(bench.heading(Row))
    rows = []
    for count in given.slots:
        frames = round(1000 * given.seconds / bench.FRAME_MS)
        rows.append(asyncio.run(measure(engine, count, frames, given.codec, saved)))
        print(bench.line(rows[-1]), flush=True)
    if given.json:
        given.json.write_text(json.dumps(about | {"rows": [asdict(row) for row in rows]}, indent=2) + "\n")


async def measure(engine: Engine, count: int, frames: int, codec: Codec, saved: Savings) -> Row:
    """One row: a server with so many slots, all taken."""
    async with _serving(engine, count, saved) as (url, thread):
        # Whose voice and persona are known from now on.
        (first,) = await have_called(url, 1, 1, codec)
        calls = await have_called(url, count, frames, codec, joined=lambda: thread.do(_filling(thread.batch)))
        ticks = list(thread.ticks)
    answers = [each for call in calls for each in call.ms]
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
        join=float(np.median([call.join_ms for call in calls])),
        join_new=first.join_ms,
    )


@asynccontextmanager
async def _serving(engine: Engine, count: int, saved: Savings) -> AsyncIterator[tuple[str, ModelThread]]:
    # The weights and the rings are the engine's own.
    settings = SpeechSettings(
        speech_slots=count,
        speech_most_real_time=ANY_SPEED,
        speech_drain_s=0,
        speech_attention=saved.attention,
    )
    runner = new_runner(app := make_app(settings, engine))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", app[DOOR].thread
    finally:
        await runner.cleanup()


def _filling(batch: Batch) -> Work[None]:
    bench.fill_windows(batch)
    yield


if __name__ == "__main__":
    main()
