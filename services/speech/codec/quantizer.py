"""The residual quantizer: a vector becomes codes, each for the entry nearest to what those before it left over."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from services.speech.codec.convolution import named
from services.speech.shapes import CODEBOOKS, CodecShape

SEMANTIC = 1
"""Codebooks of the first part, trained to tell what is said. The rest tell how it sounds."""


class Codebook(nn.Module):
    """The entries that a code stands for. The file has them as training left them: sums, and how many were summed."""

    embedding_sum: Tensor
    cluster_usage: Tensor
    entries: Tensor
    """[card, dim]. Worked out of the two above when they are loaded; a buffer, so that it goes where they go."""
    half_squares: Tensor
    """[card]: half of each entry's squared length."""

    def __init__(self, card: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("embedding_sum", torch.empty(card, dim))
        self.register_buffer("cluster_usage", torch.empty(card))
        self.register_buffer("entries", torch.empty(card, dim), persistent=False)
        self.register_buffer("half_squares", torch.empty(card), persistent=False)
        self.register_load_state_dict_post_hook(lambda codebook, incompatible: codebook.work_out())  # type: ignore[no-untyped-call]

    def work_out(self) -> None:
        """What follows from the tensors that were just loaded, or filled in."""
        self.entries = self.embedding_sum / self.cluster_usage.clamp(min=1e-5)[:, None]
        self.half_squares = self.entries.square().sum(-1) / 2

    def nearest(self, x: Tensor) -> Tensor:
        """[slots, T, dim] to the codes of the nearest entries, [slots, T], int64."""
        # Of |x - e|² what differs from entry to entry is |e|² - 2 x·e.
        return F.linear(x, self.entries, -self.half_squares).argmax(-1)

    def look_up(self, codes: Tensor) -> Tensor:
        """[slots, T] int64 to [slots, T, dim]."""
        return self.entries[codes]


class ResidualQuantizer(nn.Module):
    """Codebooks one after the other, in a space of their own."""

    def __init__(self, shape: CodecShape, codebooks: int) -> None:
        super().__init__()
        dim = shape.transformer.dim
        self.input_proj = nn.Conv1d(dim, shape.codebook_dim, kernel_size=1, bias=False)
        self.codebooks = [Codebook(shape.card, shape.codebook_dim) for _ in range(codebooks)]
        self.vq = named("layers", nn.ModuleList(named("_codebook", each) for each in self.codebooks))
        self.output_proj = nn.Conv1d(shape.codebook_dim, dim, kernel_size=1, bias=False)

    def encode(self, x: Tensor) -> Tensor:
        """[slots, dim, T] to [slots, codebooks, T], int64."""
        left = self.input_proj(x).transpose(1, 2)
        codes = []
        for codebook in self.codebooks:
            codes.append(codebook.nearest(left))
            left = left - codebook.look_up(codes[-1])
        return torch.stack(codes, dim=1)

    def decode(self, codes: Tensor) -> Tensor:
        """[slots, codebooks, T] int64 to [slots, dim, T]."""
        parts = zip(self.codebooks, codes.unbind(1), strict=True)
        found = torch.stack([codebook.look_up(code) for codebook, code in parts])
        return self.output_proj(found.sum(0).transpose(1, 2))  # type: ignore[no-any-return]


class Quantizer(nn.Module):
    """Two residual quantizers over the same vector: the semantic one, and that of the sound."""

    def __init__(self, shape: CodecShape) -> None:
        super().__init__()
        self.card = shape.card
        self.rvq_first = ResidualQuantizer(shape, SEMANTIC)
        # The file goes on to 32. What comes after the ones used takes part in nothing.
        self.rvq_rest = ResidualQuantizer(shape, CODEBOOKS - SEMANTIC)

    def encode(self, x: Tensor) -> Tensor:
        """[slots, dim, T] to [slots, CODEBOOKS, T], int64."""
        return torch.cat([self.rvq_first.encode(x), self.rvq_rest.encode(x)], dim=1)

    def decode(self, codes: Tensor) -> Tensor:
        """[slots, CODEBOOKS, T] int64 to [slots, dim, T]."""
        # A slot that is not live may hold what is no code, and an index out of range ends the GPU's whole process.
        codes = codes.clamp(0, self.card - 1)
        return self.rvq_first.decode(codes[:, :SEMANTIC]) + self.rvq_rest.decode(codes[:, SEMANTIC:])
