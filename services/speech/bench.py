"""How many calls a device holds: `python -m services.speech.bench --shape personaplex-7b --slots 1,8,16,32,64,96`.

Whole frames, sound to sound, back to back, with random weights: speed doesn't depend on their values. Every slot's
window is full, so each row is the worst that so many calls come to, but for calls of an `--age`. Opus and sockets are
not in it.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from services.speech import priming, recorded, savings, slots, toy
from services.speech.batch import Batch
from services.speech.codec.mimi import Mimi
from services.speech.codec.quantizer import Codebook
from services.speech.eight_bits import MOST
from services.speech.errors import NoGpu, TooLittleMemory
from services.speech.linear import Weight8
from services.speech.machine import check_memory, find_device
from services.speech.model import Model
from services.speech.priming import Prefix, VoiceCodes
from services.speech.sampling import Drawing
from services.speech.savings import Savings
from services.speech.shapes import CODEBOOKS, FRAME_S, SHAPES, Shape

FRAME_MS = 1000 * FRAME_S
VOICE_FRAMES = 125
"""Ten seconds of voice prompt."""
PROMPT_TOKENS = 100
"""Of a persona of some 70 words."""
WARM_UP_TICKS = 5
JOINS = 5
LAUNCHES = frozenset(
    ("cudaLaunchKernel", "cudaLaunchKernelExC", "cuLaunchKernel", "cuLaunchKernelEx", "cudaGraphLaunch")
)
"""What the host calls to have the device do something, by the profiler's names."""


