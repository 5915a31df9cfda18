"""A loudspeaker, a room and a microphone, by which the agent's sound comes back to the gateway."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from gateway.session.clock import RATE, samples
from gateway.wires.realtime.formats import PHONE_RATE, compression, expansion

Sound = npt.NDArray[np.float64]
"""[samples] at the session's rate, in the units of PCM16."""


@dataclass(frozen=True, slots=True)
class Echo:
    """One way back."""

    delay_ms: float = 150
    level_db: float = -20
    """What comes back, against what was sent."""
    reverberation_ms: float = 0
    """In which the room's sound falls by 60 dB; 0 is a headset that leaks."""
    overdrive: float = 0
    """How many times too loud the loudspeaker is driven; what is too much for it is cut off."""
    telephone: bool = False
    """µ-law at 8 kHz."""
    drift_ppm: float = 0
    """How much faster the client's clock is."""

    def of(self, sent: Sound) -> Sound:
        """What comes back of `sent`, as long as it."""
        sound = sent
        if self.overdrive:
            sound = np.clip(sound * self.overdrive, -20_000, 20_000) / self.overdrive
        sound = _through(sound, _small_loudspeaker())
        if self.reverberation_ms:
            sound = _through(sound, _room(self.reverberation_ms))
        places = np.arange(len(sound))
        if self.drift_ppm:
            sound = np.interp(places * (1 + self.drift_ppm * 1e-6), places, sound)
        sound = np.pad(sound, (samples(self.delay_ms), 0))[: len(sent)] * 10 ** (self.level_db / 20)
        return _telephoned(sound) if self.telephone else sound


def noise(length: int, level: float, seed: int = 1) -> Sound:
    """`length` samples of hiss, of this RMS."""
    hiss: Sound = np.random.default_rng(seed).standard_normal(length) * level
    return hiss


def _small_loudspeaker() -> Sound:
    """An impulse response with little bass, few heights, and a colour of its own."""
    frequency = np.fft.rfftfreq(2048, 1 / RATE)
    bass = 1 / np.sqrt(1 + (250 / np.maximum(frequency, 1)) ** 4)
    heights = 1 / np.sqrt(1 + (frequency / 6000) ** 6)
    colour = 10 ** (3 * np.sin(frequency / 400) / 20)
    response: Sound = np.roll(np.fft.irfft(bass * heights * colour), 64)[:1024]
    return response


def _room(falls_within_ms: float) -> Sound:
    """The direct sound, and reflections 3 dB below it that die away."""
    count = samples(falls_within_ms)
    tail = np.random.default_rng(1).standard_normal(count) * 10 ** (-3 * np.arange(count) / count)
    tail[: samples(3)] = 0
    response: Sound = tail / np.sqrt(np.sum(tail**2)) * 10 ** (-3 / 20)
    response[0] = 1
    whole: Sound = response / np.sqrt(np.sum(response**2))
    return whole


def _through(sound: Sound, response: Sound) -> Sound:
    size = 1 << (len(sound) + len(response)).bit_length()
    whole: Sound = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)
    return whole[: len(sound)]


def _telephoned(sound: Sound) -> Sound:
    narrow = soxr.resample(sound, RATE, PHONE_RATE).round().clip(-32768, 32767).astype(np.int32)
    codes = compression("audio/pcmu")[narrow + 32768]
    wide: Sound = soxr.resample(expansion("audio/pcmu")[codes].astype(np.float64), PHONE_RATE, RATE)
    return np.pad(wide, (0, max(0, len(sound) - len(wide))))[: len(sound)]
