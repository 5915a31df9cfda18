"""Numbers in 8 bits: of a row of floats, its largest in a scale, and each as a whole number of 127ths of that."""

import torch
from torch import Tensor
from torch.nn import functional as F

from services.speech.recorded import fused

MOST = 127
FEW = 8
"""Rows of a product that are summed weight by weight, rather than as tiles of a matrix: fewer than a tile has."""


def quantize(x: Tensor, scale_dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Round each row to 8 bits.

    Args:
        x: [..., n], of floats.

    Returns:
        Whole numbers [..., n], int8, and scales [..., 1]; their product is about x.
    """
    x = x.float()
    scale = (x.abs().amax(-1, keepdim=True) / MOST).to(scale_dtype)
    # By the scale as it is kept; where its own rounding made it smaller, the largest is cut.
    whole = (x / scale.float().clamp(min=torch.finfo(scale_dtype).tiny)).round().clamp(-MOST, MOST)
    return whole.to(torch.int8), scale


@fused
def product(x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
    """Multiply by a weight in 8 bits, which x's own type holds exactly.

    Args:
        x: [rows, in].
        weight: [out, in], int8.
        scale: [out, 1].

    Returns:
        [rows, out].
    """
    if torch.compiler.is_compiling() and len(x) <= FEW:
        # A weight is read once for all rows, which lie beside each other in the result.
        summed = (weight[:, None].float() * x.float()).sum(-1).T
    else:
        summed = F.linear(x, weight.to(x.dtype))
    return (summed * scale[:, 0]).to(x.dtype)


@fused
def attend(
    query: Tensor, keys: Tensor, key_scales: Tensor, values: Tensor, value_scales: Tensor, visible: Tensor
) -> Tensor:
    """Attention over keys and values in 8 bits, worked out in float32. Their scales go onto scores and weights.

    Args:
        query: [slots, heads, T, head_dim].
        keys, values: [slots, heads, capacity, head_dim], int8.
        key_scales, value_scales: [slots, heads, capacity, 1].
        visible: [slots, 1, T, capacity], bool.

    Returns:
        [slots, heads, T, head_dim].
    """
    scores = query.float() @ keys.float().mT * (key_scales.float().mT * query.shape[-1] ** -0.5)
    weights = scores.masked_fill(~visible, -torch.inf).softmax(-1) * value_scales.float().mT
    return (weights @ values.float()).to(query.dtype)  # type: ignore[no-any-return]
