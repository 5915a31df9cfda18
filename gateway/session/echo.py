"""Our own sound in the user's microphone becomes silence; what the user says passes, also over it.

Each 20 ms are compared with what we sent: first by likeness, which tells how late our sound comes back, then by power,
which tells whether anything else is heard. In doubt the sound passes: an echo let through costs a pause of the agent, a
word of the user's that is lost costs the user.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import numpy as np

from gateway.session.clock import BYTES
from gateway.session.echo_delay import best_match
from gateway.session.echo_path import BLOCK, EXPLAINED, WINDOW, EchoPath, spectrum
from gateway.session.effects import EchoSuppressed
from gateway.session.pcm import FADE, faded
from gateway.session.reel import THIN, THIN_RATE, Reel, Thin, Thinner

Decision = Literal["echo", "talk", "noise", "unknown"]
"""What 20 ms of sound were taken for while ours may come back. Of `unknown` we know of no echo yet."""

REACH = 3 * THIN_RATE
"""3 s: network, playback buffer and room together are below 1.5 s; a telephone's worst still fits."""

LISTENED = 12 * BLOCK
"""240 ms are compared to find the delay. Of 160 ms one match in 20 was chance, and better than many a true one."""

VOICED_BLOCKS = 8
"""So many of them must sound, or chance finds a match for the little there is."""

QUIET = 16.0**2
"""Mean square below which nothing is heard, -66 dBFS; an echo that weak is no voice to any listener."""

ALIKE = 0.47
"""From this likeness on it is our sound. Of 240 ms, nine echoes in ten are above, and no other voice was."""

ALIKE_TO_RIVAL = 1.3
STILL_ALIKE = 0.3
"""What a known delay must keep, or it was chance after all."""

NEARBY = THIN_RATE * 10 // 1000
"""Within 10 ms a known delay may drift between two looks; one that jumps is searched for."""

SAME = THIN_RATE // 1000
LOUDER = 3.0
"""5 dB more echo than expected, at a known delay: somebody turned up the volume."""

HANGOVER = 15
"""300 ms: a user who spoke goes on, also through a soft consonant and the pause between two words."""

SHORT_HANGOVER = 2
"""After a single block, which may be an outlier of the echo."""

SOONEST, LATEST_LOOK = 5 * BLOCK, 160 * BLOCK
"""A search costs a millisecond: in vain, the next comes 100, 200, 400 ms later, in the end 3.2 s. Each new turn of the
agent begins anew, and each block that is echo."""

FIRST_CHECK, LAST_CHECK = 12, 100
"""A delay is looked at again after 0.24 s of echo, then ever more rarely, in the end after each 2 s."""

MISSES = 2
"""So many checks in a row must fail before a delay is forgotten; what mostly rings fails one now and then."""

PAUSE = THIN_RATE
"""An echo that pauses for less than 1 s is one stretch."""

