"""Drawing tokens: each slot with its own temperature, top-k and noise, and without waiting for the GPU.

The noise is a function of the slot's seed, the position, the stream and the token. So a call is repeatable whoever
sits beside it, and nothing has to be remembered but the seed.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

MOST_CANDIDATES = 250
"""The largest top-k that a call can have; Moshi's own for codes. `topk` needs one number for all slots."""

TEXT_TEMPERATURE, TEXT_TOP_K = 0.7, 25
AUDIO_TEMPERATURE, AUDIO_TOP_K = 0.8, 250
"""The family's own."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """How one call draws."""

    seed: int = 0
    audio_seed: int | None = None
    """For the codes alone; None: as for the text."""
    text_temperature: float = TEXT_TEMPERATURE
    """0 takes the likeliest."""
    text_top_k: int = TEXT_TOP_K
    audio_temperature: float = AUDIO_TEMPERATURE
    """0 takes the likeliest."""
    audio_top_k: int = AUDIO_TOP_K


GREEDY = Drawing(text_temperature=0, audio_temperature=0)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How each slot draws. A fresh slot takes the likeliest token."""

    text_seed: Tensor
    """[slots], int64."""
    audio_seed: Tensor
    """[slots], int64."""
    text_temperature: Tensor
    """[slots], float32; 0 takes the likeliest."""
    text_top_k: Tensor
    """[slots], int64, 1 to `MOST_CANDIDATES`; 0 is taken for 1."""
    audio_temperature: Tensor
    """[slots], float32; 0 takes the likeliest."""
    audio_top_k: Tensor
    """[slots], int64, 1 to `MOST_CANDIDATES`; 0 is taken for 1."""


def fresh(slots: int, device: torch.device) -> Sampling:
    """All slots greedy."""
    whole = torch.zeros(slots, dtype=torch.int64, device=device)
    real = torch.zeros(slots, device=device)
    return Sampling(whole, whole.clone(), real, whole.clone(), real.clone(), whole.clone())


def choose(state: Sampling, slot: int, drawing: Drawing) -> None:
    """Have a slot draw so from now on."""
    state.text_seed[slot] = drawing.seed
    state.audio_seed[slot] = drawing.seed if drawing.audio_seed is None else drawing.audio_seed
    for name in ("text_temperature", "text_top_k", "audio_temperature", "audio_top_k"):
        getattr(state, name)[slot] = getattr(drawing, name)


def draw(logits: Tensor, temperature: Tensor, top_k: Tensor, key: Tensor) -> Tensor:
    """Draw one token a slot.

    Args:
        logits: [slots, card].
        temperature: [slots], float32; 0 takes the likeliest.
        top_k: [slots], int64.
        key: [slots], int64: the same key gives the same noise.

    Returns:
        [slots], int64.
    """
    logits = logits.float()
    likely, tokens = logits.topk(min(MOST_CANDIDATES, logits.shape[-1]), dim=-1)  # Falling.
    rank = torch.arange(likely.shape[-1], device=logits.device)
    outside = rank >= top_k.clamp(min=1)[:, None]
    # Gumbel's trick: the largest of log p + noise is a draw from p.
    noise = -(-uniform(key[:, None], tokens).log()).log()
    score = (likely / temperature.clamp(min=1e-6)[:, None] + noise).masked_fill(outside, -torch.inf)
    chosen = torch.where(temperature > 0, score.argmax(-1), 0)
    return tokens.gather(-1, chosen[:, None])[:, 0]


def key(seed: Tensor, position: Tensor, stream: int) -> Tensor:
    """[slots] and [slots] int64 to [slots]: one key for each token that is ever drawn."""
    return mix(mix(seed) + position * 32 + stream)


def uniform(key: Tensor, token: Tensor) -> Tensor:
    """Even noise between 0 and 1, both excluded, float32 in the shape of the two together."""
    # 23 bits and a half are what float32 holds. Of one more the largest would round to 1, whose noise is infinite.
    return ((mix(key + token) >> 41 & 0x7F_FFFF).float() + 0.5) / 2**23


def mix(x: Tensor) -> Tensor:
    """Scatter the bits of int64 numbers: splitmix64 (Steele, Lea, Flood 2014), in two's complement."""
    x = x + _signed(0x9E3779B97F4A7C15)
    x = (x ^ (x >> 30 & 0x3_FFFF_FFFF)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> 27 & 0x1F_FFFF_FFFF)) * _signed(0x94D049BB133111EB)
    return x ^ (x >> 31 & 0x1_FFFF_FFFF)


def _signed(bits: int) -> int:
    return bits - 2**64 if bits >= 2**63 else bits
