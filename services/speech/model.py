"""The language model of the Moshi family, with the parameter names of its published files.

A frame of 80 ms has 17 tokens: one of text (what the agent is about to say), eight codes of the agent's voice, eight of
the user's. The temporal transformer reads a frame as the sum of its tokens' embeddings and writes one vector for what
comes next. From it the text token of the next frame is drawn; then the depformer, a small transformer with weights of
its own at each of eight steps, draws the agent's codes one after the other, each knowing those before it. The user's
codes are never drawn: they are heard.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from services.speech.linear import Linear, Weight, linear, to_8_bits
from services.speech.rings import AnyRing, Ring8
from services.speech.savings import Savings
from services.speech.shapes import CODEBOOKS, ModelShape, TransformerShape
from services.speech.transformer import Attention, Place, Transformer, join_heads, split_heads

Choose = Callable[[int, Tensor], Tensor]
"""Takes a step of the depformer and its logits [slots, card]; gives the codes [slots], int64."""


class Embedding(nn.Embedding):
    """Embeddings, of which a token below zero (`NO_INPUT`) has none."""

    def forward(self, tokens: Tensor) -> Tensor:
        """[...] int64 to [..., dim]."""
        known = tokens >= 0
        return super().forward(tokens.clamp(min=0)) * known[..., None]


class RMSNorm(nn.Module):
    """Root mean square norm, worked out in float32."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, 1, dim))

    def forward(self, x: Tensor) -> Tensor:
        """[slots, T, dim] to the same."""
        wide = x.float()
        scale = torch.rsqrt(1e-8 + wide.square().mean(-1, keepdim=True))
        return (wide * (self.alpha.float() * scale)).to(x.dtype)


class Gating(nn.Module):
    """A feed-forward part with a gate: half of its hidden values, through SiLU, scale the other half."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.linear_in = Linear(dim, 2 * hidden)
        self.linear_out = Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """[slots, T, dim] to the same."""
        gate, value = self.linear_in(x).chunk(2, dim=-1)
        return self.linear_out(F.silu(gate) * value)  # type: ignore[no-any-return]


class Layer(nn.Module):
    """A layer of the temporal transformer."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.norm1 = RMSNorm(shape.dim)
        self.self_attn = Attention(shape.dim, shape.heads)
        self.norm2 = RMSNorm(shape.dim)
        self.gating = Gating(shape.dim, shape.hidden)

    def forward(self, x: Tensor, ring: AnyRing, at: Place) -> Tensor:
        """[slots, T, dim] to the same."""
        x = x + self.self_attn(self.norm1(x), ring, at)
        return x + self.gating(self.norm2(x))  # type: ignore[no-any-return]


class StepAttention(nn.Module):
    """Attention of the depformer: each step has weights of its own, stacked in the file, and no position."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.dim, self.heads = dim, heads
        self.in_proj_weight: Weight = nn.Parameter(torch.empty(CODEBOOKS * 3 * dim, dim))
        self.out_proj = Linear(dim, CODEBOOKS * dim)

    def forward(self, x: Tensor, step: int, before: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Look at this step and those before it.

        Args:
            x: [slots, 1, dim].
            before: Keys and values of the steps before, each [slots, heads, 1, head_dim]; this step's are added.

        Returns:
            [slots, 1, dim].
        """
        query, key, value = split_heads(linear(x, self.in_proj_weight, _rows(step, 3 * self.dim)), self.heads)
        before.append((key, value))
        keys, values = (torch.cat(parts, dim=2) for parts in zip(*before, strict=True))
        seen = F.scaled_dot_product_attention(query, keys, values)
        return linear(join_heads(seen), self.out_proj.weight, _rows(step, self.dim))


def _rows(step: int, count: int) -> slice:
    """Of weights that are stacked by step, one step's."""
    return slice(step * count, (step + 1) * count)


class StepLayer(nn.Module):
    """A layer of the depformer."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.norm1 = RMSNorm(shape.dim)
        self.self_attn = StepAttention(shape.dim, shape.heads)
        self.norm2 = RMSNorm(shape.dim)
        self.gating = nn.ModuleList(Gating(shape.dim, shape.hidden) for _ in range(CODEBOOKS))

    def forward(self, x: Tensor, step: int, before: list[tuple[Tensor, Tensor]]) -> Tensor:
        """[slots, 1, dim] to the same."""
        x = x + self.self_attn(self.norm1(x), step, before)
        return x + self.gating[step](self.norm2(x))  # type: ignore[no-any-return]


class Depformer(nn.Module):
    """The small transformer over the codes of one frame. It remembers nothing from one frame to the next."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.layers = nn.ModuleList(StepLayer(shape) for _ in range(shape.layers))


class Model(nn.Module):
    """The whole language model. `stepping` runs it frame by frame."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        dim, small = shape.temporal.dim, shape.depformer.dim
        self.emb = nn.ModuleList(Embedding(shape.card + 1, dim) for _ in range(2 * CODEBOOKS))
        self.text_emb = Embedding(shape.text_card + 1, dim)
        layers = (Layer(shape.temporal) for _ in range(shape.temporal.layers))
        self.transformer = Transformer(layers, shape.temporal.heads, dim, shape.context)
        self.out_norm = RMSNorm(dim)
        self.text_linear = Linear(dim, shape.text_card)
        self.depformer_in = nn.ModuleList(Linear(dim, small) for _ in range(CODEBOOKS))
        self.depformer_text_emb = Embedding(shape.text_card + 1, small)
        self.depformer_emb = nn.ModuleList(Embedding(shape.card + 1, small) for _ in range(CODEBOOKS - 1))
        self.depformer = Depformer(shape.depformer)
        self.linears = nn.ModuleList(Linear(small, shape.card) for _ in range(CODEBOOKS))

    def shrink(self, savings: Savings) -> None:
        """Take less memory from now on. States that were made before are of the form that they had."""
        if savings.weights == "int8":
            to_8_bits(self)
        if savings.kv == "int8":
            self.transformer.ring = Ring8

    def embed(self, tokens: Tensor) -> Tensor:
        """[slots, streams, T] int64 to [slots, T, dim]."""
        text, *codes = tokens.unbind(1)
        first, *others = (embedding(each) for embedding, each in zip(self.emb, codes, strict=True))
        # In the order in which the reference adds: float32 sums, and so greedy tokens, depend on it.
        return sum(others, start=first) + self.text_emb(text)  # type: ignore[no-any-return]

    def text_logits(self, hidden: Tensor) -> Tensor:
        """What the temporal transformer wrote [slots, dim] to logits of the next text token [slots, text_card]."""
        return self.text_linear(hidden)  # type: ignore[no-any-return]

    def draw_codes(self, hidden: Tensor, text: Tensor, choose: Choose) -> Tensor:
        """Draw the agent's codes one after the other.

        Args:
            hidden: [slots, dim], what the temporal transformer wrote.
            text: [slots], int64: the text token of the same frame.
            choose: Draws, or puts in what is forced: a forced code is known to the steps after it.

        Returns:
            [slots, CODEBOOKS], int64.
        """
        known: list[list[tuple[Tensor, Tensor]]] = [[] for _ in self.depformer.layers]
        codes: list[Tensor] = []
        for step in range(CODEBOOKS):
            token = self.depformer_emb[step - 1](codes[-1]) if codes else self.depformer_text_emb(text)
            x = (self.depformer_in[step](hidden) + token)[:, None]
            for layer, before in zip(self.depformer.layers, known, strict=True):
                x = layer(x, step, before)
            codes.append(choose(step, self.linears[step](x[:, 0])))
        return torch.stack(codes, dim=1)
