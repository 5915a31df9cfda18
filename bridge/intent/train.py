"""Train the classifier: `python -m bridge.intent.train` writes `data/network.npz`, the same each time."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt

from bridge.intent.calibration import temperature
from bridge.intent.corpus import Example, held_out, training
from bridge.intent.encoder import Floats, encoder
from bridge.intent.features import BUCKETS, Features, features_of_all
from bridge.intent.network import CLASSES, Label, Network, softmax

HIDDEN, EPOCHS, BATCH = 64, 8, 256
RATE = 2e-3
DECAY = 3e-6
"""How much each bucket's weight shrinks a step: a word that was seen once says little."""
DROPPED = 0.3
"""The share of words left out while learning, so that the meaning is learned too."""
SMOOTH = 0.02
"""The probability that is spread over the other classes: some phrases are labelled wrong."""
WEIGHTS: Mapping[Label, float] = {"approval": 3.0, "stop": 3.0, "wait": 3.0, "repeat": 3.0, "never_mind": 3.0}
"""Of classes with few examples."""

FILE = Path(__file__).parent / "data" / "network.npz"


def fingerprint(examples: Sequence[Example]) -> str:
    """Of what is learned from, and how: a network made of other things has another."""
    digest = hashlib.sha256(repr((HIDDEN, EPOCHS, BATCH, RATE, DECAY, DROPPED, SMOOTH, BUCKETS)).encode())
    for example in examples:
        digest.update(f"{example.label}\t{example.last_agent}\t{example.text}\n".encode())
    digest.update((Path(__file__).parent / "data" / "encoder.npz").read_bytes())
    return digest.hexdigest()


class Learner:
    """Weights under way, and Adam's two moments of each."""

    def __init__(self, dense: int, rng: np.random.Generator) -> None:
        self.weights: dict[str, Floats] = {
            "hidden_weight": rng.normal(0, (2 / dense) ** 0.5, (dense, HIDDEN)).astype(np.float32),
            "hidden_bias": np.zeros(HIDDEN, np.float32),
            "out_weight": rng.normal(0, (1 / HIDDEN) ** 0.5, (HIDDEN, len(CLASSES))).astype(np.float32),
            "out_bias": np.zeros(len(CLASSES), np.float32),
            "words": np.zeros((BUCKETS, len(CLASSES)), np.float32),
        }
        self._means = {name: np.zeros_like(weight) for name, weight in self.weights.items()}
        self._squares = {name: np.zeros_like(weight) for name, weight in self.weights.items()}
        self._steps = 0

    def learn(self, gradients: dict[str, Floats], rate: float) -> None:
        """One step of Adam."""
        self._steps += 1
        rate *= (1 - 0.999**self._steps) ** 0.5 / (1 - 0.9**self._steps)
        for name, gradient in gradients.items():
            mean, square = self._means[name], self._squares[name]
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient**2 - square)
            self.weights[name] -= np.float32(rate) * mean / (np.sqrt(square) + 1e-8)
        self.weights["words"] *= 1 - DECAY * rate / RATE

    def gradients(
        self,
        dense: Floats,
        rows: npt.NDArray[np.intp],
        buckets: npt.NDArray[np.int32],
        wanted: Floats,
        heavy: Floats,
    ) -> dict[str, Floats]:
        """Of cross-entropy.

        Args:
            dense: [batch, dense].
            rows, buckets: which row has which bucket, side by side.
            wanted: [batch, classes]; `heavy` [batch, 1] is how much a row counts.
        """
        at = self.weights
        counts = np.sqrt(np.maximum(np.bincount(rows, minlength=len(dense)), 1)).astype(np.float32)[:, None]
        hidden = np.maximum(dense @ at["hidden_weight"] + at["hidden_bias"], 0.0)
        words = np.zeros((len(dense), len(CLASSES)), np.float32)
        np.add.at(words, rows, at["words"][buckets])
        wrong = (
            (softmax(hidden @ at["out_weight"] + at["out_bias"] + words / counts) - wanted)
            * heavy
            / len(dense)
        )
        into_hidden = (wrong @ at["out_weight"].T) * (hidden > 0)
        into_words = np.zeros_like(at["words"])
        np.add.at(into_words, buckets, (wrong / counts)[rows])
        return {
            "hidden_weight": dense.T @ into_hidden,
            "hidden_bias": into_hidden.sum(0),
            "out_weight": hidden.T @ wrong,
            "out_bias": wrong.sum(0),
            "words": into_words,
        }


def train(examples: Sequence[Example], seen: Sequence[Features], epochs: int = EPOCHS) -> Network:
    """A network that tells the classes of `examples` by their features `seen`; its temperature is 1."""
    rng = np.random.default_rng(0)
    dense = np.stack([one.dense for one in seen])
    labels = np.array([CLASSES.index(example.label) for example in examples])
    wanted = np.eye(len(CLASSES), dtype=np.float32)[labels] * (1 - SMOOTH) + SMOOTH / len(CLASSES)
    heavy = np.array([WEIGHTS.get(example.label, 1.0) for example in examples], np.float32)[:, None]
    learner = Learner(dense.shape[1], rng)
    steps = epochs * (len(examples) // BATCH)
    step = 0
    for _ in range(epochs):
        order = rng.permutation(len(examples))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            rows = np.repeat(np.arange(BATCH), [seen[at].buckets.size for at in batch])
            buckets = np.concatenate([seen[at].buckets for at in batch])
            kept = rng.random(len(rows)) >= DROPPED
            found = learner.gradients(dense[batch], rows[kept], buckets[kept], wanted[batch], heavy[batch])
            learner.learn(found, RATE * (1 - step / steps))
            step += 1
    return _packed(learner.weights)


def _packed(weights: dict[str, Floats]) -> Network:
    scale = float(np.abs(weights["words"]).max()) / 127 or 1.0
    return Network(
        (weights["hidden_weight"].astype(np.float16).astype(np.float32), weights["hidden_bias"]),
        (weights["out_weight"], weights["out_bias"]),
        np.round(weights["words"] / scale).astype(np.int8),
        scale,
        1.0,
    )


def read(examples: Sequence[Example]) -> list[Features]:
    """What is seen of each."""
    return features_of_all([(example.text, example.last_agent) for example in examples], encoder())


def main() -> None:
    """Learn, calibrate on held-out phrases, write."""
    begun = perf_counter()
    examples = training()
    seen = read(examples)
    print(f"{len(examples)} examples read in {perf_counter() - begun:.0f} s")
    made = train(examples, seen)
    kept = held_out()
    logits = np.stack([made.logits(one) for one in read(kept)])
    labels = np.array([CLASSES.index(one.label) for one in kept])
    warm = temperature(logits, labels)
    np.savez_compressed(
        FILE,
        hidden_weight=made.hidden[0].astype(np.float16),
        hidden_bias=made.hidden[1],
        out_weight=made.out[0],
        out_bias=made.out[1],
        words=made.words,
        words_scale=np.float32(made.words_scale),
        temperature=np.float32(warm),
        fingerprint=np.array(fingerprint(examples)),
    )
    print(f"written in {perf_counter() - begun:.0f} s: {FILE.stat().st_size:,} bytes, temperature {warm:.2f}")


if __name__ == "__main__":
    main()
