"""What the user's microphone makes of our own sound, learned as it goes: how loud it is in each band, and how it rings.

The model knows powers, no phases. So it also holds for a loudspeaker that distorts, a codec, a clock that drifts and a
room that somebody walks through, where a linear canceller would have to learn anew.
"""

import numpy as np
import numpy.typing as npt

from gateway.session.reel import THIN_RATE, Thin

WINDOW = 256
"""Thin samples of one spectrum, 32 ms: harmonics of a voice stand apart, so that two voices at once do too."""

BLOCK = THIN_RATE // 50
"""Thin samples of one decision, 20 ms."""

FIRST_BIN, LAST_BIN, BINS_PER_BAND = 8, 120, 8
"""Bins of 31.25 Hz from 250 to 3,750 Hz, in 14 bands of 250 Hz."""

BANDS = (LAST_BIN - FIRST_BIN) // BINS_PER_BAND

RINGING = 0.6
"""Of the echo's power that is still there 20 ms later: it falls by 60 dB within 0.54 s, as in a living room."""

MARGIN = 15.0
"""12 dB: by so much a bin of the echo may exceed what is expected and still be echo. Narrow bins of reverberant sound
vary like noise."""

YOUNG, DOUBT = 25, 2.0
"""Until half a second of echo has been heard the margin is so many times as wide. What a band does is hardly known
then: of a loud loudspeaker that distorts, one beginning in three was taken for a voice."""

EXPLAINED = 0.05
"""A block of which less than this share is unexplained is echo."""

NOISE_MARGIN = 8.0
NOISE_RISE = 1.02
"""The noise is the least that a bin held of late; a louder one is believed within seconds (4 dB each)."""

NOISE_SHARE = 0.2
"""Where less than this share of a block stands out of the noise nothing is heard in it."""

SMOOTHING = 0.2
"""Weight of the newest spectrum in the noise's estimate."""

LESSON = 4
"""Blocks of echo, 80 ms, from which the loudness in each band is learned at once."""

FORGETTING = 0.85
"""What an older lesson weighs less than the next: the loudness is that of the last half second of echo."""

SPREAD = 10.0
"""Until a band has been heard, it may be so many times louder or weaker than all bands together."""

LEAST_SHARE = 0.03
"""A band is never taken for weaker than this share (-15 dB) of all together, however little was heard in it."""

LEAST_POWER = 1e-9
"""Far below that of a single bit."""

Powers = npt.NDArray[np.floating]
"""[bins]"""


def spectrum(sound: Thin) -> Powers:
    """The power in each bin of the last axis, `WINDOW` samples long."""
    bins = np.fft.rfft(sound * _TAPER)[..., FIRST_BIN:LAST_BIN]
    power: Powers = bins.real**2 + bins.imag**2
    return power


class EchoPath:
    """The way of our sound through loudspeaker, room, microphone and network."""

    def __init__(self, heard: Thin, sent: Thin, likeness: float) -> None:
        """Begin from a stretch that was recognised: what was heard, and what we had sent, sample by sample.

        Args:
            likeness: the share of the heard amplitude that is echo; the rest may be a user.
        """
        places = range(WINDOW, len(heard) + 1, BLOCK)
        heard_powers = spectrum(np.stack([heard[end - WINDOW : end] for end in places]))
        sent_powers = spectrum(np.stack([sent[end - WINDOW : end] for end in places]))
        self._ringing: Powers = np.zeros(LAST_BIN - FIRST_BIN, np.float32)
        expected = np.array([self._ring(power) for power in sent_powers])
        heard_bands = _banded(heard_powers.sum(0)) * likeness**2
        # A constant sound lies below all bands: then nothing is expected, and nothing explained.
        sent_bands = np.maximum(_banded(expected.sum(0)), LEAST_POWER)
        overall = float(heard_bands.sum() / sent_bands.sum())
        # Bands in which little was sent have yet to be heard: they begin from the mean of all.
        weight = float(sent_bands.mean()) * 0.3
        gains = (heard_bands + weight * overall) / (sent_bands + weight)
        gains = np.clip(gains, overall / SPREAD, overall * SPREAD)
        self._sent_energy = sent_bands + weight
        self._heard_energy = gains * self._sent_energy
        self._limits: Powers = self._limits_of(gains)
        self._lesson = np.zeros((2, LAST_BIN - FIRST_BIN), np.float32)
        """What was heard beyond noise, and sent, since the last lesson."""
        self._learned = 0
        self._smooth = heard_powers[-1]
        self._noise = heard_powers.min(0)

    @property
    def loudness(self) -> float:
        """Power of the echo to that of what was sent, ringing included."""
        return float(self._heard_energy.sum() / self._sent_energy.sum())

    def unexplained(self, heard: Powers, sent: Powers) -> float | None:
        """The share of what was heard that neither our echo nor noise explains, 0 to 1; None when it is all noise.

        Takes the spectra of each block in turn, whose last moments lie a `BLOCK` apart.
        """
        self._ring(sent)
        self._smooth = self._smooth + SMOOTHING * (heard - self._smooth)
        self._noise = np.minimum(self._noise * NOISE_RISE, self._smooth)
        doubt = DOUBT if self._learned < YOUNG else 1.0
        beyond_echo = heard - doubt * self._limits * self._ringing
        total = float(heard.sum())
        rest = float(np.maximum(beyond_echo, 0).sum())
        if rest < EXPLAINED * total:
            return rest / total
        noise = NOISE_MARGIN * self._noise
        signal = float(np.maximum(heard - noise, 0).sum())
        if signal < NOISE_SHARE * total:
            return None
        return float(np.maximum(beyond_echo - noise, 0).sum()) / signal

    def recall(self, sent: Thin) -> None:
        """The delay has changed: what rings is the end of `sent`."""
        for end in range(WINDOW, len(sent) + 1, BLOCK):
            self._ring(spectrum(sent[end - WINDOW : end]))

    def learn(self, heard: Powers) -> None:
        """The block that was judged last is nothing but echo: follow its loudness."""
        self._lesson[0] += np.maximum(heard - self._noise, 0)
        self._lesson[1] += self._ringing
        self._learned += 1
        if self._learned % LESSON == 0:
            heard_bands, sent_bands = _banded(self._lesson)
            self._lesson[:] = 0
            self._heard_energy = FORGETTING * self._heard_energy + heard_bands
            self._sent_energy = FORGETTING * self._sent_energy + sent_bands
            gains = self._heard_energy / self._sent_energy
            self._limits = self._limits_of(np.maximum(gains, self.loudness * LEAST_SHARE))

    @staticmethod
    def _limits_of(gains: Powers) -> Powers:
        """From each band's loudness: how much of what was sent may come back in each bin."""
        return np.repeat(MARGIN * gains, BINS_PER_BAND).astype(np.float32)

    def _ring(self, sent: Powers) -> Powers:
        """What of our sound is in the room now: the newest, spread to the bins beside, and what rings on."""
        spread = sent.copy()
        spread[1:] += sent[:-1]
        spread[:-1] += sent[1:]
        self._ringing = spread / 2 + RINGING * self._ringing
        return self._ringing


_TAPER = np.hanning(WINDOW).astype(np.float32)


def _banded(powers: Powers) -> Powers:
    bands: Powers = powers.reshape(*powers.shape[:-1], BANDS, BINS_PER_BAND).sum(-1)
    return bands
