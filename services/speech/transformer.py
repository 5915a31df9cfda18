"""A causal transformer over rings of keys and values, for many slots, each at a position of its own."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from services.speech.linear import Linear, Weight, linear
from services.speech.rings import AnyRing, Ring

ROPE_PERIOD = 10_000.0


@dataclass(frozen=True, slots=True)
class TransformerState:
    """What a transformer remembers of each slot."""

    position: Tensor
    """[slots], int64: positions so far."""
    rings: list[AnyRing]
    """By layer."""

    def first(self, length: int) -> "TransformerState":
        """The same slots with rings of `length` positions, over the same memory: for as long as none holds more."""
        return TransformerState(self.position, [ring.first(length) for ring in self.rings])


@dataclass(frozen=True, slots=True)
class Place:
    """Where the positions of this call lie: the same for all layers, so it is worked out once."""

    index: Tensor
    """[slots, 1, T, 1], int64: in the ring."""
    visible: Tensor
    """[slots, 1, T, capacity], bool: what each position may look at."""
    cosine: Tensor
    """[slots, 1, T, head_dim / 2], float32."""
    sine: Tensor
    """[slots, 1, T, head_dim / 2], float32."""


def place(position: Tensor, length: int, capacity: int, context: int, head_dim: int) -> Place:
    """Place the next `length` positions of each slot.

    Args:
        position: [slots], of the first of them.
        capacity: Of the rings.
        context: Positions that one may look back on, itself included.
    """
    device = position.device
    when = position[:, None] + torch.arange(length, device=device)  # [slots, T]
    last = position[:, None] + (length - 1)
    # What lies at each index once these positions are written; below zero: nothing yet.
    held = last - (last - torch.arange(capacity, device=device)) % capacity  # [slots, capacity]
    age = when[:, :, None] - held[:, None, :]  # [slots, T, capacity]
    visible = (held[:, None, :] >= 0) & (age >= 0) & (age < context)
    frequency = torch.exp(
        torch.arange(head_dim // 2, device=device, dtype=torch.float32)
        * (-math.log(ROPE_PERIOD) * 2 / head_dim)
    )
    angle = when[:, None, :, None].float() * frequency
    return Place((when % capacity)[:, None, :, None], visible[:, None], angle.cos(), angle.sin())


def rotate(x: Tensor, at: Place) -> Tensor:
    """Rotary positions (arXiv 2104.09864), over neighbouring pairs, in float32.

    Args:
        x: [slots, heads, T, head_dim], queries or keys.
    """
    real, imaginary = x.float().reshape(*x.shape[:-1], -1, 2).unbind(-1)
    turned = (real * at.cosine - imaginary * at.sine, real * at.sine + imaginary * at.cosine)
    return torch.stack([half.to(x.dtype) for half in turned], dim=-1).flatten(-2)


class Attention(nn.Module):
    """Self-attention over a ring."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight: Weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.out_proj = Linear(dim, dim)

    def forward(self, x: Tensor, ring: AnyRing, at: Place) -> Tensor:
        """Write the keys and values of x [slots, T, dim], then look at what is visible. Returns [slots, T, dim]."""
        query, key, value = split_heads(linear(x, self.in_proj_weight), self.heads)
        query, key = rotate(query, at), rotate(key, at)
        ring.write(at.index, key, value)
        return self.out_proj(join_heads(ring.attend(query, at.visible)))  # type: ignore[no-any-return]


def split_heads(projected: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """[slots, T, 3 * dim] into queries, keys and values, each [slots, heads, T, head_dim]."""
    slots, length, _ = projected.shape
    query, key, value = projected.view(slots, length, 3, heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
    return query, key, value


def join_heads(x: Tensor) -> Tensor:
    """[slots, heads, T, head_dim] into [slots, T, dim]."""
    return x.transpose(1, 2).flatten(-2)


class Transformer(nn.Module):
    """A stack of layers. Each takes [slots, T, dim], its ring and the place, and returns [slots, T, dim]."""

    def __init__(self, layers: Iterable[nn.Module], heads: int, dim: int, context: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.heads = heads
        self.head_dim = dim // heads
        self.context = context
        self.ring: type[AnyRing] = Ring
        """What a state of it is made of."""

    def fresh(self, slots: int, capacity: int | None = None) -> TransformerState:
        """A state of `slots` fresh slots.

        Args:
            capacity: Positions that a ring holds. Where more than one position is written at once, the first of them
                sees its whole context only if the ring holds that many more; `context` if not said.
        """
        some = next(self.parameters())  # A norm's: those are floats, however products are kept.
        shape = (slots, self.heads, capacity or self.context, self.head_dim)
        rings: list[AnyRing] = [self.ring.fresh(shape, some) for _ in self.layers]
        return TransformerState(torch.zeros(slots, dtype=torch.int64, device=some.device), rings)

    def forward(self, x: Tensor, state: TransformerState, live: Tensor) -> Tensor:
        """Take the next T positions of each slot.

        Args:
            x: [slots, T, dim].
            live: [slots], bool. A slot that is not stays where it is: what is written for it lies where its next
                position will be written, and is seen by none.

        Returns:
            [slots, T, dim].
        """
        length = x.shape[1]
        capacity = state.rings[0].keys.shape[2]
        at = place(state.position, length, capacity, self.context, self.head_dim)
        for layer, ring in zip(self.layers, state.rings, strict=True):
            x = layer(x, ring, at)
        state.position.add_(length * live)
        return x
