"""Sound as PCM16, little endian, mono, 24 kHz: for a peer that would rather send 384 kbit a second than encode."""

import numpy as np

from services.speech.opus.foreign import format_of
from services.speech.samples import BadSound, Samples

SCALE = 32_768
ENOUGH = 12
"""Bytes that tell a format by its name."""


class BadPcm16(BadSound):
    """It has the head of a file: played as PCM, that would be noise, and so would most of what follows."""

    code = "bad_pcm16"


class Pcm16Reader:
    """Bytes to sound. Held back is half a sample, and at the beginning the 12 bytes that could name another format."""

    def __init__(self) -> None:
        self._rest = b""
        self._begun = False
        self._refused: BadPcm16 | None = None

    def read(self, data: bytes) -> Samples:
        """All sound that is whole with these bytes, cut anywhere.

        Raises:
            BadPcm16: a file of another format begins. From then on every call raises the same.
        """
        if self._refused:
            raise self._refused
        data = self._rest + data
        if not self._begun and len(data) >= ENOUGH:
            self._begun = True
            if name := format_of(data[:ENOUGH]):
                self._refused = BadPcm16(f"{name} came, PCM16 without a head was wanted")
                raise self._refused
        whole = len(data) // 2 * 2 if self._begun else 0
        self._rest = data[whole:]
        return np.frombuffer(data[:whole], "<i2").astype(np.float32) / np.float32(SCALE)


class Pcm16Writer:
    """Sound to bytes; nothing is held back."""

    def write(self, frame: Samples) -> bytes:
        """A frame of any length. What is louder than full scale is cut off."""
        whole = np.clip(np.rint(frame * np.float32(SCALE)), -SCALE, SCALE - 1)
        return bytes(whole.astype("<i2").data)