TOLD = THIN_RATE // 10
"""100 ms of echo might have been taken for a voice; shorter ones are not told of one by one."""


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
    """Compares what the user's microphone hears with what was sent. While nothing was sent it does nothing."""

    def __init__(self) -> None:
        self._decided: Counter[Decision] = Counter()
        self._sent: Reel | None = None
        self._sent_thinner, self._heard_thinner = Thinner(), Thinner()
        self._turn_id: UUID | None = None
        """Whose sound was sent last."""
        self._heard: Thin = np.zeros(LISTENED, np.int16)
        self._idle = True
        self._path: EchoPath | None = None
        self._delay = 0
        """In thin samples; 0 until one was found."""
        self._look_at, self._patience = 0, SOONEST
        self._echoes = self._echoes_in_a_row = 0
        self._misses, self._check_after = 0, FIRST_CHECK
        self._talks_in_a_row = self._hangover = 0
        self._passing = True
        self._stretch: Stretch | None = None
        self._ended: list[Stretch] = []

    @property
    def delay_ms(self) -> float | None:
        """How late our sound comes back; None while we know of no echo."""
        return None if self._path is None else self._delay * 1000 / THIN_RATE

    def sent(self, turn_id: UUID, pcm: bytes, now: int) -> None:
        """Sound of an agent turn leaves. It will sound now, or behind what was sent before."""
        if self._sent is None:
            self._sent = Reel(REACH)
        start = -(-now // THIN)
        if start > self._sent.end:
            self._sent_thinner.clear()
        if turn_id != self._turn_id:
            # What is heard from now on may be the first echo of the call.
            self._turn_id, self._patience = turn_id, SOONEST
        self._sent.write(max(start, self._sent.end), self._sent_thinner.push(pcm))

    def filter(self, pcm: bytes, at: int) -> bytes:
        """The user's sound from session time `at` on, as long as it came: our echo is silence in it."""
        start = at // THIN
        if self._sent is None or start - self._sent.end > REACH:
            self._idle = True
            return pcm
        if self._idle:
            self._begin_anew()
        heard = self._heard_thinner.push(pcm)
        self._heard = np.concatenate((self._heard[-LISTENED:], heard))
        count = max(1, round(len(heard) / BLOCK))
        ends = [LISTENED + len(heard) * (number + 1) // count for number in range(count)]
        starts = [LISTENED, *ends[:-1]]
        passing = [
            self._judge(first, last, start + last - LISTENED)
            for first, last in zip(starts, ends, strict=True)
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

    def ended(self, now: int, all_of_it: bool = False) -> list[EchoSuppressed]:
        """The stretches of echo that are over by `now`, or at the call's end all of them."""
        if self._stretch and (all_of_it or now // THIN > self._stretch.end + PAUSE):
            self._ended.append(self._stretch)
            self._stretch = None
        if not self._ended:
            return []
        stretches, self._ended = self._ended, []
        return [self._suppressed(stretch, now) for stretch in stretches if stretch.silenced >= TOLD]

    # One block of 20 ms.

    def _judge(self, first: int, last: int, now: int) -> bool:
        """Whether the block `first` to `last` of `_heard`, which ended at `now`, passes."""
        block = self._heard[first:last].astype(np.float32)
        if float(block @ block) <= QUIET * len(block):
            self._hangover = max(0, self._hangover - 1)
            return True
        decision = self._decide(last, now)
        self._decided[decision] += 1
        match decision:
            case "echo":
                self._talks_in_a_row = 0
                if self._hangover:
                    self._hangover -= 1
                    return True
                self._note(first, last, now)
                return False
            case "talk":
                self._talks_in_a_row += 1
                self._hangover = HANGOVER if self._talks_in_a_row > 1 else max(self._hangover, SHORT_HANGOVER)
        return True

    def _decide(self, last: int, now: int) -> Decision:
        assert self._sent is not None, "only what was sent can come back"
        if self._path is None:
            self._look(last, now)
        if self._path is None:
            return "unknown"
        sent = self._sent.read(now - WINDOW - self._delay, now - self._delay)
        heard_power, sent_power = spectrum(np.stack((self._heard[last - WINDOW : last], sent)))
        unexplained = self._path.unexplained(heard_power, sent_power)
        if unexplained is None:
            return "noise"
        if unexplained >= EXPLAINED:
            self._echoes_in_a_row = 0
            self._look(last, now)
            return "talk"
        self._path.learn(heard_power)
        self._patience = SOONEST
        self._echoes += 1
        self._echoes_in_a_row += 1
        if self._echoes >= self._check_after and self._echoes_in_a_row >= FIRST_CHECK:
            self._check(last, now)
        return "echo"

    # The delay.

    def _look(self, last: int, now: int) -> None:
        """Search all that was sent for what is heard, unless that was done just now."""
        if now < self._look_at:
            return
        assert self._sent is not None, "only what was sent can come back"
        heard = self._heard[last - LISTENED : last]
        if not _is_voiced(heard):
            self._look_at = now + 2 * BLOCK
            return
        match = best_match(self._sent.read(now - REACH, now), heard)
        self._look_at = now + self._patience
        self._patience = min(2 * self._patience, LATEST_LOOK)
        if match is None:
            return
        delay = REACH - LISTENED - match.place
        # That chance falls on a delay that was found before is unlikely enough.
        again = self._delay and abs(delay - self._delay) <= SAME
        enough = STILL_ALIKE if again else max(ALIKE, match.rival * ALIKE_TO_RIVAL)
        if match.likeness < enough:
            return
        path = EchoPath(heard, self._sent.read(now - LISTENED - delay, now - delay), match.likeness)
        known = self._path
        if known and abs(delay - self._delay) <= SAME and path.loudness < LOUDER * known.loudness:
            # The user speaks over an echo that is known well.
            return
        self._path, self._delay = path, delay
        self._echoes, self._misses, self._check_after = 0, 0, FIRST_CHECK

    def _check(self, last: int, now: int) -> None:
        """Follow the delay as it drifts; forget one that was chance."""
        assert self._sent is not None, "only what was sent can come back"
        heard = self._heard[last - LISTENED : last]
        start = now - LISTENED - self._delay - NEARBY
        sent = self._sent.read(start, start + LISTENED + 2 * NEARBY)
        # What only rings on is like nothing that was sent.
        if not _is_voiced(heard) or not _is_voiced(sent[NEARBY:-NEARBY]):
            return
        match = best_match(sent, heard)
        drift = 0 if match is None else NEARBY - match.place
        self._echoes = 0
        if match and match.likeness >= STILL_ALIKE:
            self._delay += drift
            self._misses, self._check_after = 0, min(2 * self._check_after, LAST_CHECK)
        elif match is None or abs(drift) > SAME:
            self._misses, self._check_after = self._misses + 1, FIRST_CHECK
        if self._misses == MISSES:
            self._path = None

    # What becomes of the sound.

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
        assert self._sent is not None, "only what was sent can come back"
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
        stretch.sent_energy += _energy(self._sent.read(now - length - self._delay, now - self._delay))

    def _suppressed(self, stretch: Stretch, now: int) -> EchoSuppressed:
        level = stretch.heard_energy / max(stretch.sent_energy, 1.0)
        return EchoSuppressed(
            at=now,
            turn_id=stretch.turn_id,
            start=stretch.start * THIN,
            end=stretch.end * THIN,
            silenced=stretch.silenced * THIN,
            delay_ms=self._delay * 1000 / THIN_RATE,
            level_db=round(10 * float(np.log10(max(level, 1e-9))), 1),
        )

    def _begin_anew(self) -> None:
        """Something is sent again after a while: what was heard before it is no echo."""
        self._idle = False
        self._heard = np.zeros(LISTENED, np.int16)
        self._heard_thinner.clear()
        self._look_at, self._patience, self._hangover = 0, SOONEST, 0


def _energy(sound: Thin) -> float:
    loud = sound.astype(np.float32)
    return float(loud @ loud)


def _is_voiced(sound: Thin) -> bool:
    """Whether enough of it sounds."""
    blocks = sound.astype(np.float32).reshape(-1, BLOCK)
    return int(np.count_nonzero((blocks**2).mean(1) > QUIET)) >= VOICED_BLOCKS
