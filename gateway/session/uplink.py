"""The user's sound on its way to the listeners, laid on the session clock.

Sound comes in real time, in bursts (a file at once), late after a stall, or not at all. What leaves here is
gapless and in real time, so that engine, transcriber and rules agree on when something was said.
"""

from collections import deque

import numpy as np

from gateway.session.clock import BYTES, samples

MOST_AHEAD = samples(60_000)
"""A client may send this much more than time has passed."""

SLACK = samples(60)
"""Sound may be handed on this much early, so that jitter costs no delay."""

GAP = samples(500)
"""No sound for this long counts as silence."""

FORGET = samples(2000)
"""Sound that comes later than this after a gap is new, not late."""

HUSH = 200
"""Peak (of 32,767) below which a piece is silence; -44 dBFS."""


class BufferFull(Exception):
    """The client is more than 60 s ahead."""

    code = "input_audio_buffer_full"


class Uplink:
    """Takes PCM16 at the session's rate and gives it out in step with the session clock."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._queued = 0
        self._head: int | None = None
        """Session time of the next sample to leave."""
        self._position = 0
        """Samples that have left: the listeners' count."""
        self._marks: list[tuple[int, int]] = []
        """(position, session time) where the two were set against each other anew."""
        self._filled, self._filled_at = 0, 0
        """Silence put in for sound that may only be late."""

    @property
    def queued(self) -> int:
        """Samples that wait."""
        return self._queued

    def push(self, pcm: bytes, now: int) -> None:
        """Take sound from the client.

        Raises:
            BufferFull: nothing of `pcm` was taken.
        """
        count = len(pcm) // BYTES
        if self._queued + count > MOST_AHEAD:
            raise BufferFull
        if self._head is None:
            self._mark(now - min(count, samples(100)))
        if self._is_late(pcm, now):
            self._filled -= count
            return
        self._waiting.append(pcm)
        self._queued += count

    def due(self, now: int) -> bytes:
        """What leaves at `now`: sound, and silence where none came for a while."""
        if self._head is None:
            return b""
        out = self._take(min(self._queued, now + SLACK - self._head))
        if not self._queued and now - self._head >= GAP:
            silence = now - self._head
            self._filled, self._filled_at = self._filled + silence, now
            out += self._left(bytes(silence * BYTES))
        return out

    def flush(self, now: int) -> bytes:
        """Everything that waits, at once: the client says that its turn is over."""
        if self._head is None:
            return b""
        out = self._take(self._queued)
        if self._head > now + SLACK:
            # The burst ended in the future; what comes next is said now.
            self._mark(now)
        return out

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self._queued = 0

    def clock(self, position: int) -> int:
        """The session time of the listeners' sample `position`."""
        for start, at in reversed(self._marks):
            if position >= start:
                return at + position - start
        return 0

    @property
    def position(self) -> int:
        """How many samples have left: the listeners' count."""
        return self._position

    def _is_late(self, pcm: bytes, now: int) -> bool:
        """Whether a silent piece may be left out to make up for silence that was put in for it."""
        if not self._filled or now - self._filled_at > FORGET:
            self._filled = 0
            return False
        if self._queued < SLACK or self._filled < len(pcm) // BYTES:
            return False
        return int(np.abs(np.frombuffer(pcm, dtype="<i2").astype(np.int32)).max(initial=0)) < HUSH

    def _mark(self, at: int) -> None:
        self._head = at
        self._marks = [*self._marks[-7:], (self._position, at)]

    def _take(self, count: int) -> bytes:
        out, want = bytearray(), max(0, count) * BYTES
        while len(out) < want:
            piece = self._waiting.popleft()
            rest = want - len(out)
            if len(piece) > rest:
                self._waiting.appendleft(piece[rest:])
                piece = piece[:rest]
            out += piece
        self._queued -= len(out) // BYTES
        return self._left(bytes(out))

    def _left(self, pcm: bytes) -> bytes:
        count = len(pcm) // BYTES
        self._position += count
        if self._head is not None:
            self._head += count
        return pcm
