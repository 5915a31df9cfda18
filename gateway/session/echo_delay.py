"""How late does one sound come back in another: whitened cross-correlation."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from gateway.session.reel import THIN_RATE, Thin

BAND = (300.0, 3400.0)
"""Hz; what any microphone and telephone passes."""

SMOOTHING = 60.0
"""Hz over which the spectrum is smoothed before it is divided out. Narrow enough to take the pitch out as well, or
two voices of like pitch would look alike."""

HUSH = 1e-4
"""Of the strongest part of the spectrum (-40 dB): weaker parts are not raised to the others' height."""

NEAR = 40
"""Thin samples, 5 ms, around a peak that belong to it."""

LONGEST = 5120
"""Samples of one transform. A longer sound is searched in parts, which fit the processor's cache: a quarter faster."""

EDGE = 128
"""Samples at both ends of a part into which whitening smears the other end; parts overlap by as much."""

Spectrum = npt.NDArray[np.floating]
"""[bins]; single precision is enough, and twice as fast."""


@dataclass(frozen=True, slots=True)
class Match:
    """Where the heard sound fits the sent one best."""

    place: int
    """The sample of the sent sound at which the heard one begins."""
    likeness: float
    """0 to 1: the share of the heard sound's (whitened) amplitude that it explains."""
    rival: float
    """The same at the next best place."""


def best_match(sent: Thin, heard: Thin) -> Match | None:
    """Where `heard`, as a whole, lies in the longer `sent`; None when either is silent.

    After Knapp and Carter, "The generalized correlation method for estimation of time delay" (1976), but whitened by
    the heard sound's spectrum alone: the sent one holds much else.
    """
    size = min(LONGEST, transform_size(len(sent) + 2 * EDGE))
    heard_spectrum = np.fft.rfft(heard.astype(np.float32), size)
    power: Spectrum = heard_spectrum.real**2 + heard_spectrum.imag**2
    whitening = _whitening(power, size)
    energy = 2 * float(power @ whitening) / size
    root = np.sqrt(whitening)
    places, step = len(sent) - len(heard) + 1, size - len(heard) + 1 - 2 * EDGE
    sent_spectra = np.fft.rfft(_parts(sent, size, step, -(-places // step))) * root
    products = sent_spectra * (heard_spectrum.conj() * root)
    correlation = np.abs(_joined(np.fft.irfft(products, size), step)[:places])
    whitened = _joined(np.fft.irfft(sent_spectra, size), step)[: len(sent)]
    running = np.concatenate(([0.0], np.cumsum(whitened * whitened, dtype=np.float64)))
    energies = (running[len(heard) :] - running[: -len(heard)]).astype(np.float32)
    loudest = float(energies.max())
    if loudest <= 0 or energy <= 0:
        return None
    # Where the sent sound all but pauses chance would be raised to likeness.
    likeness = correlation / np.sqrt(energy * np.maximum(energies, loudest / 100))
    place = int(likeness.argmax())
    best = float(likeness[place])
    likeness[max(0, place - NEAR) : place + NEAR] = 0
    return Match(place, best, float(likeness.max()))


def _parts(sent: Thin, size: int, step: int, count: int) -> npt.NDArray[np.float32]:
    """[count, size]: what was sent, in parts that begin `step` samples apart, with `EDGE` of silence before it."""
    padded = np.zeros((count - 1) * step + size, np.float32)
    padded[EDGE : EDGE + len(sent)] = sent
    return sliding_window_view(padded, size)[::step]


def _joined(parts: npt.NDArray[np.floating], step: int) -> npt.NDArray[np.floating]:
    """The sound of which these are the parts, from the sample on at which it began."""
    return np.concatenate((parts[:, EDGE : EDGE + step].ravel(), parts[-1, EDGE + step :]))


@cache
def transform_size(least: int) -> int:
    """The smallest size from `least` on that has no prime factor above 5: a power of two may be a third longer."""
    size = least
    while True:
        rest = size
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return size
        size += 1


def _whitening(power: Spectrum, size: int) -> npt.NDArray[np.float32]:
    """One over the smoothed spectrum, within `BAND`."""
    half = max(1, round(SMOOTHING * size / THIN_RATE / 2))
    running = np.cumsum(np.pad(power, (half + 1, half), mode="edge"), dtype=np.float64)
    smooth = (running[2 * half + 1 :] - running[: -2 * half - 1]) / (2 * half + 1)
    floor = float(smooth.max()) * HUSH
    white: Spectrum = (_band(size) / (smooth + max(floor, 1e-9))).astype(np.float32)
    return white


@cache
def _band(size: int) -> npt.NDArray[np.bool_]:
    frequencies = np.fft.rfftfreq(size, 1 / THIN_RATE)
    return (frequencies > BAND[0]) & (frequencies < BAND[1])