@dataclass(frozen=True, slots=True)
class Row:
    """So many calls at once. Times in milliseconds of wall time; None where the device can't tell."""

    slots: int
    live: int
    """Slots with a frame in every tick: the first ones."""
    frames: int
    p50: float
    p99: float
    p999: float
    longest: float
    late: int
    """Frames that took longer than they sound."""
    each: float
    """p50 by live slot."""
    host: float
    """Median time until the host has handed out a frame's work; it could do something else then."""
    launches: int | None
    """A frame, by the host."""
    kernels: int | None
    """A frame, on the device."""
    memory_gb: float | None
    """At most, of the device: what torch has given out, weights among it."""
    recorded_mb: float | None
    """Of the device, what torch has taken for ticks of all sizes to run in."""
    slot_mb: float
    """Of each slot's state."""
    join: float
    """Median time to copy a known prefix into a slot and draw its first tokens."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m services.speech.bench", description=__doc__)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="personaplex-7b")
    parser.add_argument("--slots", type=counts, default=(1, 8, 16, 32, 64, 96), help="for example 1,8,16")
    parser.add_argument("--live", type=counts, help="slots with a frame, for example 1,4; if not said, all")
    parser.add_argument("--seconds", type=float, default=90.0, help="of sound in each row")
    parser.add_argument("--age", type=int, help="frames of each call before the first that is measured")
    savings.add_arguments(parser)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args(arguments)
    try:
        with torch.inference_mode():
            frames = round(given.seconds * 1000 / FRAME_MS)
            found = measure(
                SHAPES[given.shape],
                given.slots,
                frames,
                find_device(given.device),
                savings.chosen(given),
                given.age,
                given.live,
            )
    except (NoGpu, TooLittleMemory) as error:
        parser.exit(1, f"{error.detail}\n")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


def measure(
    shape: Shape,
    counts: Sequence[int],
    frames: int,
    device: torch.device,
    saved: Savings = savings.NONE,
    age: int | None = None,
    live: Sequence[int] | None = None,
) -> dict[str, object]:
    """Measure all rows, and print each as it comes.

    Args:
        age: Frames of each call before the first that is measured; if not said, so many that windows are full.
        live: How many slots have a frame, a row each; if not said, all.

    Raises:
        TooLittleMemory: for the weights.
    """
    about = machine(shape, device) | asdict(saved) | {"age": age}
    print(" · ".join(f"{key} {value}" for key, value in about.items()))
    model, mimi = random_engine(shape, device, saved)
    began = time.perf_counter()
    prefix = priming.prefill(model, _script(shape))
    _synchronize(device)
    about |= {"primed_frames": prefix.frames, "prefill_ms": 1000 * (time.perf_counter() - began)}
    print(f"prefill of {prefix.frames} frames, the first time: {about['prefill_ms']:.0f} ms")
    print(heading(Row))
    rows = []
    for count, used in [(every, some) for every in counts for some in live or (every,) if some <= every]:
        try:
            rows.append(_row(model, mimi, prefix, count, used, frames, saved, age))
        except (TooLittleMemory, torch.OutOfMemoryError) as error:
            print(f"{count:>9}  too little memory: {error}")
            break
        print(line(rows[-1]), flush=True)
    return about | {"rows": [asdict(row) for row in rows]}


def _row(
    model: Model,
    mimi: Mimi,
    prefix: Prefix,
    count: int,
    live: int,
    frames: int,
    saved: Savings,
    age: int | None,
) -> Row:
    device = model.out_norm.alpha.device
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    before = _taken(device)
    batch = Batch(model, mimi, count, lengths=saved.lengths(model.shape.context))
    recorded_mb = (_taken(device) - before - slots.size(batch.state)) / 1e6
    joins = []
    for slot in range(count):
        batch.join(slot, prefix, Drawing(seed=slot))
    for _ in range(JOINS):
        batch.leave(count - 1)
        _synchronize(device)
        began = time.perf_counter()
        batch.join(count - 1, prefix, Drawing(seed=count))
        _synchronize(device)
        joins.append(1000 * (time.perf_counter() - began))
    fill_windows(batch, age)
    batch.host.live[:live] = True
    batch.host.heard.uniform_(-0.1, 0.1)
    for _ in range(WARM_UP_TICKS):
        batch.tick(live)
    whole, handed = np.empty(frames), np.empty(frames)
    for frame in range(frames):
        began = time.perf_counter()
        with recorded.waits_are_errors(device):
            batch.start(live)
        handed[frame] = 1000 * (time.perf_counter() - began)
        batch.wait()
        whole[frame] = 1000 * (time.perf_counter() - began)
    launches, kernels = _launches(batch, live)
    p50, p99, p999 = np.percentile(whole, [50, 99, 99.9])
    return Row(
        slots=count,
        live=live,
        frames=frames,
        p50=float(p50),
        p99=float(p99),
        p999=float(p999),
        longest=float(whole.max()),
        late=int((whole > FRAME_MS).sum()),
        each=float(p50) / live,
        host=float(np.median(handed)),
        launches=launches,
        kernels=kernels,
        memory_gb=torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else None,
        recorded_mb=recorded_mb if device.type == "cuda" else None,
        slot_mb=slots.size(batch.state) / count / 1e6,
        join=statistics.median(joins),
    )


def fill_windows(batch: Batch, frames: int | None = None) -> None:
    """As after a call of so many frames; after a long one, in which every window is full, if not said."""
    for state in (batch.state.step.transformer, batch.state.ears.transformer, batch.state.mouth.transformer):
        for tensor in slots.tensors(state.rings):
            if tensor.is_floating_point():
                tensor.normal_()
            else:
                tensor.random_(-MOST, MOST + 1)
    batch.age(2 * batch.model.shape.context if frames is None else frames)


def _taken(device: torch.device) -> int:
    """Bytes of a GPU that torch holds, given out or not."""
    return torch.cuda.memory_reserved(device) if device.type == "cuda" else 0


def _launches(batch: Batch, live: int) -> tuple[int | None, int | None]:
    """What one tick launches, and what runs of it."""
    if batch.device.type != "cuda":
        return None, None
    both = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=both) as seen:
        batch.tick(live)
    events = seen.events() or []
    on_device = [event for event in events if event.device_type.name == "CUDA"]
    return sum(event.name in LAUNCHES for event in events), len(on_device)


def random_engine(shape: Shape, device: torch.device, saved: Savings = savings.NONE) -> tuple[Model, Mimi]:
    """Of random weights: the model in bfloat16 on a GPU, or in 8 bits; the codec in float32.

    Raises:
        TooLittleMemory: for the weights.
    """
    with torch.device("meta"):
        model, mimi = Model(shape.model), Mimi(shape.codec)
    if device.type == "cuda":
        model.to(torch.bfloat16)
    model.shrink(saved)
    weights = (tensor for network in (model, mimi) for tensor in network.state_dict().values())
    check_memory(sum(tensor.nbytes for tensor in weights), device, shape.name)
    for network in (model, mimi):
        network.to_empty(device=device)
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                tensor.uniform_(*toy.bounds(name, tuple(tensor.shape)))
        for name, module in network.named_modules():
            if isinstance(module, Weight8):
                module.values.random_(-MOST, MOST + 1)
                module.scale.fill_(toy.bounds(name, tuple(module.values.shape))[1] / MOST)
            if isinstance(module, Codebook):
                module.work_out()
        network.requires_grad_(False).eval()
    return model, mimi


def _script(shape: Shape) -> priming.Script:
    numbers = torch.Generator().manual_seed(0)
    codes = torch.randint(shape.model.card, (CODEBOOKS, VOICE_FRAMES), generator=numbers)
    prompt = torch.randint(shape.model.text_card, (PROMPT_TOKENS,), generator=numbers)
    return priming.script(shape.model, VoiceCodes(codes), prompt.tolist())


def machine(shape: Shape, device: torch.device) -> dict[str, object]:
    name = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else platform.processor() or platform.machine()
    )
    return {
        "shape": shape.name,
        "device": name,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def heading(row: type[Any]) -> str:
    """The names of a row's fields."""
    return "  ".join(f"{field.name:>9}" for field in fields(row))


def line(row: Any) -> str:
    """A row's values, below its `heading`."""
    return "  ".join(f"{_told(value):>9}" for value in asdict(row).values())


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _told(value: float | None) -> str:
    match value:
        case None:
            return "-"
        case int():
            return str(value)
        case _:
            return f"{value:.2f}"


def counts(text: str) -> tuple[int, ...]:
    counts = tuple(int(each) for each in text.split(","))
    if min(counts) < 1:
        raise argparse.ArgumentTypeError("a batch has at least one slot")
    return counts


if __name__ == "__main__":
    main()
