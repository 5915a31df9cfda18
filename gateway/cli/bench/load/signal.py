"""The sound that a load is made of: each frame is like no other, and no byte of it is zero."""

import random

from gateway.session.clock import BYTES, samples

BASE = 255
"""Bytes are 1 to 255."""

NOISE = random.Random(0).randbytes(2**20).replace(b"\0", b"\1")
"""20 s of it: a call's sound is like none that was heard in the last seconds, or it would be taken for an echo."""


def _shuffled() -> bytes:
    values = bytearray(range(1, 256))
    random.Random(1).shuffle(values)
    return bytes([0, *values])


OTHER = _shuffled()
"""For each byte another one; silence stays silence."""


def answer(pcm: bytes) -> bytes:
    """What the engine gives back for `pcm`: all of it, and yet nothing like it, or it would be taken for an echo."""
    return pcm.translate(OTHER)


def frame(caller: int, number: int, frame_ms: int) -> bytes:
    """PCM16 of `caller`'s frame `number`: both numbers, and noise that goes on from frame to frame."""
    length = samples(frame_ms) * BYTES
    head = _digits(caller, 3) + _digits(number, 5)
    start = (caller * 104_729 + number * length) % (len(NOISE) - length)
    return head + NOISE[start : start + length - len(head)]


def _digits(value: int, count: int) -> bytes:
    return bytes(1 + value // BASE**place % BASE for place in range(count))
