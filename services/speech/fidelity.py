"""What savings change of what is said: `python -m services.speech.fidelity --shape toy --kv int8 --weights int8`.

A model hears random codes and draws, seeded. The same model with savings hears them too, and the other's tokens are put
into its mouth, so that each frame is asked of both over the same past. Told of text and of codes: how often the same
token is the likeliest, and how far the logits and what would be drawn from them (Kullback-Leibler, in nats) are apart.

Random weights show whether the arithmetic is right, and little of what a trained model would say: their logits lie
close together, so the likeliest of 32,000 is likeliest by a hair.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from services.speech import bench, sampling, savings, stepping
from services.speech.errors import SpeechError
from services.speech.machine import find_device
from services.speech.model import Model
from services.speech.sampling import Drawing
from services.speech.savings import Numbers, Savings
from services.speech.settings import SpeechSettings
from services.speech.shapes import CODEBOOKS, FREE, SHAPES, Shape
from services.speech.stepping import StepState

SEED = 1


@dataclass(frozen=True, slots=True)
class Apart:
    """How far two models are apart, over all tokens of a kind."""

    tokens: int
    equal: float
    """Share of them of which both find the same likeliest."""
    spread: float
    """Standard deviation of the first one's logits."""
    largest: float
    """Difference of two logits."""
    kl_mean: float
    kl_largest: float


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m services.speech.fidelity", description=__doc__)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="toy", help="of random weights")
    parser.add_argument("--layers", type=int, help="of its temporal transformer, instead of all")
    parser.add_argument("--published", action="store_true", help="the model that SPEECH_… names instead")
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bf16", action="store_true", help="on a CPU: bfloat16 too is one of the savings")
    savings.add_arguments(parser)
    given = parser.parse_args(arguments)
    saved, shape = savings.chosen(given), SHAPES[given.shape]
    if given.layers:
        temporal = replace(shape.model.temporal, layers=given.layers)
        shape = replace(shape, model=replace(shape.model, temporal=temporal))
    try:
        with torch.inference_mode():
            # The smaller one first: while it is made smaller, the other takes no room.
            other = load(shape, given.device, given.published, saved.weights, given.bf16)
            same = saved.weights == "bf16" and not given.bf16
            model = other if same else load(shape, given.device, given.published)
            found, times = compare(model, other, saved, given.slots, given.frames)
    except SpeechError as error:
        parser.exit(1, f"{error.detail}\n")
    also = ", in bfloat16" if given.bf16 else ""
    print(f"{given.slots} slots, {given.frames} frames, {saved}{also}")
    for kind, apart in zip(("text", "codes"), found, strict=True):
        print(
            f"{kind:>5}: {apart.equal:.2%} of {apart.tokens} likeliest equal · logits spread {apart.spread:.3g}, "
            f"apart at most {apart.largest:.3g} · KL mean {apart.kl_mean:.2g}, largest {apart.kl_largest:.2g}"
        )
    as_published, with_savings = (1000 * float(np.median(each)) for each in times)
    print(
        f"a frame, as written and not recorded, median: {as_published:.1f} ms, with savings {with_savings:.1f} ms, "
        f"{with_savings / as_published:.2f} times that"
    )


def load(
    shape: Shape, device: str, published: bool, weights: Numbers = "bf16", narrow: bool = False
) -> Model:
    """A model of published files, or of seeded random weights.

    Args:
        narrow: In bfloat16 on a CPU too.

    Raises:
        SpeechError
    """
    if published:
        from services.speech.published import load

        model = load(SpeechSettings.load().model_copy(update={"speech_device": device})).model
    else:
        torch.manual_seed(SEED)
        model, _ = bench.random_engine(shape, find_device(device))
    if narrow:
        model.to(torch.bfloat16)
    model.shrink(Savings(weights=weights))
    return model


def compare(
    model: Model, other: Model, saved: Savings, count: int, frames: int
) -> tuple[tuple[Apart, Apart], tuple[list[float], list[float]]]:
    """Run both, frame by frame.

    Args:
        other: May be the same, where weights are not saved on.

    Returns:
        How far text and codes are apart; and the seconds that each frame took with each.
    """
    device = model.out_norm.alpha.device
    state = stepping.fresh(model, count)
    other.shrink(Savings(kv=saved.kv))
    theirs = stepping.fresh(other, count)
    for slot in range(count):
        sampling.choose(state.sampling, slot, Drawing(seed=slot))
    live = torch.ones(count, dtype=torch.bool, device=device)
    free = torch.full((count, 1 + CODEBOOKS), FREE, device=device)
    numbers = torch.Generator().manual_seed(SEED)
    lengths = (*saved.lengths(model.shape.context), model.shape.context)
    apart: tuple[list[Tensor], list[Tensor]] = ([], [])
    times: tuple[list[float], list[float]] = ([], [])
    for frame in range(frames):
        user = torch.randint(model.shape.card, (count, CODEBOOKS), generator=numbers).to(device)
        ours, took = run(model, state, user, free, live)
        drawn = state.tokens[:, : 1 + CODEBOOKS, (frame + 1) % state.tokens.shape[2]]
        length = next((each for each in lengths if each > frame), lengths[-1])
        others, took_other = run(other, theirs.first(length), user, drawn, live)
        times[0].append(took)
        times[1].append(took_other)
        for stream, logits in enumerate(zip(ours, others, strict=True)):
            apart[min(stream, 1)].append(differences(*logits))
    return (gathered(apart[0]), gathered(apart[1])), times


def run(
    model: Model, state: StepState, user: Tensor, forced: Tensor, live: Tensor
) -> tuple[list[Tensor], float]:
    """A frame. Returns the logits of its text and of each of its codes, [slots, card], and the seconds that it took."""
    logits: list[Tensor] = []
    hooks = [
        head.register_forward_hook(lambda head, x, out: logits.append(out))
        for head in (model.text_linear, *model.linears)
    ]
    began = time.perf_counter()
    stepping.step(model, state, user, forced, live)
    if live.is_cuda:
        torch.cuda.synchronize(live.device)
    took = time.perf_counter() - began
    for hook in hooks:
        hook.remove()
    return logits, took


def differences(ours: Tensor, others: Tensor) -> Tensor:
    """Of logits [slots, card]: whether the likeliest is the same, spread, largest difference, and divergence,
    [slots, 4]."""
    one, other = ours.double(), others.double()
    equal = one.argmax(-1) == other.argmax(-1)
    divergence = F.kl_div(other.log_softmax(-1), one.log_softmax(-1), log_target=True, reduction="none").sum(
        -1
    )
    return torch.stack([equal, one.std(-1), (one - other).abs().amax(-1), divergence], dim=-1).cpu()


def gathered(apart: list[Tensor]) -> Apart:
    """All such `differences` of a kind."""
    equal, spread, largest, divergence = torch.cat(apart).unbind(-1)
    return Apart(
        tokens=len(equal),
        equal=float(equal.mean()),
        spread=float(spread.mean()),
        largest=float(largest.max()),
        kl_mean=float(divergence.mean()),
        kl_largest=float(divergence.max()),
    )


if __name__ == "__main__":
    main()
