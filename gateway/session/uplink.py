"""The user's sound on its way to the listeners, laid on the session clock.

Sound comes in real time, in bursts (a file at once), late after a stall, or not at all. What leaves here is
gapless and in real time, so that engine, transcriber and rules agree on when something was said.
"""

from collections import deque

from gateway.session.clock import BYTES, samples
from gateway.session.pcm import peak, take

MOST_AHEAD = samples(60_000)
"""A client may send this much more than time has passed."""

SLACK = samples(60)
"""Sound may be handed on this much early, so that jitter costs no delay."""

GAP = samples(500)
"""No sound for this long counts as silence."""

STEADY = samples(300)
"""Sound that comes behind the clock all this while is not late: less of it came than time has passed."""

FIRST = samples(100)
"""The first piece is taken for sound of just now, unless it is longer than any client's chunk."""

MOST_LATE = samples(2000)
"""A connection that stalled for longer is lost; what comes then is new, not late."""

HUSH = 200
"""Peak (of 32,767) below which a piece is silence; -44 dBFS."""

HUSH_BELOW_VOICE = 1 / 16
"""A piece this much below the loudest of late is a pause in a noisy room; -24 dB."""

FADING = 0.98
"""What the loudest keeps with each piece: half after 0.7 s of 20 ms pieces."""

MARKS = 64
"""Places where position and clock were set against each other anew; a word is placed within seconds."""


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
        self._marks: deque[tuple[int, int]] = deque(maxlen=MARKS)
        """(position, session time) where the two were set against each other anew."""
        self._owing, self._filled_at = 0, 0
        """Silence put in for sound that may only be late, and when."""
        self._loudest = 0.0
        self._least_lag, self._lag_over = MOST_LATE, 0
        """How far the head has been behind the clock at least, and over how many samples."""

    @property
    def queued(self) -> int:
        """Samples that wait."""
        return self._queued

    @property
    def position(self) -> int:
        """How many samples have left: the listeners' count."""
        return self._position

    def push(self, pcm: bytes, now: int) -> None:
        """Take sound from the client.

        Raises:
            BufferFull: nothing of `pcm` was taken.
        """
        count = len(pcm) // BYTES
        if self._queued + count > MOST_AHEAD:
            raise BufferFull
        if self._head is None:
            self._mark(max(0, now - min(count, FIRST)))
        quiet = self._is_quiet(pcm)
        if self._queued < SLACK and now - self._filled_at > MOST_LATE:
            # What came since came on time: the gap was a silence.
            self._owing = 0
        if quiet and self._queued >= SLACK and count <= self._owing:
            # Late sound would stay late for ever, were not its pauses left out for the silence put in before.
            self._owing -= count
            return
        self._waiting.append(pcm)
        self._queued += count

    def due(self, now: int) -> bytes:
        """What leaves at `now`: sound, and silence where none came for a while."""
        if self._head is None:
            return b""
        out = self._take(max(0, min(self._queued, now + SLACK - self._head)))
        if out:
            self._keep_up(now - self._head, len(out) // BYTES)
        silence = now - self._head
        if not self._queued and silence >= GAP:
            self._owing, self._filled_at = min(self._owing + silence, MOST_LATE), now
            out += self._leave(bytes(silence * BYTES))
        return out

    def flush(self, now: int) -> bytes:
        """Everything that waits, at once: the client says that its turn is over."""
        if self._head is None:
            return b""
        before = self._head
        out = self._take(self._queued)
        if self._head > now + SLACK:
            # The burst ended in the future; what comes next is said now.
            self._mark(max(before, now))
        return out

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self._queued = 0

    def clock(self, position: int) -> int:
        """The session time of the listeners' sample `position`; it never falls as `position` grows."""
        until: int | None = None
        for start, at in reversed(self._marks):
            if position >= start:
                time = at + position - start
                # A burst that was flushed had its end when the client said so.
                return time if until is None else min(time, until)
            until = at
        return 0 if until is None else max(0, until - (self._marks[0][0] - position))

    def _keep_up(self, lag: int, count: int) -> None:
        """Set the clock anew where the client sends less than time passes: it paused briefly, or its clock is slow."""
        assert self._head is not None, "sound sets the clock"
        self._least_lag, self._lag_over = min(self._least_lag, lag), self._lag_over + count
        if self._lag_over < STEADY:
            return
        if self._least_lag > SLACK:
            self._mark(self._head + self._least_lag)
        self._least_lag, self._lag_over = MOST_LATE, 0

    def _is_quiet(self, pcm: bytes) -> bool:
        """Whether nothing is said in the piece."""
        loud = peak(pcm)
        self._loudest = max(loud, self._loudest * FADING)
        return loud < HUSH or loud < self._loudest * HUSH_BELOW_VOICE

    def _mark(self, at: int) -> None:
        self._head = at
        self._marks.append((self._position, at))

    def _take(self, count: int) -> bytes:
        self._queued -= count
        return self._leave(take(self._waiting, count))

    def _leave(self, pcm: bytes) -> bytes:
        assert self._head is not None, "sound sets the clock"
        count = len(pcm) // BYTES
        self._position += count
        self._head += count
        return pcm
