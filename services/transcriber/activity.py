"""When somebody speaks: the rules over the voice activity model's probabilities, without I/O."""

from dataclasses import dataclass

VOICED = 0.5
"""At or above it a frame is speech."""
HINT = 0.1
"""At or above it a frame that comes right before a voiced one is where the voice began. It also makes one voiced frame
enough to tell so: 0.1 and then 0.9 is how an "s" and its vowel begin, a click is 0.9 between zeros."""
QUIET = 0.35
"""Below it a frame is no speech while speech goes on. Lower than `VOICED`, so that nothing flickers."""
FRAMES_TO_STOP = 4
"""128 ms: longer than the closure of a "t" or "k" inside a word, shorter than any pause that means something."""
FRAMES_LATE = 2
"""The model notices an end so much later than the sound's energy shows it: 47 to 105 ms in the median of 12 people's
recordings and 120 of synthesizers."""


@dataclass(frozen=True, slots=True)
class Began:
    """Speech began with frame `frame`."""

    frame: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Speech ended before frame `frame`."""

    frame: int


class Activity:
    """Takes one probability a frame of 32 ms, from 0 on, and tells where speech began and ended."""

    def __init__(self, speaking: bool = False) -> None:
        """`speaking`: whether speech is going on already."""
        self.speaking = speaking
        self._frame = 0
        self._began = 0
        self._before = 0.0
        """The probability of the frame before."""
        self._quiet = 0
        """Quiet frames in a row."""

    def hear(self, probability: float) -> Began | Ended | None:
        """Take the next frame's probability of speech."""
        frame, self._frame = self._frame, self._frame + 1
        before, self._before = self._before, probability
        if self.speaking:
            return self._go_on(frame, probability)
        if probability < VOICED or before < HINT:
            return None
        self.speaking, self._quiet, self._began = True, 0, frame - 1
        return Began(frame - 1)

    def _go_on(self, frame: int, probability: float) -> Ended | None:
        self._quiet = self._quiet + 1 if probability < QUIET else 0
        if self._quiet < FRAMES_TO_STOP:
            return None
        self.speaking = False
        last = frame - FRAMES_TO_STOP
        return Ended(max(last + 1 - FRAMES_LATE, self._began + 1))
