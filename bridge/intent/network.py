"""The classifier's network: one hidden layer over the meaning, and a weight for each word and pair of words."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from bridge.intent.encoder import Floats
from bridge.intent.features import Features

Label = Literal["chitchat", "action", "approval", "stop", "wait", "repeat", "never_mind"]
CLASSES: tuple[Label, ...] = get_args(Label)
"""An intent each, but that a control is told by its name."""


@dataclass(frozen=True, slots=True)
class Network:
    """Weights, and what calibrates them."""

    hidden: tuple[Floats, Floats]
    """[dense, hidden] and bias."""
    out: tuple[Floats, Floats]
    """[hidden, classes] and bias."""
    words: npt.NDArray[np.int8]
    """[buckets, classes]."""
    words_scale: float
    temperature: float
    """Logits are divided by it: measured on held-out phrases, so that of what is sure to 90 % nine of ten are right."""

    def logits(self, seen: Features) -> Floats:
        """[classes], not calibrated."""
        hidden = np.maximum(seen.dense @ self.hidden[0] + self.hidden[1], 0.0)
        # By the root of their number: long utterances are not surer for being long.
        words = self.words[seen.buckets].sum(0, dtype=np.float32) * self.words_scale / root(seen.buckets.size)
        found: Floats = hidden @ self.out[0] + self.out[1] + words
        return found

    def probabilities(self, seen: Features) -> Floats:
        """[classes], which sum to 1."""
        return softmax(self.logits(seen) / np.float32(self.temperature))


def root(count: int) -> np.float32:
    """The square root of `count`, and never less than 1."""
    return np.float32(max(count, 1) ** 0.5)


def softmax(logits: Floats) -> Floats:
    """Along the last axis."""
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    shares: Floats = raised / raised.sum(-1, keepdims=True)
    return shares


@cache
def network() -> Network:
    """The network that comes with the package; loaded once a process."""
    with (files("bridge.intent") / "data" / "network.npz").open("rb") as file, np.load(file) as weights:
        return Network(
            (weights["hidden_weight"].astype(np.float32), weights["hidden_bias"]),
            (weights["out_weight"], weights["out_bias"]),
            weights["words"],
            float(weights["words_scale"]),
            float(weights["temperature"]),
        )
