"""Sound as the engine has it, and what stands between it and the wire."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""[samples], mono, 24 kHz, full scale is 1."""


class BadSound(ValueError):
    """The peer's sound cannot be understood, nor what follows; `code` is for its client, the message says what came."""

    code = "bad_sound"


class SoundReader(Protocol):
    """The peer's bytes to sound."""

    def read(self, data: bytes) -> Samples:
        """All sound that is whole with these bytes; the bytes may be cut anywhere, and the sound is the same.

        Raises:
            BadSound: now, and at every later call.
        """
        ...


class SoundWriter(Protocol):
    """Sound to bytes for the peer."""

    def write(self, frame: Samples) -> bytes:
        """The next frame of 1,920 samples, ready to be sent; with the first comes what the stream begins with."""
        ...
