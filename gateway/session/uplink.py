"""The user's sound on its way to the listeners, laid on the session clock.

Sound comes in real time, in bursts (a file at once), late after a stall, a little too fast, or not at all. What leaves
here is gapless and in real time, so that engine, transcriber and rules agree on when something was said.
"""

from collections import deque
from dataclasses import dataclass

from gateway.session.clock import BYTES, samples
from gateway.session.pcm import peak, take

MOST_AHEAD = samples(60_000)
"""A client may send this much more than time has passed."""

SLACK = samples(60)
"""Sound may be handed on this much early, so that jitter costs no delay."""

REST = samples(40)
"""What would be left over of a client's chunk goes along. Where its first came late all others seem early, and the end
of each would wait."""

GAP = samples(500)
"""No sound for this long counts as silence."""

STEADY = samples(300)
"""Sound that comes behind the clock all this while is not late: less of it came than time has passed."""

SURPLUS_OVER = samples(2000)
"""What waits all this while, though sound comes in real time, is late for good; a client's clock may be too fast."""

REAL_TIME = 0.9, 1.1
"""So much sound in a second is no burst. Clocks of sound cards differ by 1 % at most."""

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


@dataclass(slots=True)
class Lag:
    """How far what leaves is behind the clock, in samples."""

    since: int
    first: int
    least: int


@dataclass(slots=True)
class Surplus:
    """Finds sound that waits for good. Counts samples, over spans of `SURPLUS_OVER`."""

    since: int
    came: int = 0
    least: int = MOST_AHEAD

    def look(self, queued: int, now: int) -> int:
        """What of the `queued` samples is known to be late for good, at the end of a span; else 0."""
        self.least = min(self.least, queued)
        span = now - self.since
        if span < SURPLUS_OVER:
            return 0
        in_real_time = REAL_TIME[0] * span <= self.came <= REAL_TIME[1] * span
        found = self.least if in_real_time and self.least > SLACK else 0
        self.since, self.came, self.least = now, 0, MOST_AHEAD
        return found


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
        self._lag: Lag | None = None
        self._surplus = Surplus(0)
        self._held = False
        """The client is away."""
        self._back_at = 0
        self._came_at = 0
        """When sound came last, or the client."""

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
            self._surplus.came += count
            return
        self._waiting.append(pcm)
        self._queued += count
        self._came_at = now
        self._surplus.came += count

    def due(self, now: int) -> bytes:
        """What leaves at `now`: sound, and silence where none came for a while."""
        if self._head is None:
            return b""
        out, early = b"", now + SLACK - self._head
        if self._queued and early > 0:
            out = self._take(self._queued if self._queued - early < REST else early)
            self._keep_up(now)
        if not self._queued and not self._held and now - max(self._head, self._came_at) >= self._patience:
            out += self._fill(now)
        self._owing = max(self._owing, self._surplus.look(self._queued, now))
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

    def hold(self) -> None:
        """The client is away: that nothing comes is no silence."""
        self._held = True

    def release(self, now: int) -> None:
        """The client is there again. What it kept meanwhile is heard at once; where nothing comes, time goes on."""
        self._held, self._back_at, self._came_at = False, now, now

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

    @property
    def _patience(self) -> int:
        """How long the next sound is awaited, from the last on."""
        assert self._head is not None, "sound sets the clock"
        # What the client kept while it was away is on its way: silence before it, or within, would cut a word.
        return MOST_LATE if self._head < self._back_at else GAP

    def _fill(self, now: int) -> bytes:
        """Silence up to now; none for the time in which the client was away."""
        assert self._head is not None, "sound sets the clock"
        if self._head < self._back_at:
            self._mark(self._back_at)
        silence = now - self._head
        self._owing, self._filled_at = min(self._owing + silence, MOST_LATE), now
        return self._leave(bytes(silence * BYTES))

    def _keep_up(self, now: int) -> None:
        """Set the clock anew where the client sends less than time passes: it paused briefly, or its clock is slow."""
        assert self._head is not None, "sound sets the clock"
        lag = now - self._head
        if self._lag is None or lag < self._lag.first - SLACK:
            # Where the lag shrinks the sound that is missing is on its way.
            self._lag = Lag(now, lag, lag)
        self._lag.least = min(self._lag.least, lag)
        if now - self._lag.since < STEADY:
            return
        if self._lag.least > SLACK:
            self._mark(self._head + self._lag.least)
        self._lag = None

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
