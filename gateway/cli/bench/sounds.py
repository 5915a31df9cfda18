"""Sounds that are no words: a hummed "mhm", and noise."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gateway.cli.waveforms import Pcm, trimmed
from gateway.session.clock import RATE, samples

Floats = npt.NDArray[np.float64]

HUM_RMS = 0.08
"""-22 dBFS, as loud as the synthesizers' vowels."""

HARMONICS = 18
NASAL = ((250.0, 80.0, 1.0), (1000.0, 150.0, 0.1), (2200.0, 250.0, 0.04))
"""Formants of an [m]: centre and bandwidth in Hz, gain. Nearly all of it lies in the murmur at 250 Hz."""

EDGE = samples(25)
"""A hum swells and dies away."""

BREATH_AT, BREATH = 0.42, 0.16
"""The "h" of "mhm": its place and width, as parts of the whole. The voice nearly stops there."""


def hum(ms: int, pitch_hz: float = 120.0) -> Pcm:
    """A nasal "m-hm" of so many milliseconds, its second part higher than its first."""
    count = samples(ms)
    part = np.arange(count) / count
    pitch = pitch_hz * np.where(part < BREATH_AT, 1.0 - 0.08 * part, 0.98 + 0.30 * (part - BREATH_AT))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    tone = np.zeros(count)
    for number in range(1, HARMONICS + 1):
        tone += _nasal(number * pitch) * np.sin(number * phase) / number
    breath = np.exp(-(((part - BREATH_AT) / (BREATH / 2)) ** 2))
    tone *= 1.0 - 0.85 * breath
    edge = np.minimum(1.0, np.arange(count) / EDGE)
    return _scaled(tone * edge * edge[::-1], HUM_RMS)


def pink(seconds: float, rms: float, seed: int = 1) -> Pcm:
    """Noise with as much power in each octave; `rms` of full scale."""
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    # Below 50 Hz no microphone of a computer hears anything.
    shaped = np.where(frequency >= 50, spectrum / np.sqrt(np.maximum(frequency, 50)), 0)
    return _scaled(np.fft.irfft(shaped, count), rms)


def babble(talks: Sequence[Pcm], seconds: float, rms: float) -> Pcm:
    """Several people who talk at once, each from another place of their talk on."""
    count = round(seconds * RATE)
    mixed = np.zeros(count)
    for number, talk in enumerate(talks):
        sound = np.resize(talk.astype(np.float64), count)
        mixed += np.roll(sound / max(1.0, np.sqrt(np.mean(sound**2))), count * number // len(talks))
    return _scaled(mixed, rms)


def loudness(pcm: Pcm) -> float:
    """RMS of full scale, from the first audible frame to the last."""
    heard = trimmed(pcm).astype(np.float64) / 32768
    return float(np.sqrt(np.mean(heard**2))) if len(heard) else 0.0


def _nasal(frequency: Floats) -> Floats:
    """The gain of the closed mouth at each frequency."""
    gain = np.zeros_like(frequency)
    for centre, width, peak in NASAL:
        gain += peak / (1.0 + ((frequency - centre) / width) ** 2)
    return gain


def _scaled(sound: Floats, rms: float) -> Pcm:
    sound = sound * (rms / max(1e-9, float(np.sqrt(np.mean(sound**2)))))
    return np.clip(np.round(sound * 32768), -32768, 32767).astype(np.int16)
