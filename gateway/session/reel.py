"""The last seconds of a sound, thinned to 8 kHz and laid on the session clock."""

import numpy as np
import numpy.typing as npt

from gateway.session.clock import RATE

THIN = 3
"""Samples of the session clock to one of thin sound."""

THIN_RATE = RATE // THIN
"""Speech is told apart by what lies below 4 kHz, and a third of the samples is a third of the work."""

Thin = npt.NDArray[np.int16]
"""[samples] at `THIN_RATE`."""


class Thinner:
    """Takes PCM16 in pieces of any length and gives it thinned.

    The mean of three samples is a poor low-pass, but cheap; what folds back is folded alike in both sounds that are
    compared.
    """

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.int16)

    def push(self, pcm: bytes) -> Thin:
        """What is known by now: at most two samples wait for the next piece."""
        sound = np.frombuffer(pcm, dtype="<i2")
        if len(self._rest):
            sound = np.concatenate((self._rest, sound))
        whole = len(sound) // THIN * THIN
        self._rest = sound[whole:]
        # Widened at once and added in place: each frame of either side comes through here.
        wide = sound[:whole].astype(np.int32)
        thin = wide[0::THIN] + wide[1::THIN]
        thin += wide[2::THIN]
        thin //= THIN
        return thin.astype(np.int16)

    def clear(self) -> None:
        """What comes next does not go on with what came."""
        self._rest = self._rest[:0]


class Reel:
    """A ring of thin sound, read by time (in thin samples of the session clock). What was not written is silence."""

    def __init__(self, length: int) -> None:
        self.end = 0
        """Where the newest sound ends."""
        self._ring = np.zeros(length, np.int16)

    def write(self, start: int, sound: Thin) -> None:
        """Lay `sound` at `start`, which lies at or behind the end; what lies between is silence."""
        gap = min(start - self.end, len(self._ring))
        if gap > 0:
            self._lay(start - gap, np.zeros(gap, np.int16))
        kept = sound[-len(self._ring) :]
        self._lay(start + len(sound) - len(kept), kept)
        self.end = start + len(sound)

    def read(self, start: int, end: int) -> Thin:
        """What sounded from `start` to `end`; silence where nothing did, or nobody knows any more."""
        sound = np.zeros(end - start, np.int16)
        first, last = max(start, self.end - len(self._ring), 0), min(end, self.end)
        if first < last:
            place, until = first % len(self._ring), (last - 1) % len(self._ring) + 1
            known = sound[first - start : last - start]
            if place < until:
                known[:] = self._ring[place:until]
            else:
                head = len(self._ring) - place
                known[:head], known[head:] = self._ring[place:], self._ring[:until]
        return sound

    def _lay(self, start: int, sound: Thin) -> None:
        place = start % len(self._ring)
        head = len(self._ring) - place
        self._ring[place : place + len(sound)] = sound[:head]
        if len(sound) > head:
            self._ring[: len(sound) - head] = sound[head:]
