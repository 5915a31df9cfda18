"""SEANet (arXiv 2009.02095): the convolutions between samples and the positions of the codec's transformers."""

from collections.abc import Iterable

from torch import Tensor, nn

from services.speech.codec.convolution import Convolution, Transposed, named
from services.speech.shapes import CodecShape

FIRST_KERNEL, RESIDUAL_KERNEL, LAST_KERNEL = 7, 3, 3
"""Inputs that a convolution sees: the first of either way, those within a block, the last."""


class Residual(nn.Module):
    """A block that adds to its input what two convolutions make of it. The second sees one input at a time."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = channels // 2
        look = Convolution(channels, narrow, RESIDUAL_KERNEL)
        widen = named("conv", named("conv", nn.Conv1d(narrow, channels, kernel_size=1)))
        self.block = nn.ModuleList([nn.ELU(), look, nn.ELU(), widen])

    def fresh(self, slots: int) -> Tensor:
        """The state, that of the first convolution."""
        _, look, _, _ = self.block
        return look.fresh(slots)  # type: ignore[no-any-return,operator]

    def forward(self, x: Tensor, before: Tensor, live: Tensor) -> Tensor:
        """[slots, channels, T] to the same."""
        first, look, second, widen = self.block
        return x + widen(second(look(first(x), before, live)))  # type: ignore[no-any-return]


LooksBack = Convolution | Transposed | Residual


class Stack(nn.Module):
    """Layers one after the other."""

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.model = nn.ModuleList(layers)

    def fresh(self, slots: int) -> list[Tensor]:
        """The state: the last inputs of each layer that looks back."""
        return [layer.fresh(slots) for layer in self.model if isinstance(layer, LooksBack)]

    def forward(self, x: Tensor, state: list[Tensor], live: Tensor) -> Tensor:
        """[slots, channels, T] to [slots, channels, T], both others: see `encoder` and `decoder`."""
        before = iter(state)
        for layer in self.model:
            x = layer(x, next(before), live) if isinstance(layer, LooksBack) else layer(x)
        return x


def encoder(shape: CodecShape) -> Stack:
    """Takes [slots, 1, samples], gives [slots, dim, positions]."""
    channels = shape.filters
    layers: list[nn.Module] = [Convolution(1, channels, FIRST_KERNEL)]
    for ratio in reversed(shape.ratios):
        layers += [Residual(channels), nn.ELU(), Convolution(channels, 2 * channels, 2 * ratio, ratio)]
        channels *= 2
    return Stack([*layers, nn.ELU(), Convolution(channels, shape.transformer.dim, LAST_KERNEL)])


def decoder(shape: CodecShape) -> Stack:
    """Takes [slots, dim, positions], gives [slots, 1, samples]."""
    channels = shape.filters * 2 ** len(shape.ratios)
    layers: list[nn.Module] = [Convolution(shape.transformer.dim, channels, FIRST_KERNEL)]
    for ratio in shape.ratios:
        layers += [nn.ELU(), Transposed(channels, channels // 2, ratio), Residual(channels // 2)]
        channels //= 2
    return Stack([*layers, nn.ELU(), Convolution(channels, 1, LAST_KERNEL)])
