"""A sound like a voice, a toy Mimi, and both of its ways in one form: frames in, frames out."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from services.speech import toy
from services.speech.codec.mimi import Mimi
from services.speech.shapes import CODEBOOKS, FRAME_SAMPLES, SAMPLE_RATE, TOY, CodecShape

FRAMES = 40
"""Of the golden vectors. The toy's window is full after 25."""
EVERY = 7
"""Samples, of which they keep one. It divides no ratio, so that every place within a stride is seen."""


def voice(frames: int, seed: int = 0) -> Tensor:
    """[frames * FRAME_SAMPLES]: syllables of gliding, changing vowels, with breath.

    On the grid of 16 bits, so that a machine whose sine is off in the last place makes the same.
    """
    time = np.arange(frames * FRAME_SAMPLES) / SAMPLE_RATE
    pitch = 110 * (1 + 0.3 * np.sin(2 * np.pi * 0.7 * time + seed))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    tones = range(1, 30)
    vowel = sum(
        np.sin(n * phase) / n * (1 + np.sin(2 * np.pi * (0.3 + 0.23 * n) * time + n + seed)) for n in tones
    )
    syllables = np.clip(np.sin(2 * np.pi * 2.3 * time), 0, 1)
    breath = np.random.PCG64(seed).random_raw(len(time)) / 2**64 - 0.5
    sound = 0.1 * vowel * syllables + 0.02 * breath
    return torch.from_numpy(np.round(sound * 2**15).astype(np.float32) / 2**15)


def toy_mimi(shape: CodecShape = TOY.codec) -> Mimi:
    """Mimi of seeded weights."""
    with torch.device("meta"):
        mimi = Mimi(shape)
    named = {name: tuple(tensor.shape) for name, tensor in mimi.state_dict().items()}
    weights = {name: torch.from_numpy(toy.weights(name, size)) for name, size in named.items()}
    mimi.load_state_dict(weights, assign=True)
    return mimi.requires_grad_(False)


def forgetful_mimi() -> Mimi:
    """One that looks back on six frames alone."""
    return toy_mimi(dataclasses.replace(TOY.codec, context=12))


@dataclass(frozen=True)
class Way:
    """One of Mimi's two ways. Frames are the second axis of what goes in and of what comes out."""

    fresh: Callable[..., Any]
    """Takes slots and the most frames of a call, gives a state."""
    run: Callable[[Tensor, Any, Tensor], Tensor]
    """Takes [slots, frames, ...], the state and `live`, gives [slots, frames, ...]."""
    material: Callable[[int, int], Tensor]
    """Takes frames and a seed, gives something to run, [frames, ...]."""


def encoding(mimi: Mimi) -> Way:
    """Sound to what the codes stand for: of two slightly different ones the codes may be the same."""
    return Way(
        fresh=mimi.fresh_encoder,
        run=lambda frames, state, live: mimi.embed(frames.flatten(1), state, live).transpose(1, 2),
        material=lambda frames, seed: voice(frames, seed).view(frames, FRAME_SAMPLES),
    )


def decoding(mimi: Mimi) -> Way:
    """Codes to sound."""

    def codes(frames: int, seed: int) -> Tensor:
        numbers = torch.Generator().manual_seed(seed)
        return torch.randint(mimi.shape.card, (frames, CODEBOOKS), generator=numbers)

    return Way(
        fresh=mimi.fresh_decoder,
        run=lambda frames, state, live: mimi.decode(frames.transpose(1, 2), state, live).view(
            len(frames), -1, FRAME_SAMPLES
        ),
        material=codes,
    )


def alone(way: Way, frames: Tensor, pieces: Sequence[int] | None = None) -> Tensor:
    """What comes of frames [frames, ...] that have the batch to themselves: in pieces, or else whole."""
    pieces = pieces or [len(frames)]
    state = way.fresh(1, max(pieces))
    parts = [way.run(part[None], state, live(1, {0}))[0] for part in torch.split(frames, list(pieces))]
    return torch.cat(parts)


def live(slots: int, which: set[int]) -> Tensor:
    """[slots], bool."""
    return torch.tensor([slot in which for slot in range(slots)])


def close(one: Tensor, other: Tensor) -> bool:
    """Whether they differ by no more than the order of float32 sums."""
    return bool((one - other).abs().max() < 2e-5)
