"""How near a text is to the nearest known phrase of each kind: TF-IDF over words and character n-grams."""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from bridge.plain import plain

Kind = TypeVar("Kind", bound=Hashable)

GRAMS = (3, 4)
"""Characters: they forgive endings ("convert", "converting") and a recogniser's near misses."""

GRAM_WEIGHT = 0.4
"""Of one n-gram against a word, since a word brings several of them."""


def features(text: str) -> Iterator[tuple[str, float]]:
    """Words, neighbouring words and character n-grams of `text`, each with what it counts."""
    words = plain(text).split()
    for word in words:
        yield f"w {word}", 1.0
    for left, right in pairwise(words):
        yield f"b {left} {right}", 1.0
    for word in words:
        edged = f"<{word}>"
        for size in GRAMS:
            for at in range(len(edged) - size + 1):
                yield f"g {edged[at : at + size]}", GRAM_WEIGHT


def counted(text: str) -> dict[str, float]:
    """The weight of each feature of `text`, damped, before it is known how rare the feature is."""
    sums: defaultdict[str, float] = defaultdict(float)
    for feature, weight in features(text):
        sums[feature] += weight
    return {feature: math.log1p(weight) for feature, weight in sums.items()}


class Index(Generic[Kind]):
    """Phrases of several kinds, ready to be compared with: postings by feature, so a look-up costs what it touches."""

    def __init__(self, phrases: Mapping[Kind, Iterable[str]]) -> None:
        rows = [(kind, counted(text)) for kind, texts in phrases.items() for text in texts]
        self._kinds = tuple(phrases)
        self._rows = {
            kind: np.array([at for at, (k, _) in enumerate(rows) if k == kind], dtype=np.intp)
            for kind in phrases
        }
        self._size = len(rows)
        seen = Counter(feature for _, row in rows for feature in row)
        self._rarity = {feature: math.log((1 + len(rows)) / (1 + n)) + 1 for feature, n in seen.items()}
        self._unseen = math.log(1 + len(rows)) + 1
        postings: dict[str, list[tuple[int, float]]] = {}
        for at, (_, row) in enumerate(rows):
            for feature, weight in self._scaled(row).items():
                postings.setdefault(feature, []).append((at, weight))
        self._postings: dict[str, tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]] = {
            feature: (np.array([at for at, _ in found]), np.array([weight for _, weight in found]))
            for feature, found in postings.items()
        }

    def nearest(self, text: str) -> dict[Kind, float]:
        """By kind, the cosine between `text` and the nearest phrase; 0 for a kind without phrases."""
        scores = np.zeros(self._size)
        for feature, weight in self._scaled(counted(text)).items():
            if feature in self._postings:
                at, weights = self._postings[feature]
                scores[at] += weight * weights
        return {kind: float(scores[rows].max(initial=0.0)) for kind, rows in self._rows.items()}

    def _scaled(self, row: Mapping[str, float]) -> dict[str, float]:
        """`row` by rarity, of length 1. What no phrase has counts too: it is what makes a text unlike all of them."""
        weighted = {f: weight * self._rarity.get(f, self._unseen) for f, weight in row.items()}
        length = math.sqrt(sum(weight * weight for weight in weighted.values()))
        return {f: weight / length for f, weight in weighted.items()} if length else {}
