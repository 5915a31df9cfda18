"""Our own sound in the user's microphone becomes silence; what the user says passes, also over it.

Each 20 ms are compared with what we sent: by likeness, which tells how late our sound comes back, and by power, which
tells whether anything else is heard. In doubt the sound passes: an echo let through costs a pause of the agent, a
word that is lost costs the user.
"""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from gateway.session.clock import BYTES, samples
from gateway.session.echo_path import BLOCK
from gateway.session.echo_tracker import LISTENED, Decision, EchoTracker, are_sounding
from gateway.session.effects import EchoSuppressed
from gateway.session.pcm import FADE, faded
from gateway.session.reel import THIN, THIN_RATE, Thin, Thinner

HANGOVER = 15
"""300 ms: a user who spoke goes on, also through a soft consonant and the pause between two words."""

CONVINCED = 3
"""So many blocks make a user, counted down with each fifth that is echo. One or two may be outliers, as in the first
bursts after an echo is found: no echo passes after them, or 100 ms are together and a voice to any listener."""

PAUSE = THIN_RATE
"""An echo that pauses for less than 1 s is one stretch."""

TOLD = THIN_RATE // 10
"""100 ms of echo might have been taken for a voice; shorter ones are not told of one by one."""

LET_IN = samples(1000)
"""An echo that was not recognised for longer has long been decided on as a voice."""

ONSET_BEFORE = samples(100)
"""So much earlier than it was a listener may place the onset of an echo."""


@dataclass(slots=True)
class Stretch:
    """Echo of one agent turn, with short pauses. Times in thin samples of the session clock."""

    turn_id: UUID
    start: int
    end: int
    silenced: int = 0
    heard_energy: float = 0.0
    sent_energy: float = 0.0


