"""Finds our own sound in what the user's microphone hears, and keeps its delay in sight."""

from typing import Literal

import numpy as np

from gateway.session.echo_delay import best_match
from gateway.session.echo_path import BLOCK, EXPLAINED, WINDOW, EchoPath, spectrum
from gateway.session.reel import THIN, THIN_RATE, Reel, Thin, Thinner

Decision = Literal["echo", "talk", "noise", "unknown"]
"""What 20 ms of sound were taken for while ours may come back. Of `unknown` we know of no echo yet."""

REACH = 3 * THIN_RATE
"""3 s: network, playback buffer and room together are below 1.5 s; a telephone's worst still fits."""

LISTENED = 12 * BLOCK
"""240 ms are compared to find an echo. Of 160 ms one match in 20 was chance, and better than many a true one."""

VOICED_BLOCKS = 8
"""So many of them must sound, or chance finds a match for the little there is."""

SENT_BLOCKS = 3
"""As many must have been sent; the rest may ring. Whitening smears an onset over the silence beside it, which another
onset then fits, and no loudness can be learned from silence."""

ALIKE = 0.47
"""From this likeness on it is our sound. Of 240 ms, nine echoes in ten are above, and no other voice was."""

ALIKE_TO_RIVAL = 1.3
STILL_ALIKE = 0.3
"""What a known delay must keep, or it was chance after all."""

GLIMPSE, GLIMPSED_BLOCKS = 5 * BLOCK, 4
"""100 ms are enough, four fifths of them sounding, where the echo is known and only its delay has changed: each
turn of the agent may wait another while in the client's buffer."""

ASTRAY = THIN_RATE * 300 // 1000
"""So far from the known delay."""

GLIMPSED, GLIMPSED_TO_RIVAL = 0.55, 1.4
"""At this likeness nine in ten are found, and of 800 glimpses of other voices one in 50 was taken for the echo.
It must then be explained as well."""

NEARBY = THIN_RATE * 40 // 1000
"""Within 40 ms a known delay is followed between two looks; one that jumps further is searched for."""

