"""The agent's sound on its way to the user: paced in real time, and a ledger of what was heard.

Engines may give a whole answer at once; it leaves here at most `LEAD` ahead of the clock, so that a barge-in
finds little in flight and the words on the wire keep step with the sound. A client whose connection broke goes on
where its sound broke off.
"""

from collections import deque
from dataclasses import dataclass
from uuid import UUID

from gateway.session.clock import BYTES, samples
from gateway.session.effects import HeardBasis
from gateway.session.events import Word
from gateway.session.pcm import FADE, faded, take
from gateway.session.track import Track

LEAD = samples(60)
"""How far sound may be ahead at the client: what is there already sounds on when the agent is to fall quiet. It
covers two late ticks; a client on a rough network has a buffer of its own. The contract allows 200 ms."""

FRAME_LEAD = samples(160)
"""The same for an engine that speaks in real time. It gets ahead only where something stalled for as long and the
client's sound ran out meanwhile: what came late would stay late until the turn ends, were it held back here."""

PIECE = samples(20)
"""Smallest piece worth a message, save the last of a turn: one a tick. Of an engine in real time the rest of a frame is
worth one too, or it would wait for the next frame."""

REST = samples(40)
"""What is left over when a frame of an engine in real time is sent goes along, or each frame's end would wait."""

CLAUSE = samples(1000)
"""How much more of a filler is said for the sake of its clause, when the result is there."""

CLAUSE_ENDS = (".", ",", ";", ":", "!", "?", "…")

KEPT_TURNS = 16
"""Ended turns that a late playback report may still correct."""

ROOM = samples(10_000)
"""Sound that may wait here; an engine that is further ahead is asked to wait."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A piece of an agent turn that leaves now, and the words that begin in it."""

    turn_id: UUID
    start: int
    """Its place in the turn's sound. It lies behind that of the piece before when the sound was rewound."""
    pcm: bytes
    words: tuple[Word, ...]

    @property
    def end(self) -> int:
        return self.start + len(self.pcm) // BYTES


