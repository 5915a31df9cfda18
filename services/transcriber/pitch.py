"""Whether a voice stays up where it pauses, as of one who goes on.

Who ends a phrase lets the pitch fall: people's commands end 2.5 to 6 semitones below their middle, eSpeak's phrases
3 to 6. Who pauses in its midst keeps it up (Gravano and Hirschberg, "Turn-taking cues in task-oriented dialogue",
2011). A question may end high as well, so this alone decides nothing.
"""

from collections import deque

import numpy as np
import numpy.typing as npt

from services.transcriber.loudness import Samples

RATE = 16_000
WINDOW = 1024
"""64 ms: four periods of a low voice."""
HOP = 256
LOWEST, HIGHEST = 65, 350
"""Hz between which voices lie."""
PERIODIC = 0.45
"""Autocorrelation from which a window is voiced."""
HUSHED = 1 / 300
"""A window this much weaker than the loudest (-25 dB) is room, or breath."""
LOUDEST_FORGETS = 0.999
REMEMBERED = 400
"""Voiced windows whose middle a voice is compared with: 6 s of voice."""
ENOUGH = 12
"""Voiced windows in which a fall can be told from chance."""
END = 8
"""Windows, 128 ms, over which the voice must rise …"""
LAST = 4
"""… and over which it must be near its middle."""
RISES = 0.1
"""Semitones a window."""
NEAR = -2.5
"""Semitones."""
ASTRAY = 9.0
"""What lies farther than so many semitones from the middle is an octave misheard."""

Semitones = npt.NDArray[np.float64]


class Pitch:
    """Follows the pitch of one turn."""

    def __init__(self) -> None:
        self._rest: Samples = np.empty(0, np.float32)
        self._loudest = 0.0
        self._voiced: deque[float] = deque(maxlen=REMEMBERED)
        """Semitones above 1 Hz."""

    def hear(self, sound: Samples) -> None:
        """The turn's sound goes on."""
        self._rest = np.concatenate((self._rest, sound))
        count = (len(self._rest) - WINDOW) // HOP + 1
        if count <= 0:
            return
        windows = np.lib.stride_tricks.sliding_window_view(self._rest, WINDOW)[: count * HOP : HOP]
        self._rest = self._rest[count * HOP :]
        centred = windows - windows.mean(1, keepdims=True)
        for energy, semitones in zip((centred**2).mean(1).tolist(), _pitches(centred), strict=True):
            self._loudest = max(self._loudest * LOUDEST_FORGETS, energy)
            if semitones and energy > self._loudest * HUSHED:
                self._voiced.append(semitones)

    def stays_up(self) -> bool:
        """Whether the voice, which has just paused, did not come down."""
        if len(self._voiced) < ENOUGH:
            return False
        voiced = np.array(self._voiced)
        middle = float(np.median(voiced))
        end = voiced[-END:]
        end = end[np.abs(end - middle) < ASTRAY]
        if len(end) <= LAST:
            return False
        slope = float(np.polyfit(np.arange(len(end)), end, 1)[0])
        return slope > RISES and float(end[-LAST:].mean()) - middle > NEAR


def _pitches(windows: npt.NDArray[np.float32]) -> list[float]:
    """Of each window its pitch in semitones above 1 Hz; 0 of one without any."""
    spectra = np.fft.rfft(windows * _TAPER, 2 * WINDOW)
    alike = np.fft.irfft(spectra.real**2 + spectra.imag**2)
    shortest, longest = RATE // HIGHEST, RATE // LOWEST
    periods = shortest + alike[:, shortest:longest].argmax(1)
    likeness = alike[np.arange(len(alike)), periods] / np.maximum(alike[:, 0], 1e-9)
    semitones: list[float] = np.where(likeness > PERIODIC, 12 * np.log2(RATE / periods), 0.0).tolist()
    return semitones


_TAPER = np.hanning(WINDOW).astype(np.float32)