SOONER = [THIN_RATE * ms // 1000 for ms in (0, 20, 40, 60)]
"""Until it is seen how long a turn waits in the client's buffer, its echo may come so much sooner than the last one's:
a part of its very onset would else be unexplained. One that comes later seems to ring on, and is explained as it is."""

SAME = THIN_RATE // 1000
LOUDER = 3.0
"""5 dB more echo than expected, at a known delay: somebody turned up the volume."""

SOONEST, LATEST_LOOK = 5 * BLOCK, 160 * BLOCK
"""A search costs a millisecond: in vain, the next comes 100, 200, 400 ms later, in the end 3.2 s. Each new turn of the
agent begins anew, and each block that is echo."""

RETRY = 2 * BLOCK
"""Until there is enough sound to search for."""

FIRST_CHECK, LAST_CHECK = 12, 100
"""A delay is looked at again after 0.24 s of echo, then ever more rarely, in the end after each 2 s."""

MISSES = 2
"""So many checks in a row must fail before a delay is forgotten; what mostly rings fails one now and then."""


class EchoTracker:
    """Holds what was sent, and decides of each block of what is heard whether it is that. Times in thin samples."""

    def __init__(self) -> None:
        self.delay = 0
        """How late our sound comes back; 0 until that was found out once."""
        self.moved = False
        """The delay was found, or found elsewhere, with the last block: until then its echo seemed something else."""
        self._sent: Reel | None = None
        self._thinner = Thinner()
        self._path: EchoPath | None = None
        self._look_at, self._patience = 0, SOONEST
        self._is_sure = False
        """The delay was seen in this turn of the agent."""
        self._glimpsed = 0
        """The delay at which the last glimpse was most like what was sent, if too little; 0 is none."""
        self._echoes = self._echoes_in_a_row = 0
        self._misses, self._check_after = 0, FIRST_CHECK

    @property
    def is_known(self) -> bool:
        """Whether there is an echo."""
        return self._path is not None

    def send(self, pcm: bytes, now: int, begins: bool) -> None:
        """Our sound leaves: it will sound from `now`, or behind what was sent before.

        Args:
            now: in samples of the session clock.
            begins: whether it is the first of a turn.
        """
        if self._sent is None:
            self._sent = Reel(REACH)
        start = -(-now // THIN)
        if start > self._sent.end:
            self._thinner.clear()
        if begins:
            self._is_sure, self._check_after, self._echoes_in_a_row = False, FIRST_CHECK, 0
            self._glimpsed = 0
            self._look_at, self._patience = 0, SOONEST
        self._sent.write(max(start, self._sent.end), self._thinner.push(pcm))

    def may_come_back(self, at: int) -> bool:
        """Whether anything was sent of late."""
        return self._sent is not None and at - self._sent.end <= REACH

    def coming_back(self, start: int, end: int) -> Thin:
        """What we sent that is heard from `start` to `end`, if it is."""
        assert self._sent is not None, "only what was sent can come back"
        return self._sent.read(start - self.delay, end - self.delay)

    def decide(self, heard: Thin, now: int) -> Decision:
        """What the last block of `heard` is, which ends at `now` and is at least `LISTENED` long."""
        self.moved = False
        if self._path is None and not self._find(heard, now):
            return "unknown"
        unexplained = self._unexplained(heard, now)
        if unexplained is not None and unexplained >= EXPLAINED:
            self._echoes_in_a_row = 0
            if self._find_again(heard, now):
                unexplained = self._unexplained(heard, now)
        if unexplained is None:
            return "noise"
        if unexplained >= EXPLAINED:
            return "talk"
        self._learn(heard, now)
        return "echo"

    def _unexplained(self, heard: Thin, now: int) -> float | None:
        assert self._path is not None, "there is an echo"
        ends = [now] if self._is_sure else [now + sooner for sooner in SOONER]
        sent = [self.coming_back(end - WINDOW, end) for end in ends]
        powers = spectrum(np.stack((heard[-WINDOW:], *sent)))
        self._heard_power, sent_power = powers[0], powers[1:].max(0)
        return self._path.unexplained(self._heard_power, sent_power)

    def _learn(self, heard: Thin, now: int) -> None:
        assert self._path is not None, "there is an echo"
        self._path.learn(self._heard_power)
        self._patience = SOONEST
        self._echoes += 1
        self._echoes_in_a_row += 1
        if self._echoes >= self._check_after and self._echoes_in_a_row >= FIRST_CHECK:
            self._check(heard[-LISTENED:], now)

    # The delay.

    def _find_again(self, heard: Thin, now: int) -> bool:
        """Look whether the echo has moved, unless that was done just now."""
        if now < self._look_at:
            return False
        return self._glimpse(heard[-GLIMPSE:], now) or self._find(heard, now)

    def _find(self, heard: Thin, now: int) -> bool:
        """Search all that was sent for what is heard, unless that was done just now."""
        if now < self._look_at:
            return False
        assert self._sent is not None, "only what was sent can come back"
        heard = heard[-LISTENED:]
        if _voiced_blocks(heard) < VOICED_BLOCKS:
            self._look_at = now + RETRY
            return False
        match = best_match(self._sent.read(now - REACH, now), heard)
        self._look_at = now + self._patience
        self._patience = min(2 * self._patience, LATEST_LOOK)
        if match is None:
            return False
        delay = REACH - LISTENED - match.place
        # That chance falls on a delay that was found before is unlikely enough.
        again = self.delay and abs(delay - self.delay) <= SAME
        # Nor is it likely that chance falls on one that too little was heard of.
        glimpsed = self._glimpsed and abs(delay - self._glimpsed) <= SAME
        enough = max(STILL_ALIKE if glimpsed else ALIKE, match.rival * ALIKE_TO_RIVAL)
        if match.likeness < (STILL_ALIKE if again else enough):
            return False
        sent = self._sent.read(now - LISTENED - delay, now - delay)
        if _voiced_blocks(sent) < SENT_BLOCKS:
            return False
        path = EchoPath(heard, sent, match.likeness)
        if again and self._path and path.loudness < LOUDER * self._path.loudness:
            # The user speaks over an echo that is known well.
            return False
        self._path, self.delay = path, delay
        self.moved = self._is_sure = True
        self._echoes, self._misses, self._check_after = 0, 0, FIRST_CHECK
        return True

    def _glimpse(self, heard: Thin, now: int) -> bool:
        """Search around the known delay for what little is heard of a turn as yet."""
        assert self._sent is not None, "only what was sent can come back"
        assert self._path is not None, "there is an echo"
        if _voiced_blocks(heard) < GLIMPSED_BLOCKS:
            return False
        start = now - GLIMPSE - self.delay - ASTRAY
        match = best_match(self._sent.read(start, min(now, start + GLIMPSE + 2 * ASTRAY)), heard)
        if match is None:
            return False
        self._glimpsed = now - GLIMPSE - start - match.place
        if match.likeness < max(GLIMPSED, match.rival * GLIMPSED_TO_RIVAL):
            return False
        before = self.delay, self._is_sure
        self.delay, self._is_sure = self._glimpsed, True
        if abs(before[0] - self.delay) > SAME:
            self._path.recall(self.coming_back(now - GLIMPSE - WINDOW, now - BLOCK))
            unexplained = self._unexplained(heard, now)
            if unexplained is not None and unexplained < EXPLAINED:
                self.moved = True
                return True
        self.delay, self._is_sure = before
        return False

    def _check(self, heard: Thin, now: int) -> None:
        """Follow the delay as it drifts; forget one that was chance."""
        assert self._sent is not None, "only what was sent can come back"
        start = now - LISTENED - self.delay - NEARBY
        sent = self._sent.read(start, start + LISTENED + 2 * NEARBY)
        # What only rings on is like nothing that was sent.
        if min(_voiced_blocks(heard), _voiced_blocks(sent[NEARBY:-NEARBY])) < VOICED_BLOCKS:
            return
        match = best_match(sent, heard)
        drift = 0 if match is None else NEARBY - match.place
        self._echoes = 0
        if match and match.likeness >= STILL_ALIKE:
            self.delay += drift
            self._is_sure = True
            self._misses, self._check_after = 0, min(2 * self._check_after, LAST_CHECK)
        elif match is None or abs(drift) > SAME:
            self._misses, self._check_after = self._misses + 1, FIRST_CHECK
        if self._misses == MISSES:
            self._path = None


QUIET = 16.0**2
"""Mean square below which nothing is heard, -66 dBFS; an echo that weak is no voice to any listener."""


def are_sounding(sound: Thin, ends: list[int]) -> list[bool]:
    """Of each part of `sound` that ends at one of `ends`, whether anything is heard in it."""
    if not len(sound):
        return [False] * len(ends)
    # All at once: it is asked of every block of a call, and of most nothing else is.
    starts = [0, *ends[:-1]]
    loud = sound.astype(np.float32)
    energies = np.add.reduceat(loud * loud, starts).tolist()
    parts = zip(energies, starts, ends, strict=True)
    return [energy > QUIET * (end - start) for energy, start, end in parts]


def _voiced_blocks(sound: Thin) -> int:
    """How many blocks of it sound."""
    blocks = sound.astype(np.float32).reshape(-1, BLOCK)
    return int(np.count_nonzero((blocks**2).mean(1) > QUIET))
