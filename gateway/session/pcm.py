"""Sound as bytes: PCM16, little endian, mono, in pieces of any size."""

from collections import deque

import numpy as np

from gateway.session.clock import BYTES, samples

FADE = samples(10)
"""Cuts and resumptions are faded, or they click."""


def peak(pcm: bytes) -> int:
    """The loudest sample, 0 to 32,768."""
    # -32,768 has no counterpart in 16 bits with a sign, and stays what it is; without one it is 32,768.
    return int(np.maximum.reduce(np.abs(np.frombuffer(pcm, dtype="<i2")).view(np.uint16), initial=0))


def take(waiting: deque[bytes], count: int) -> bytes:
    """`count` samples of PCM16 off the front of what waits, which holds at least as many."""
    out, want = bytearray(), count * BYTES
    while len(out) < want:
        piece = waiting.popleft()
        rest = want - len(out)
        if len(piece) > rest:
            waiting.appendleft(piece[rest:])
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
