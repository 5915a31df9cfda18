"""Matrix products with weights as they were published, or in 8 bits."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from services.speech.eight_bits import product, quantize

ALL = slice(None)


class Weight8(nn.Module):
    """A weight [out, in] in 8 bits: half of bfloat16. Each of its rows has a scale."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        values, scale = quantize(weight, torch.float32)
        self.values = nn.Parameter(values, requires_grad=False)
        self.scale = nn.Parameter(scale, requires_grad=False)


Weight = Tensor | Weight8


def linear(x: Tensor, weight: Weight, rows: slice = ALL) -> Tensor:
    """Multiply x [..., in] by some rows of a weight [out, in]. Returns [..., rows]."""
    if isinstance(weight, Weight8):
        found = product(x.flatten(0, -2), weight.values[rows], weight.scale[rows])
        return found.view(*x.shape[:-1], found.shape[-1])
    return F.linear(x, weight[rows])


class Linear(nn.Module):
    """A layer of nothing but a weight, with the parameter's name that torch's has."""

    weight: Weight

    def __init__(self, features: int, out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out, features))

    def forward(self, x: Tensor) -> Tensor:
        """[..., features] to [..., out]."""
        return linear(x, self.weight)


def to_8_bits(module: nn.Module) -> None:
    """Have every product within a module use 8 bits. Embeddings, which are looked up, and norms stay as they are."""
    for each in list(module.modules()):
        if not isinstance(each, nn.Embedding):
            matrices = [name for name, weight in each.named_parameters(recurse=False) if weight.dim() == 2]
            for name in matrices:
                weight = Weight8(getattr(each, name).data)
                delattr(each, name)  # A parameter gives its name to no module.
                setattr(each, name, weight)
