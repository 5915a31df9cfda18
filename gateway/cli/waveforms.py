"""What sound tracks on one clock tell of a call: who sounded when, and how long an answer took."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gateway.session.clock import BYTES, RATE

Pcm = npt.NDArray[np.int16]
"""[samples], mono, 24 kHz."""

Stretch = tuple[float, float]
"""Begin and end of a stretch of sound, in seconds."""

FRAME = RATE // 100
"""Samples of one frame of loudness, 10 ms."""

FRAME_S = FRAME / RATE

AUDIBLE_DB = -45.0
"""dBFS of a frame. Vowels of eSpeak and flite lie at -15 to -25; what a fade leaves, and a quiet room, below -60."""

BREATH_S = 0.7
"""Shorter pauses do not end a stretch of speech."""


def track(raw: bytes | bytearray) -> Pcm:
    """PCM16, little endian, as samples: a copy, so that `raw` may grow on."""
    return np.frombuffer(bytes(raw[: len(raw) // BYTES * BYTES]), "<i2")


def levels(pcm: Pcm) -> npt.NDArray[np.float64]:
    """RMS of each whole frame, in dBFS; -120 where there is nothing."""
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64) / 32768
    power: npt.NDArray[np.float64] = np.mean(frames**2, axis=1)
    return 10 * np.log10(np.maximum(power, 1e-12))


def audible(pcm: Pcm) -> npt.NDArray[np.intp]:
    """The frames that can be heard."""
    return np.flatnonzero(levels(pcm) > AUDIBLE_DB)


def is_audible(pcm: Pcm) -> bool:
    """Whether anything of it can be heard."""
    return len(audible(pcm)) > 0


def stretches(pcm: Pcm, breath_s: float = BREATH_S) -> list[Stretch]:
    """The stretches of sound, pauses shorter than `breath_s` included, in order."""
    heard = audible(pcm)
    if not len(heard):
        return []
    breaks = [place for place, (a, b) in enumerate(pairwise(heard), 1) if (b - a - 1) * FRAME_S >= breath_s]
    return [(float(part[0] * FRAME_S), float((part[-1] + 1) * FRAME_S)) for part in np.split(heard, breaks)]


def first_sound(pcm: Pcm, from_s: float = 0.0) -> float | None:
    """The second at which it can first be heard, from `from_s` on."""
    start = round(from_s / FRAME_S)
    heard = audible(pcm[start * FRAME :])
    return (start + int(heard[0])) * FRAME_S if len(heard) else None


def last_sound(pcm: Pcm) -> float | None:
    """The second at which it falls silent for good."""
    heard = audible(pcm)
    return (int(heard[-1]) + 1) * FRAME_S if len(heard) else None


def trimmed(pcm: Pcm) -> Pcm:
    """From its first audible frame to its last; empty where nothing can be heard."""
    heard = audible(pcm)
    return pcm[heard[0] * FRAME : (heard[-1] + 1) * FRAME] if len(heard) else pcm[:0]


def answer_times(user: Pcm, agent: Pcm) -> list[float]:
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
