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
        return -0.02, 0.02  # Less than a voice, or every frame would have the same codes.
    if name.endswith("embedding_sum"):
        return -0.5, 0.5
    if name.startswith(("emb.", "text_emb.")):
        return -0.02, 0.02  # As small as the large model's, where a norm's epsilon counts.
    if "emb." in name:
        return -1, 1
    fan_in = math.prod(shape[1:])
    if "convtr" in name:  # Two strides of every input, or of its own alone.
        fan_in = 2 * shape[0] if shape[1] > 1 else 2
    most = math.sqrt(3 / fan_in) * _gain(name)
    return -most, most


def _gain(name: str) -> float:
    """What makes up, in Mimi, for its ELUs, which halve what is below zero, and its blocks, which add.

    In the language model, what has attention pick positions out, so that the past is heard in what comes.
    """
    match name.split(".", 1)[0]:
        case "encoder":
            return 1.2
        case "decoder":
            return 0.75
        case "transformer" if name.endswith("in_proj_weight"):
            return 2.0
    return 1.0
