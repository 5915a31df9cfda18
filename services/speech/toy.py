"""Seeded random weights for any model, of which each number depends on nothing but the seed and the parameter's name.

So another implementation fills itself alike: the parity tests compare tokens over the same weights, and no weights lie
in the repository. Needs numpy alone.
"""

import math
import zlib

import numpy as np
from numpy.typing import NDArray

SEED = 1


def weights(name: str, shape: tuple[int, ...], seed: int = SEED) -> NDArray[np.float32]:
    """The values of one parameter or buffer, by the name that it has in the published files.

    Values run on: those of a longer tensor begin with those of a shorter one with the same rows. The raw bits of PCG64
    are used, which numpy keeps stable, and not its distributions, which it may change.
    """
    bits = np.random.PCG64([seed, zlib.crc32(name.encode())]).random_raw(math.prod(shape))
    even = ((bits >> np.uint64(40)).astype(np.float64) / 2**23 - 1).reshape(shape)  # From -1 to 1.
    low, high = bounds(name, shape)
    return np.asarray(low + (even + 1) / 2 * (high - low), dtype=np.float32)


def bounds(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Between what the values lie, so that a signal keeps its size from layer to layer."""
    if name.endswith("_initialized"):
        return 1, 1
    if name.endswith(("cluster_usage", "alpha")) or (name.endswith("weight") and len(shape) == 1):
        return 0.8, 1.2
    if name.endswith("scale"):
        return 0.2, 0.4
    if name.endswith("bias"):
        return -0.1, 0.1
    if "emb." in name or name.endswith("embedding_sum"):
        return -1, 1
    fan_in = shape[0] * 2 if "convtr" in name else math.prod(shape[1:])
    return -math.sqrt(3 / fan_in), math.sqrt(3 / fan_in)
