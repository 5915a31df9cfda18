"""A sentence as a vector of its meaning: a small convolutional network, distilled from all-MiniLM-L6-v2.

Word pieces are looked up, two layers look at each with its neighbours, and the mean and the maximum over the sentence
become one vector. Numpy alone; the weights stand in `data/encoder.npz`, README.md says how they came about.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

PIECE = re.compile(r"[a-z0-9]+|[^\sa-z0-9]")
LONGEST = 40
"""Pieces of a sentence that are read; nobody says a wish in more."""

TOGETHER = 256
"""Sentences at most that are worked on together."""

Floats = npt.NDArray[np.float32]


class Pieces:
    """Cuts words into the longest pieces that are known, as BERT's uncased vocabulary does."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._at = {piece: at for at, piece in enumerate(vocabulary)}
        self._longest = max(map(len, vocabulary), default=0)

    def of(self, text: str) -> list[int]:
        """The pieces of `text`; a word with a part that is unknown is left out."""
        folded = unicodedata.normalize("NFD", text.lower().replace("’", "'"))
        bare = "".join(c for c in folded if unicodedata.category(c) != "Mn")
        found: list[int] = []
        for word in PIECE.findall(bare):
            found += self._of_word(word)
            if len(found) >= LONGEST:
                break
        return found[:LONGEST]

    def _of_word(self, word: str) -> list[int]:
        found: list[int] = []
        start = 0
        while start < len(word):
            mark = "##" if start else ""
            for end in range(min(len(word), start + self._longest), start, -1):
                at = self._at.get(mark + word[start:end])
                if at is not None:
                    found.append(at)
                    start = end
                    break
            else:
                return []
        return found


@dataclass(frozen=True, slots=True)
class Encoder:
    """The network's weights, ready to be used."""

    pieces: Pieces
    embeddings: npt.NDArray[np.int8]
    """[pieces, width], of 127 steps a row."""
    scales: Floats
    """[pieces, 1]: what a row's greatest weight is."""
    first: tuple[Floats, Floats]
    """Weights [3 * width, hidden] over a piece and its neighbours, and bias."""
    second: tuple[Floats, Floats]
    """[3 * hidden, hidden]."""
    out: tuple[Floats, Floats]
    """[2 * hidden + width, size]."""

    @property
    def size(self) -> int:
        return int(self.out[1].size)

    def encode(self, text: str) -> Floats:
        """[size], of length 1; zeros for a text without a known word."""
        vector: Floats = self.encode_all([text])[0]
        return vector

    def encode_all(self, texts: Sequence[str]) -> Floats:
        """[texts, size]; those of one length are worked on together."""
        by_length: defaultdict[int, list[int]] = defaultdict(list)
        pieces = [self.pieces.of(text) for text in texts]
        for at, found in enumerate(pieces):
            by_length[len(found)].append(at)
        vectors = np.zeros((len(texts), self.size), np.float32)
        by_length.pop(0, None)
        for rows in by_length.values():
            for start in range(0, len(rows), TOGETHER):
                some = rows[start : start + TOGETHER]
                vectors[some] = self._vectors(np.array([pieces[at] for at in some]))
        return vectors

    def _vectors(self, pieces: npt.NDArray[np.intp]) -> Floats:
        """[rows, size], of `pieces` [rows, pieces]."""
        looked_up = self.embeddings[pieces].astype(np.float32) * self.scales[pieces]
        low = np.maximum(beside(looked_up) @ self.first[0] + self.first[1], 0.0)
        high = low + np.maximum(beside(low) @ self.second[0] + self.second[1], 0.0)
        summed = looked_up.sum(1) / np.float32(pieces.shape[1] ** 0.5)
        vectors = np.concatenate((high.mean(1), high.max(1), summed), 1) @ self.out[0] + self.out[1]
        units: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return units


def beside(rows: Floats) -> Floats:
    """[…, pieces, 3 * width]: each piece between the one before and the one after it, zeros beyond the ends."""
    count, width = rows.shape[-2:]
    wide = np.zeros((*rows.shape[:-1], 3 * width), np.float32)
    wide[..., 1:, :width] = rows[..., : count - 1, :]
    wide[..., width : 2 * width] = rows
    wide[..., : count - 1, 2 * width :] = rows[..., 1:, :]
    return wide


@cache
def encoder() -> Encoder:
    """The encoder that comes with the package; loaded once a process."""
    with (files("bridge.intent") / "data" / "encoder.npz").open("rb") as file, np.load(file) as weights:
        layer = {
            name: (
                weights[f"{name}_weight"].astype(np.float32) * weights[f"{name}_scale"],
                weights[f"{name}_bias"],
            )
            for name in ("first", "second", "out")
        }
        return Encoder(
            Pieces(bytes(weights["vocabulary"]).decode().split("\n")),
            weights["embeddings"],
            weights["scales"].astype(np.float32)[:, None],
            **layer,
        )
