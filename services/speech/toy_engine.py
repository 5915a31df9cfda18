"""A whole engine without weights: a toy of seeded random ones, which murmurs. In real time on a CPU.

Tests, page and gateway call it as they would the large one. Nothing that it says means anything.
"""

import zlib
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from services.speech import toy
from services.speech.codec.mimi import Mimi
from services.speech.engine import Engine, Voices
from services.speech.model import Model
from services.speech.priming import Voice, VoiceCodes, Work
from services.speech.shapes import CODEBOOKS, TEXT_END_OF_PAD, TEXT_PAD, TOY, ModelShape

FAMILIES = {"NATF": 4, "NATM": 4, "VARF": 5, "VARM": 5}
VOICES = tuple(f"{family}{number}" for family, count in FAMILIES.items() for number in range(count))
"""NVIDIA's names, so that stock clients find theirs."""
VOICE_FRAMES = 25
MURMUR = 0.15
"""Of the loudness that random weights come to: -33 dBFS."""

Network = TypeVar("Network", bound=nn.Module)


def toy_engine() -> Engine:
    """The toy."""
    mimi = seeded(lambda: Mimi(TOY.codec))
    last = list(mimi.decoder.parameters())[-2:]  # Weight and bias of the outermost convolution.
    for parameter in last:
        parameter.mul_(MURMUR)
    return Engine(TOY.name, seeded(lambda: Model(TOY.model)), mimi, ToyWords(), toy_voices())


def toy_voices() -> Voices:
    """Voices of random codes, under the names that NVIDIA's have."""
    return {name: _voice(name) for name in VOICES}


def seeded(make: Callable[[], Network]) -> Network:
    """A network on the CPU, filled with `toy.weights`."""
    with torch.device("meta"):
        network = make()
    named = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    weights = {name: torch.from_numpy(toy.weights(name, shape)) for name, shape in named.items()}
    network.load_state_dict(weights, assign=True)
    return network.requires_grad_(False).eval()


class ToyWords:
    """Sixty-four pieces: syllables, every other of which begins a word."""

    def persona(self, text: str) -> list[int]:
        """One token a word, out of its letters."""
        return [4 + zlib.crc32(word.encode()) % (TOY.model.text_card - 4) for word in text.split()]

    def piece(self, token: int) -> bytes:
        """A syllable."""
        if token in (TEXT_PAD, TEXT_END_OF_PAD):
            return b""
        syllable = "mnlrwdbs"[token % 8] + "aeiou"[token // 8 % 5]
        return (f" {syllable}" if token % 2 else syllable).encode()


def _voice(name: str) -> Callable[[Mimi, ModelShape], Work[Voice]]:
    def speak(mimi: Mimi, shape: ModelShape) -> Work[Voice]:
        numbers = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        codes = torch.randint(shape.card, (CODEBOOKS, VOICE_FRAMES), generator=numbers)
        yield
        return VoiceCodes(codes)

    return speak
