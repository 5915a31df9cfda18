"""Brings a voice to the loudness that the model knows its voices in."""

import numpy as np
import pyloudnorm

from services.speech.errors import VoiceBroken
from services.speech.samples import Samples
from services.speech.shapes import SAMPLE_RATE

TARGET = -24.0
"""LUFS (ITU-R BS.1770-4): PersonaPlex's voices were brought to it."""
SHORTEST_S = 0.4
"""The standard measures in blocks of so much."""


def even(sound: Samples) -> Samples:
    """Make a voice as loud as `TARGET`. Peaks may then leave -1 to 1: nothing is clipped, nor need it be.

    Raises:
        VoiceBroken: it is too short to be measured, or silent.
    """
    if len(sound) < SHORTEST_S * SAMPLE_RATE:
        raise VoiceBroken(f"the sound lasts {len(sound) / SAMPLE_RATE:.2f} s; {SHORTEST_S} s are the least")
    # The filter's poles lie near the unit circle: float32 would not do.
    loudness = pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(sound.astype(np.float64))
    if not np.isfinite(loudness):
        raise VoiceBroken("the sound is silent: below -70 LUFS throughout")
    return np.asarray(sound * 10 ** ((TARGET - loudness) / 20), np.float32)
