"""The sound of a quiet room, laid under what is recognised."""

import functools

import numpy as np

from services.transcriber.loudness import Samples

LEVEL = 100.0
"""Root mean square, in the units of PCM16: -50 dBFS, 35 dB below the voice. The acoustic model has never met silence as
clean as a synthesizer's, and makes words of it. On 50 unseen requests a voice (eSpeak NG's f2 and m3, flite's slt)
word errors are 0.26, 0.37 and 0.18 over white noise of half this level, 0.22, 0.23 and 0.19 over this; people's are as
many."""
LENGTH = 16 * 16_000
"""Samples at 16 kHz until it repeats."""
FLAT_BELOW = 50.0
"""Hz. Above it the power falls by 3 dB an octave, as in rooms: white noise as loud below covers a soft "s"."""


class Room:
    """A stretch of room noise without an end."""

    def __init__(self) -> None:
        self._at = 0

    def under(self, sound: Samples) -> Samples:
        """`sound`, with the room's next samples added."""
        places = np.arange(self._at, self._at + len(sound)) % LENGTH
        self._at += len(sound)
        mixed: Samples = sound + _noise()[places]
        return mixed


@functools.cache
def _noise() -> Samples:
    """[LENGTH], of which each repetition goes on from the one before."""
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=LENGTH))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.fft.rfftfreq(LENGTH, 1 / 16_000), FLAT_BELOW)))
    level: Samples = (LEVEL / noise.std() * noise).astype(np.float32)
    return level
