"""When somebody speaks: the rules over the voice activity model's probabilities, without I/O."""

from dataclasses import dataclass

VOICED = 0.5
"""At or above it a frame is speech."""
QUIET = 0.35
"""Below it a frame is none. In between the frame is what the one before it was, so that nothing flickers."""
FRAMES_TO_START = 2
"""64 ms: one frame alone is a click or a cough's first moment."""
FRAMES_TO_STOP = 5
"""160 ms: longer than the closure of a "t" or "k" inside a word, shorter than any pause that means something."""


@dataclass(frozen=True, slots=True)
class Began:
    """Speech began with frame `frame`."""

    frame: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Speech ended before frame `frame`."""

    frame: int


class Activity:
    """Takes one probability a frame, from 0 on, and tells where speech began and ended."""

    def __init__(self, speaking: bool = False) -> None:
        """`speaking`: whether speech is going on already."""
        self.speaking = speaking
        self._frame = 0
        self._run = 0
        """Frames in a row that speak against the present state."""

    def hear(self, probability: float) -> Began | Ended | None:
        """Take the next frame's probability of speech."""
        frame, self._frame = self._frame, self._frame + 1
        if self.speaking:
            self._run = self._run + 1 if probability < QUIET else 0
            if self._run == FRAMES_TO_STOP:
                self.speaking, self._run = False, 0
                return Ended(frame - FRAMES_TO_STOP + 1)
            return None
        against = probability >= (QUIET if self._run else VOICED)
        self._run = self._run + 1 if against else 0
        if self._run == FRAMES_TO_START:
            self.speaking, self._run = True, 0
            return Began(frame - FRAMES_TO_START + 1)
        return None
