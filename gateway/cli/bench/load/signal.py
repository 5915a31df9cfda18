"""The sound that a load is made of: each frame is like no other, and no byte of it is zero."""

import random

from gateway.session.clock import BYTES, samples

BASE = 255
"""Bytes are 1 to 255."""

NOISE = bytes(random.Random(0).choices(range(1, 256), k=2**16))


def frame(caller: int, number: int, frame_ms: int) -> bytes:
    """PCM16 of `caller`'s frame `number`: both numbers, and noise from a place that they choose."""
    length = samples(frame_ms) * BYTES
    head = _digits(caller, 3) + _digits(number, 5)
    start = (caller * 7919 + number * 104_729) % (len(NOISE) - length)
    return head + NOISE[start : start + length - len(head)]


def _digits(value: int, count: int) -> bytes:
    return bytes(1 + value // BASE**place % BASE for place in range(count))
