"""For a GPU that is too small: layers whose weights stay in the host's memory and are sent over for each frame.

Each costs its weights' way over the bus, every frame: 400 MB at 7B. So a few of the 32 can make a model fit, and all of
them make it slower than real time; the server measures at start what came of it, and says so.
"""

import copy

import torch
from torch import Tensor, nn

from services.speech.model import Model
from services.speech.rings import AnyRing
from services.speech.transformer import Place


class Sent(nn.Module):
    """A layer whose weights are in the host's memory."""

    def __init__(self, layer: nn.Module, stage: nn.Module) -> None:
        """Args:
        stage: A layer like it on the device, whose weights are any.
        """
        super().__init__()
        # In a list, so that they are no parameters of ours: those are moved with a module.
        self._host = [_pinned(parameter.data) for parameter in layer.parameters()]
        self.stage = stage

    @property
    def nbytes(self) -> int:
        """That are sent over for each frame."""
        return sum(weights.nbytes for weights in self._host)

    def forward(self, x: Tensor, ring: AnyRing, at: Place) -> Tensor:
        """[slots, T, dim] to the same."""
        for there, here in zip(self.stage.parameters(), self._host, strict=True):
            there.copy_(here, non_blocking=True)
        return self.stage(x, ring, at)  # type: ignore[no-any-return]


def place(model: Model, device: torch.device, sent: int) -> None:
    """Put a model that was loaded on the CPU onto a device, but for the last `sent` layers of its transformer."""
    layers = model.transformer.layers
    if sent:
        stage = copy.deepcopy(layers[-1]).to(device)
        for index in range(len(layers) - sent, len(layers)):
            layers[index] = Sent(layers[index], stage)
    model.to(device)


def sent_bytes(model: Model) -> int:
    """What is sent over for each frame."""
    return sum(layer.nbytes for layer in model.transformer.layers if isinstance(layer, Sent))


def _pinned(weights: Tensor) -> Tensor:
    # Only from pinned memory does a copy go on by itself; off a GPU there is none.
    return weights.pin_memory() if torch.cuda.is_available() else weights
