"""Cuts sound that comes in pieces of any size into the model's frames."""

from collections.abc import Iterator

import numpy as np

from services.speech.samples import Samples
from services.speech.shapes import FRAME_SAMPLES


class Framing:
    """What was heard of one call."""

    def __init__(self) -> None:
        self._rest: Samples = np.zeros(0, np.float32)

    def add(self, samples: Samples) -> Iterator[Samples]:
        """Take samples at 24 kHz; give the frames [FRAME_SAMPLES] that they make whole."""
        whole = np.concatenate([self._rest, samples])
        count = len(whole) // FRAME_SAMPLES
        self._rest = whole[count * FRAME_SAMPLES :]
        yield from whole[: count * FRAME_SAMPLES].reshape(count, FRAME_SAMPLES)
