"""One turn of the agent's: its sound and words, what of them has left, what arrived, and what was heard."""

from collections import deque
from dataclasses import dataclass, field
from uuid import UUID

from gateway.session.clock import BYTES, samples
from gateway.session.effects import HeardBasis
from gateway.session.events import Word
from gateway.session.pcm import take

REWIND = samples(3000)
"""Of the running turn the sound that left last is kept, 144 kB: a client that missed more has lost the rest."""


@dataclass(slots=True)
class Track:
    """One agent turn's sound and words. Places in samples from its first sample."""

    turn_id: UUID
    basis: HeardBasis
    words: list[Word] = field(default_factory=list)
    waiting: deque[bytes] = field(default_factory=deque)
    pushed: int = 0
    sent: int = 0
    told: int = 0
    """Words that have left."""
    first_sent_at: int | None = None
    whole: bool = False
    """The engine has given everything."""
    trimmed: bool = False
    """Its end was brought forward; what the engine gives behind that is not said."""
    ended: bool = False
    heard: int = 0
    """What the client says it has played; once the turn has ended, all that was heard of it."""
    reported_at: int | None = None
    """When the client last said so."""
    gone: deque[bytes] = field(default_factory=deque)
    """The last sound that left."""
    gone_count: int = 0
    """Its samples."""
    missed: list[tuple[int, int]] = field(default_factory=list)
    """Stretches that left and did not arrive, in order: never heard, and the client knows nothing of them."""

    @property
    def left(self) -> int:
        """Samples that wait to be sent."""
        return self.pushed - self.sent

    def trim(self, place: int) -> bool:
        """Have the turn end at `place`, as far as that has not left yet; whether less is said for it."""
        place = max(place, self.sent)
        if self.whole and place >= self.pushed:
            return False
        kept = take(self.waiting, max(0, min(place, self.pushed) - self.sent))
        self.waiting.clear()
        if kept:
            self.waiting.append(kept)
        self.pushed = self.sent + len(kept) // BYTES
        self.words = [word for word in self.words if word.start < self.pushed]
        self.whole = self.trimmed = True
        return True

    def arrived(self, place: int) -> int:
        """How many of the samples before `place` the client has got, once all that was sent has come."""
        return place - sum(min(end, place) - start for start, end in self.missed if start < place)

    def place(self, arrived: int) -> int:
        """Where in the turn a client is that has played `arrived` samples of it."""
        place = arrived
        for start, end in self.missed:
            if start < place:
                place += end - start
        return place

    def keep(self, pcm: bytes) -> None:
        """Note that `pcm` has left."""
        self.gone.append(pcm)
        self.gone_count += len(pcm) // BYTES
        while self.gone_count - len(self.gone[0]) // BYTES >= REWIND:
            self.gone_count -= len(self.gone.popleft()) // BYTES

    def rewind(self, place: int) -> int:
        """Have the sound from `place` on leave once more, as far as it is kept; returns by how much that is behind."""
        place = max(0, min(place, self.sent))
        behind, first = self.sent - place, self.sent - self.gone_count
        again = max(place, first)
        self.missed = [stretch for stretch in self.missed if stretch[0] < place]
        if again > place:
            self.missed.append((place, again))
        take(self.gone, again - first)
        self.waiting.extendleft(reversed(self.gone))
        self.gone.clear()
        self.sent, self.gone_count = again, 0
        self.heard = min(self.heard, self.arrived(place))
        return behind

    def miss(self, start: int, end: int) -> bool:
        """The stretch was dropped on its way; True when less was heard than was believed."""
        until, end = self.place(self.heard), min(end, self.sent)
        if start >= end or any(start < later and earlier < end for earlier, later in self.missed):
            return False
        self.missed = sorted([*self.missed, (start, end)])
        if not self.ended or self.basis == "client" or start >= until:
            # A client counts what it got.
            return False
        self.heard = self.arrived(until)
        return True

    def text(self) -> str:
        """All words given so far."""
        return " ".join(word.text for word in self.words)

    def heard_text(self, heard: int) -> str:
        """The words of which at least half has sounded."""
        until = self.place(heard)
        return " ".join(word.text for word in self.words if self._sounded(word, until))

    def _sounded(self, word: Word, until: int) -> bool:
        middle = (word.start + word.end) // 2
        return middle <= until and not any(start < middle <= end for start, end in self.missed)
