"""The agent's sound on its way to the user: paced in real time, and a ledger of what was heard.

Engines may give a whole answer at once; it leaves here at most `LEAD` ahead of the clock, so that a barge-in
finds little in flight and the words on the wire keep step with the sound.
"""

from collections import deque
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

from gateway.session.clock import BYTES, samples
from gateway.session.effects import HeardBasis
from gateway.session.events import Word

LEAD = samples(100)
"""How far sound may be ahead at the client. The contract allows 200 ms; ducking within 150 wants less."""

PIECE = samples(40)
"""Smallest piece worth a message, save the last of a turn."""

FADE = samples(10)
"""Cuts and resumptions are faded, or they click."""

KEPT_TURNS = 16
"""Ended turns that a late playback report may still correct."""

ROOM = samples(10_000)
"""Sound that may wait here; an engine that is further ahead is asked to wait."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A piece of an agent turn that leaves now, and the words that begin in it."""

    turn_id: UUID
    pcm: bytes
    words: tuple[Word, ...]


@dataclass(slots=True)
class Track:
    """One agent turn's sound and words. Positions in samples from its first sample."""

    turn_id: UUID
    words: list[Word] = field(default_factory=list)
    waiting: deque[bytes] = field(default_factory=deque)
    pushed: int = 0
    sent: int = 0
    told: int = 0
    """Words that have left."""
    first_sent_at: int | None = None
    whole: bool = False
    """The engine has given everything."""
    ended: bool = False
    reported: int | None = None
    """What the client says it has played."""

    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    def heard_text(self, heard: int) -> str:
        """The words of which at least half has sounded."""
        return " ".join(word.text for word in self.words if (word.start + word.end) // 2 <= heard)


class Playout:
    """Paces one agent turn at a time and remembers what of the last ones was heard."""

    def __init__(self, basis: HeardBasis = "synthesizer") -> None:
        self.basis: HeardBasis = basis
        """How word positions are known where the client reports nothing."""
        self.track: Track | None = None
        self._kept: deque[Track] = deque(maxlen=KEPT_TURNS)
        self._horizon = 0
        """Until when, on the session clock, what was sent will sound."""
        self._paused = False
        self._faded_in = True
        self._tail: Outgoing | None = None
        """The faded end of what sounds when the playout is paused."""

    def open(self, turn_id: UUID) -> None:
        """Begin a turn; the one before has ended."""
        self.track = Track(turn_id)
        self._paused, self._faded_in, self._tail = False, True, None

    def push(self, turn_id: UUID, pcm: bytes, words: tuple[Word, ...] = ()) -> bool:
        """Take sound (PCM16) and words from the engine; False when the turn is stale and they are dropped."""
        track = self.track
        if track is None or track.turn_id != turn_id:
            return False
        if pcm:
            track.waiting.append(pcm)
            track.pushed += len(pcm) // BYTES
        track.words.extend(words)
        return True

    def finish(self, turn_id: UUID) -> None:
        """The engine has given everything of the turn."""
        if self.track and self.track.turn_id == turn_id:
            self.track.whole = True

    @property
    def backlog(self) -> int:
        """Samples that wait to be sent."""
        return self.track.pushed - self.track.sent if self.track else 0

    def due(self, now: int) -> Outgoing | None:
        """What may leave at `now`, or None."""
        tail, self._tail = self._tail, None
        track = self.track
        if tail or track is None or self._paused:
            return tail
        left = track.pushed - track.sent
        room = max(self._horizon, now) - now
        count = min(left, LEAD - room)
        if count <= 0 or (count < PIECE and not (track.whole and count == left)):
            return None
        pcm = self._take(track, count)
        if not self._faded_in:
            pcm, self._faded_in = faded(pcm, rising=True), True
        if track.first_sent_at is None:
            track.first_sent_at = now
        self._horizon = max(self._horizon, now) + count
        track.sent += count
        words = [w for w in track.words[track.told :] if w.start < track.sent]
        track.told += len(words)
        return Outgoing(track.turn_id, pcm, tuple(words))

    def pause(self, now: int) -> int:
        """Fall quiet: nothing leaves until `resume`, but a last faded bit so that it does not click.

        Returns:
            When the user hears nothing more of what was sent, at the earliest `now`.
        """
        track = self.track
        if track is not None and not self._paused:
            self._paused, self._faded_in = True, False
            count = min(FADE, track.pushed - track.sent)
            if count and self._horizon > now:
                self._tail = Outgoing(track.turn_id, faded(self._take(track, count), rising=False), ())
                track.sent += count
                self._horizon += count
        return max(self._horizon, now)

    def resume(self) -> None:
        """Go on where it was."""
        self._paused = False

    def played_out(self, now: int) -> bool:
        """Whether the turn has sounded to its end."""
        track = self.track
        return bool(track and track.whole and track.sent == track.pushed and now >= self._horizon)

    def silent_since(self, now: int) -> bool:
        """Whether a turn that is not whole has nothing to send and nothing in flight."""
        track = self.track
        return bool(track and not track.whole and track.sent == track.pushed and now >= self._horizon)

    def heard(self, turn_id: UUID, now: int) -> tuple[int, str, HeardBasis]:
        """Samples and words of a turn that the user has heard by `now`, and how we know."""
        track = self._find(turn_id)
        if track is None:
            return 0, "", self.basis
        if track.reported is not None and track.ended:
            return track.reported, track.heard_text(track.reported), "client"
        in_flight = max(0, self._horizon - now) if track is self.track else 0
        estimate = max(0, track.sent - in_flight)
        if track.reported is not None and track.reported > estimate:
            return track.reported, track.heard_text(track.reported), "client"
        return estimate, track.heard_text(estimate), self.basis

    def end(self, turn_id: UUID) -> Track | None:
        """Close a turn: what waits of it is dropped, later pieces are stale."""
        track = self.track
        if track is None or track.turn_id != turn_id:
            return None
        track.ended = True
        track.waiting.clear()
        self._kept.append(track)
        self.track = self._tail = None
        return track

    def report(self, turn_id: UUID, heard: int) -> bool:
        """Note what the client has played; True when that corrects a turn that has ended."""
        track = self._find(turn_id)
        if track is None:
            return False
        # A client cannot have heard what was never sent.
        before, track.reported = track.reported, max(0, min(heard, track.sent))
        return track.ended and before != track.reported

    def _find(self, turn_id: UUID) -> Track | None:
        if self.track and self.track.turn_id == turn_id:
            return self.track
        return next((t for t in self._kept if t.turn_id == turn_id), None)

    @staticmethod
    def _take(track: Track, count: int) -> bytes:
        """`count` samples off the front of what waits."""
        out, want = bytearray(), count * BYTES
        while len(out) < want:
            piece = track.waiting.popleft()
            rest = want - len(out)
            if len(piece) > rest:
                track.waiting.appendleft(piece[rest:])
                piece = piece[:rest]
            out += piece
        return bytes(out)


def faded(pcm: bytes, rising: bool) -> bytes:
    """PCM16 with its first (rising) or last `FADE` samples faded linearly."""
    sound = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    count = min(FADE, len(sound))
    ramp = np.linspace(0.0, 1.0, count, dtype=np.float32)
    if rising:
        sound[:count] *= ramp
    else:
        sound[-count:] *= ramp[::-1]
    return sound.astype("<i2").tobytes()
