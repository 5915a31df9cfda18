"""What a layer remembers of each slot: rings of keys and values, as they are or in 8 bits."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F

from services.speech.eight_bits import attend, quantize


@dataclass(frozen=True, slots=True)
class Ring:
    """Keys and values of one layer. Position `p` lies at `p % capacity`."""

    keys: Tensor
    """[slots, heads, capacity, head_dim]."""
    values: Tensor
    """[slots, heads, capacity, head_dim]."""

    @classmethod
    def fresh(cls, shape: tuple[int, int, int, int], like: Tensor) -> Self:
        """Args:
        shape: [slots, heads, capacity, head_dim].
        like: Whose type and device they have.
        """
        return cls(like.new_zeros(shape), like.new_zeros(shape))

    def write(self, index: Tensor, key: Tensor, value: Tensor) -> None:
        """Put keys and values [slots, heads, T, head_dim] where `index` [slots, 1, T, 1] says."""
        index = index.expand_as(key)
        self.keys.scatter_(2, index, key)
        self.values.scatter_(2, index, value)

    def attend(self, query: Tensor, visible: Tensor) -> Tensor:
        """Look with queries [slots, heads, T, head_dim] at what is `visible` [slots, 1, T, capacity]."""
        return F.scaled_dot_product_attention(query, self.keys, self.values, visible)

    def first(self, length: int) -> Self:
        """Its first `length` places, over the same memory."""
        return type(self)(self.keys[:, :, :length], self.values[:, :, :length])


@dataclass(frozen=True, slots=True)
class Ring8:
    """The same in 8 bits: half the memory of bfloat16. Each head's key and value of a position has a scale."""

    keys: Tensor
    """[slots, heads, capacity, head_dim], int8."""
    key_scales: Tensor
    """[slots, heads, capacity, 1]."""
    values: Tensor
    """[slots, heads, capacity, head_dim], int8."""
    value_scales: Tensor
    """[slots, heads, capacity, 1]."""

    @classmethod
    def fresh(cls, shape: tuple[int, int, int, int], like: Tensor) -> Self:
        """As of `Ring`; the scales have the type of `like`."""
        whole, scales = like.new_zeros(shape, dtype=torch.int8), like.new_zeros((*shape[:3], 1))
        return cls(whole, scales, whole.clone(), scales.clone())

    def write(self, index: Tensor, key: Tensor, value: Tensor) -> None:
        """As of `Ring`."""
        for ring, scales, x in ((self.keys, self.key_scales, key), (self.values, self.value_scales, value)):
            whole, scale = quantize(x, scales.dtype)
            ring.scatter_(2, index.expand_as(whole), whole)
            scales.scatter_(2, index.expand_as(scale), scale)

    def attend(self, query: Tensor, visible: Tensor) -> Tensor:
        """As of `Ring`."""
        return attend(query, self.keys, self.key_scales, self.values, self.value_scales, visible)

    def first(self, length: int) -> Self:
        """As of `Ring`."""
        return type(self)(
            self.keys[:, :, :length],
            self.key_scales[:, :, :length],
            self.values[:, :, :length],
            self.value_scales[:, :, :length],
        )


AnyRing = Ring | Ring8