class EchoSuppressor:
    """Silences our own sound in the user's. While nothing was sent it does nothing."""

    def __init__(self) -> None:
        self._tracker = EchoTracker()
        self._decided: Counter[Decision] = Counter()
        self._turn_id: UUID | None = None
        """Whose sound was sent last."""
        self._turn_began = 0
        self._thinner = Thinner()
        self._heard: Thin = np.zeros(LISTENED, np.int16)
        self._idle = True
        self._talk = 0.0
        """Blocks of late in which a user was heard, up to `CONVINCED`."""
        self._hangover = 0
        self._passing = True
        self._found: int | None = None
        self._stretch: Stretch | None = None
        self._ended: list[Stretch] = []

    def sent(self, turn_id: UUID, pcm: bytes, now: int) -> None:
        """Sound of an agent turn leaves. It will sound now, or behind what was sent before."""
        begins = turn_id != self._turn_id
        if begins:
            self._turn_id, self._turn_began = turn_id, now
        self._tracker.send(pcm, now, begins)

    def filter(self, pcm: bytes, at: int) -> bytes:
        """The user's sound from session time `at` on, as long as it came: our echo is silence in it."""
        start = at // THIN
        if not self._tracker.may_come_back(start):
            self._idle = True
            return pcm
        if self._idle:
            self._begin_anew()
        heard = self._thinner.push(pcm)
        self._heard = np.concatenate((self._heard[-LISTENED:], heard))
        count = max(1, round(len(heard) / BLOCK))
        ends = [len(heard) * (number + 1) // count for number in range(count)]
        sounding = are_sounding(heard, ends)
        passing = [
            self._judge(LISTENED + first, LISTENED + last, start + last, sounds)
            for first, last, sounds in zip([0, *ends[:-1]], ends, sounding, strict=True)
        ]
        # Where the user begins within this piece, the block before holds the very onset.
        passing = [here or after for here, after in zip(passing, [*passing[1:], False], strict=True)]
        return self._let_through(pcm, passing)

    def counted(self) -> Counter[Decision]:
        """How many blocks of 20 ms were taken for what, since this was asked last."""
        decided = self._decided
        if decided:
            self._decided = Counter()
        return decided

    def found(self) -> int | None:
        """Since when that sounded, on the session clock, which was let through and is known for an echo just now."""
        since, self._found = self._found, None
        return since

    def ended(self, now: int, all_of_it: bool = False) -> list[EchoSuppressed]:
        """The stretches of echo that are over by `now`, or at the call's end all of them."""
        if self._stretch and (all_of_it or now // THIN > self._stretch.end + PAUSE):
            self._ended.append(self._stretch)
            self._stretch = None
        if not self._ended:
            return []
        stretches, self._ended = self._ended, []
        return [self._suppressed(stretch, now) for stretch in stretches if stretch.silenced >= TOLD]

    def _judge(self, first: int, last: int, now: int, sounds: bool) -> bool:
        """Whether the block `first` to `last` of what was heard, which ended at `now`, passes."""
        if not sounds:
            self._hangover = max(0, self._hangover - 1)
            return True
        decision = self._tracker.decide(self._heard[:last], now)
        self._decided[decision] += 1
        if decision == "talk":
            self._talk = min(self._talk + 1, CONVINCED)
            if self._talk >= CONVINCED:
                self._hangover = HANGOVER
        if decision != "echo":
            return True
        self._talk = max(0.0, self._talk - 1 / 5)
        if self._tracker.moved:
            self._talk, self._hangover = 0.0, 0
            began = self._turn_began + self._tracker.delay * THIN
            self._found = max(began, now * THIN - LET_IN) - ONSET_BEFORE
        if self._hangover:
            self._hangover -= 1
            return True
        self._note(first, last, now)
        return False

    def _let_through(self, pcm: bytes, passing: list[bool]) -> bytes:
        """`pcm` with silence for the blocks that do not pass; edges are faded, or they click."""
        if self._passing and all(passing):
            return pcm
        out, count = bytearray(), len(pcm) // BYTES
        for number, passes in enumerate(passing):
            block = pcm[count * number // len(passing) * BYTES : count * (number + 1) // len(passing) * BYTES]
            if passes:
                out += block if self._passing else faded(block, rising=True)
            elif self._passing:
                edge = faded(block[: FADE * BYTES], rising=False)
                out += edge + bytes(len(block) - len(edge))
            else:
                out += bytes(len(block))
            self._passing = passes
        return bytes(out)

    def _note(self, first: int, last: int, now: int) -> None:
        """The block is silenced."""
        assert self._turn_id is not None, "what was sent is of a turn"
        length = last - first
        if self._stretch and self._stretch.turn_id != self._turn_id:
            self._ended.append(self._stretch)
            self._stretch = None
        if self._stretch is None:
            self._stretch = Stretch(self._turn_id, now - length, now)
        stretch = self._stretch
        stretch.end = now
        stretch.silenced += length
        stretch.heard_energy += _energy(self._heard[first:last])
        stretch.sent_energy += _energy(self._tracker.coming_back(now - length, now))

    def _suppressed(self, stretch: Stretch, now: int) -> EchoSuppressed:
        level = stretch.heard_energy / max(stretch.sent_energy, 1.0)
        return EchoSuppressed(
            at=now,
            turn_id=stretch.turn_id,
            start=stretch.start * THIN,
            end=stretch.end * THIN,
            silenced=stretch.silenced * THIN,
            delay_ms=self._tracker.delay * 1000 / THIN_RATE,
            level_db=round(10 * float(np.log10(max(level, 1e-9))), 1),
        )

    def _begin_anew(self) -> None:
        """Something is sent again after a while: what was heard before it is no echo."""
        self._idle = False
        self._heard = np.zeros(LISTENED, np.int16)
        self._thinner.clear()
        self._talk, self._hangover = 0.0, 0


def _energy(sound: Thin) -> float:
    loud = sound.astype(np.float32)
    return float(loud @ loud)