class Playout:
    """Paces one agent turn at a time and remembers what of the last ones was heard."""

    def __init__(self, basis: HeardBasis = "synthesizer", lead: int = LEAD) -> None:
        self._lead = lead
        self._usual: HeardBasis = basis
        self.basis: HeardBasis = basis
        """How the last turn's word positions are known where the client reports nothing."""
        self.track: Track | None = None
        self._kept: deque[Track] = deque(maxlen=KEPT_TURNS)
        self._horizon = 0
        """Until when, on the session clock, what was sent will sound."""
        self._paused = False
        self._fade_out = False
        """A last bit, falling to silence, is still to leave."""
        self._fade_in = False
        self._halted_at: int | None = None
        """Since when nobody is there to hear it."""

    def open(self, turn_id: UUID, basis: HeardBasis | None = None) -> None:
        """Begin a turn, whose word positions are known by `basis` if not as usual; the one before has ended."""
        self.basis = basis or self._usual
        self.track = Track(turn_id, self.basis)
        self._paused = self._fade_out = self._fade_in = False

    def knows(self, turn_id: UUID) -> bool:
        """Whether this turn was opened, of late."""
        return self._find(turn_id) is not None

    def push(self, turn_id: UUID, pcm: bytes, words: tuple[Word, ...] = ()) -> bool:
        """Take sound (PCM16) and words from the engine; False when the turn is stale and they are dropped."""
        track = self.track
        if track is None or track.turn_id != turn_id or track.trimmed:
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
        return self.track.left if self.track else 0

    def due(self, now: int) -> Outgoing | None:
        """What may leave at `now`, or None."""
        track = self.track
        if track is None or self._halted_at is not None:
            return None
        if self._fade_out:
            self._fade_out = False
            return self._send(track, min(FADE, track.left), now, fade_out=True)
        if self._paused:
            return None
        count = min(track.left, self._lead - max(0, self._horizon - now))
        if count >= PIECE and track.left - count < REST:
            count = track.left
        is_last = track.whole and count == track.left and (count or track.told < len(track.words))
        is_rest = self._lead == FRAME_LEAD and count == track.left > 0
        return self._send(track, count, now) if count >= PIECE or is_last or is_rest else None

    def pause(self, now: int) -> int:
        """Fall quiet: nothing leaves until `resume`, but a last faded bit so that it does not click.

        Returns:
            When the last of what was sent will have sounded; long ago when nothing was sounding.
        """
        track = self.track
        if track is not None and not self._paused:
            self._paused = True
            # Where the sound has just run dry, or another turn's still fills the lead, there is nothing to fade.
            self._fade_out = track.left > 0 and now < self._horizon <= now + self._lead
        return self._horizon + (min(FADE, track.left) if track and self._fade_out else 0)

    def wind_up(self) -> bool:
        """Have the turn end where a clause does, if one does soon, else behind the word that sounds; whether it does.

        Nothing changes for a turn of which all has left.
        """
        track = self.track
        if track is None or not track.left or track.trimmed:
            return False
        behind = [word for word in track.words if word.end >= track.sent]
        clause = (w.end for w in behind if w.text.endswith(CLAUSE_ENDS) and w.end - track.sent <= CLAUSE)
        place = next(clause, behind[0].end if behind else track.sent)
        return track.trim(place)

    def resume(self) -> None:
        """Go on where it was."""
        self._paused = self._fade_out = False

    def halt(self, now: int) -> None:
        """Nobody is there any more: nothing leaves until `go_on`, and what is in flight is not heard."""
        if self._halted_at is None:
            self._halted_at = now
            self._fade_out = False

    def go_on(self, place: int | None, now: int) -> None:
        """Somebody is there, with the running turn's sound up to `place`; None where that can only be estimated."""
        if self.track is not None:
            if place is None:
                heard, _ = self._heard(self.track, now)
                place = self.track.place(heard)
            self._horizon -= self.track.rewind(place)
            # Where the sound has run dry it would begin with a click.
            self._fade_in = self.track.sent > 0 and self._horizon <= now
        self._halted_at = None

    def played_out(self, now: int) -> bool:
        """Whether the turn has sounded to its end."""
        track = self.track
        is_sent = track is not None and track.whole and not track.left
        return is_sent and self._halted_at is None and now >= self._horizon

    def silent_since(self, now: int) -> bool:
        """Whether a turn that is not whole has nothing to send and nothing in flight."""
        track = self.track
        return bool(track and not track.whole and track.left < PIECE and now >= self._horizon)

    def heard(self, turn_id: UUID, now: int) -> tuple[int, str, HeardBasis]:
        """Samples and words of a turn that the user has heard by `now`, and how we know."""
        track = self._find(turn_id)
        if track is None:
            return 0, "", self.basis
        heard, basis = self._heard(track, now)
        return heard, track.heard_text(heard), basis

    def end(self, turn_id: UUID, now: int) -> Track | None:
        """Close a turn: what waits of it is dropped, later pieces are stale."""
        track = self.track
        if track is None or track.turn_id != turn_id:
            return None
        if self.played_out(now):
            # Nothing stops what is still in the client's buffer.
            if track.heard < track.arrived(track.sent):
                track.heard, track.basis = track.arrived(track.sent), self.basis
        else:
            track.heard, track.basis = self._heard(track, now)
        track.ended = True
        track.waiting.clear()
        track.gone.clear()
        self._kept.append(track)
        self.track = None
        return track

    def report(self, turn_id: UUID, heard: int, now: int) -> bool:
        """Note what the client has played; True when that corrects a turn that has ended."""
        track = self._find(turn_id)
        if track is None:
            return False
        # A client cannot have heard what was never sent.
        before, track.heard = track.heard, max(0, min(heard, track.arrived(track.sent)))
        track.basis, track.reported_at = "client", now
        return track.ended and before != track.heard

    def arrived(self, turn_id: UUID, place: int) -> bool:
        """Of a turn that has ended no more than up to `place` has arrived; True when that corrects what was heard."""
        track = self._find(turn_id)
        if track is None or not track.ended or track.heard <= track.arrived(place):
            return False
        track.heard, track.basis = track.arrived(place), "client"
        return True

    def miss(self, turn_id: UUID, start: int, end: int) -> bool:
        """A stretch that left was dropped on its way; True when that corrects a turn that has ended."""
        track = self._find(turn_id)
        return track is not None and track.miss(start, end) and track.ended

    def _heard(self, track: Track, now: int) -> tuple[int, HeardBasis]:
        if track.ended:
            return track.heard, track.basis
        if self._halted_at is not None:
            now = min(now, self._halted_at)
        at_most = track.arrived(max(0, track.sent - max(0, self._horizon - now)))
        if track.reported_at is None:
            return at_most, track.basis
        # Since it told, the client has played on, unless its sound ran out.
        return max(track.heard, min(at_most, track.heard + now - track.reported_at)), "client"

    def _find(self, turn_id: UUID) -> Track | None:
        if self.track and self.track.turn_id == turn_id:
            return self.track
        return next((t for t in self._kept if t.turn_id == turn_id), None)

    def _send(self, track: Track, count: int, now: int, fade_out: bool = False) -> Outgoing:
        """Let the next `count` samples leave."""
        pcm = take(track.waiting, count)
        track.keep(pcm)
        if self._fade_in:
            pcm = faded(pcm, rising=True)
        if fade_out:
            pcm = faded(pcm, rising=False)
        self._fade_in = fade_out
        if track.first_sent_at is None and count:
            track.first_sent_at = now
        self._horizon = max(self._horizon, now) + count
        start, track.sent = track.sent, track.sent + count
        words = track.words[track.told :]
        if not (track.whole and not track.left):
            words = [word for word in words if word.start < track.sent]
        track.told += len(words)
        return Outgoing(track.turn_id, start, pcm, tuple(words))
