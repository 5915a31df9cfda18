"""The transformer within either way of Mimi, over two positions a frame."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from services.speech.rings import AnyRing
from services.speech.shapes import CodecShape, TransformerShape
from services.speech.transformer import Attention, Place, Transformer, TransformerState


class LayerScale(nn.Module):
    """What a layer adds, channel by channel smaller (arXiv 2103.17239)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(dim))

    def forward(self, x: Tensor) -> Tensor:
        """[slots, T, dim] to the same."""
        return self.scale * x


class Layer(nn.Module):
    """A layer of Mimi's transformers: layer norms, a feed-forward part without a gate, a scale on what is added."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(shape.dim, eps=1e-5)
        self.self_attn = Attention(shape.dim, shape.heads)
        self.layer_scale_1 = LayerScale(shape.dim)
        self.norm2 = nn.LayerNorm(shape.dim, eps=1e-5)
        self.linear1 = nn.Linear(shape.dim, shape.hidden, bias=False)
        self.linear2 = nn.Linear(shape.hidden, shape.dim, bias=False)
        self.layer_scale_2 = LayerScale(shape.dim)

    def forward(self, x: Tensor, ring: AnyRing, at: Place) -> Tensor:
        """[slots, T, dim] to the same."""
        x = x + self.layer_scale_1(self.self_attn(self.norm1(x), ring, at))
        return x + self.layer_scale_2(self.linear2(F.gelu(self.linear1(self.norm2(x)))))  # type: ignore[no-any-return]


class CodecTransformer(nn.Module):
    """A transformer whose time axis is the last, as that of the convolutions around it."""

    def __init__(self, shape: CodecShape) -> None:
        super().__init__()
        stack = shape.transformer
        layers = (Layer(stack) for _ in range(stack.layers))
        self.transformer = Transformer(layers, stack.heads, stack.dim, shape.context)

    def fresh(self, slots: int, at_once: int) -> TransformerState:
        """A state of `slots` fresh slots, for calls of up to `at_once` positions."""
        # The last position of a call is written before the first one looks back: the ring has to hold both ends.
        return self.transformer.fresh(slots, self.transformer.context + at_once - 1)

    def forward(self, x: Tensor, state: TransformerState, live: Tensor) -> Tensor:
        """[slots, dim, T] to the same. ValueError where the state is for calls of fewer positions."""
        must_fit(x.shape[-1], state, self.transformer.context)
        return self.transformer(x.transpose(1, 2), state, live).transpose(1, 2)  # type: ignore[no-any-return]


def must_fit(positions: int, state: TransformerState, context: int) -> None:
    """Refuse positions of which the first would miss what the last have overwritten."""
    at_once = state.rings[0].keys.shape[2] - context + 1
    if positions > at_once:
        raise ValueError(
            f"{positions} positions at once, for which the state holds {at_once}: ask for more frames"
        )
