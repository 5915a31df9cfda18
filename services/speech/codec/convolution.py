"""Causal convolutions that stream: each keeps the last inputs of a slot, which its next outputs still depend on."""

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn


def named(name: str, module: nn.Module) -> nn.Sequential:
    """The module, its parameters one level deeper: the published names tell how the code was once nested."""
    return nn.Sequential(OrderedDict([(name, module)]))


def look_back(x: Tensor, before: Tensor, live: Tensor) -> Tensor:
    """Put what each slot had last before what it has now, and keep its new last.

    Args:
        x: [slots, channels, T].
        before: [slots, channels, reach], the state; changed in place.
        live: [slots], bool. The state of a slot that is not stays as it is.

    Returns:
        [slots, channels, reach + T].
    """
    joined = torch.cat([before, x], dim=-1)
    before.copy_(torch.where(live[:, None, None], joined[..., -before.shape[-1] :], before))
    return joined


class Convolution(nn.Module):
    """A convolution that sees no input later than its output. Silence comes before the first input."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, bias: bool = True) -> None:
        super().__init__()
        self.inputs = inputs
        self.reach = kernel - stride
        """Inputs before those of this call that its outputs depend on."""
        self.conv = named("conv", nn.Conv1d(inputs, outputs, kernel, stride, bias=bias))

    def fresh(self, slots: int) -> Tensor:
        """The state: [slots, inputs, reach], the last inputs."""
        return next(self.parameters()).new_zeros(slots, self.inputs, self.reach)

    def forward(self, x: Tensor, before: Tensor, live: Tensor) -> Tensor:
        """[slots, inputs, T] to [slots, outputs, T / stride]."""
        return self.conv(look_back(x, before, live))  # type: ignore[no-any-return]


class Transposed(nn.Module):
    """A transposed convolution. Each input lasts for two strides, so each output depends on an input and the last."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, groups: int = 1, bias: bool = True) -> None:
        super().__init__()
        self.inputs = inputs
        # This padding cuts a stride off both ends: there the first of the inputs is alone, and the last still is.
        convolution = nn.ConvTranspose1d(
            inputs, outputs, 2 * stride, stride, padding=stride, groups=groups, bias=bias
        )
        self.convtr = named("convtr", convolution)

    def fresh(self, slots: int) -> Tensor:
        """The state: [slots, inputs, 1], the last input."""
        return next(self.parameters()).new_zeros(slots, self.inputs, 1)

    def forward(self, x: Tensor, before: Tensor, live: Tensor) -> Tensor:
        """[slots, inputs, T] to [slots, outputs, T * stride]."""
        return self.convtr(look_back(x, before, live))  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class DownsampleState:
    """What `Downsample` remembers of each slot."""

    before: Tensor
    """[slots, dim, stride], the last inputs."""
    begun: Tensor
    """[slots], bool: whether there was any."""


class Downsample(nn.Module):
    """Makes one position of `stride` ones. The first input, not silence, comes before the first."""

    def __init__(self, dim: int, stride: int) -> None:
        super().__init__()
        self.conv = Convolution(dim, dim, 2 * stride, stride, bias=False)

    def fresh(self, slots: int) -> DownsampleState:
        """A state of `slots` fresh slots."""
        before = self.conv.fresh(slots)
        return DownsampleState(before, torch.zeros(slots, dtype=torch.bool, device=before.device))

    def forward(self, x: Tensor, state: DownsampleState, live: Tensor) -> Tensor:
        """[slots, dim, T] to [slots, dim, T / stride]."""
        begins = live & ~state.begun
        state.before.copy_(torch.where(begins[:, None, None], x[..., :1], state.before))
        state.begun.logical_or_(live)
        return self.conv(x, state.before, live)  # type: ignore[no-any-return]
