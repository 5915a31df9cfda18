"""What two sound tracks on one clock tell of a call: who sounded when, and how long an answer took."""

from itertools import pairwise

import numpy as np

from gateway.session.clock import BYTES, RATE

FRAME = RATE // 50
LOUD = 200
"""Root mean square of a frame that counts as sound: -44 dBFS."""

BREATH_S = 0.7
"""Shorter pauses do not end a stretch of speech."""

Stretch = tuple[float, float]
"""Begin and end of a stretch of sound, in seconds."""


def stretches(pcm: bytes, breath_s: float = BREATH_S) -> list[Stretch]:
    """The stretches of sound in PCM16 at 24 kHz, pauses shorter than `breath_s` included, in order."""
    count = len(pcm) // (FRAME * BYTES)
    frames = np.frombuffer(pcm[: count * FRAME * BYTES], dtype="<i2").reshape(count, FRAME).astype(np.float64)
    loud = np.flatnonzero(np.sqrt((frames**2).mean(axis=1)) >= LOUD)
    if not len(loud):
        return []
    seconds = FRAME / RATE
    breaks = [place for place, (a, b) in enumerate(pairwise(loud), 1) if (b - a - 1) * seconds >= breath_s]
    return [(part[0] * seconds, (part[-1] + 1) * seconds) for part in np.split(loud, breaks)]


def answer_times(user: bytes, agent: bytes) -> list[float]:
    """For each stretch of the user's that is answered before the next: end of sound to the agent's, in seconds.

    Words spoken over the agent's sound are no question, and are left out.
    """
    asked, told = stretches(user), stretches(agent, breath_s=0.1)
    times = []
    for (_, end), (following, _) in pairwise([*asked, (float("inf"), 0.0)]):
        if any(begin <= end < stop for begin, stop in told):
            continue
        answer = next((begin for begin, _ in told if begin >= end), None)
        if answer is not None and answer < following:
            times.append(answer - end)
    return times
