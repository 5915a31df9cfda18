"""Loudness as ITU-R BS.1770-4 and EBU Tech 3341 measure it, here of one channel.

Their test signals are stereo; each channel alone is 3.01 LU quieter.
"""

import numpy as np
import pyloudnorm
import pytest

from services.speech.errors import VoiceBroken
from services.speech.loudness import even
from services.speech.samples import Samples
from services.speech.shapes import SAMPLE_RATE

MONO = 10 * np.log10(2)


def tone(*parts: tuple[float, float]) -> Samples:
    """1 kHz, in parts of dBFS and seconds."""
    levels = np.concatenate([np.full(round(s * SAMPLE_RATE), 10 ** (dbfs / 20)) for dbfs, s in parts])
    return np.asarray(levels * np.sin(2 * np.pi * 1000 * np.arange(len(levels)) / SAMPLE_RATE), np.float32)


def gain(sound: Samples) -> float:
    """dB by which `even` raises it."""
    at = np.argmax(np.abs(sound))
    return float(20 * np.log10(even(sound)[at] / sound[at]))


@pytest.mark.parametrize(
    ("sound", "lufs"),
    [
        (tone((-23, 20)), -23),
        (tone((-33, 20)), -33),
        (tone((-36, 10), (-23, 60), (-36, 10)), -23),
        (tone((-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)), -23),
        (tone((-26, 20), (-20, 20.1), (-26, 20)), -23),
    ],
    ids=["1", "2", "3", "4", "5"],
)
def test_the_signals_of_ebu_tech_3341_measure_as_they_should(sound: Samples, lufs: float) -> None:
    assert gain(sound) == pytest.approx(-24 - (lufs - MONO), abs=0.1)  # The document's own tolerance.


def test_a_voice_is_made_as_loud_as_the_model_s_own() -> None:
    loud = even(tone((-9, 3)))
    assert pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(loud.astype(np.float64)) == pytest.approx(-24)
    assert loud.dtype == np.float32


def test_silence_cannot_be_made_louder() -> None:
    with pytest.raises(VoiceBroken, match="silent"):
        even(np.zeros(SAMPLE_RATE, np.float32))


def test_too_short_a_sound_cannot_be_measured() -> None:
    with pytest.raises(VoiceBroken, match=r"lasts 0\.30 s; 0\.4 s are the least"):
        even(tone((-20, 0.3)))
