"""Which tool an utterance asks for, or none: learned from the tools' example phrases alone, when they are known.

A kernel ridge classifier over the encoder's vectors, by random Fourier features (Rahimi and Recht 2007). Requests that
belong to no tool are learned beside the tools, as one more class: a tool has to be likelier than those by `AT`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from bridge.intent.corpus import clinc
from bridge.intent.encoder import Encoder, Floats, encoder
from bridge.intent.features import said

AT = 0.15
"""By how much a tool has to be likelier than none. Measured on CLINC150's validation part, docs/bridge.md."""

FREQUENCIES = 2048
WIDTH = 1.4
"""Of the frequencies; the kernel of two vectors is exp(-(WIDTH * distance)² / 2)."""

RIDGE = 0.3
"""How far single examples are distrusted."""

SAME = 0.8
"""Cosine; a request as near as this to an example of a tool's is not learned as one that belongs to none."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The tool that comes first, and by how much it is likelier than none."""

    tool: str
    score: float


class ToolChooser:
    """Knows a catalogue of tools by their examples."""

    def __init__(self, tools: Mapping[str, Iterable[str]], encode: Encoder | None = None) -> None:
        self._encoder = encode or encoder()
        names, known = [], []
        self.tools = tuple(tools)
        for at, examples in enumerate(tools.values()):
            vectors = self._vectors(examples)
            names += [at] * len(vectors)
            known.append(vectors)
        examples_of_all = np.vstack(known) if known else np.zeros((0, self._encoder.size), np.float32)
        others = self._vectors(phrase for intent, phrase in clinc("train") if intent == "oos")
        if len(examples_of_all):
            others = others[(others @ examples_of_all.T).max(1) < SAME]
        rng = np.random.default_rng(0)
        self._frequencies = (WIDTH * rng.standard_normal((self._encoder.size, FREQUENCIES))).astype(
            np.float32
        )
        self._phases = (2 * np.pi * rng.random(FREQUENCIES)).astype(np.float32)
        labels = np.array([*names, *[len(self.tools)] * len(others)], dtype=np.intp)
        wanted = np.eye(len(self.tools) + 1, dtype=np.float32)[labels]
        seen = self._seen(np.vstack((examples_of_all, others)))
        self._middle, self._usual = seen.mean(0), wanted.mean(0)
        self._weights = ridge(seen - self._middle, wanted - self._usual)

    def choose(self, text: str) -> str | None:
        """The name of the tool that `text` asks for; None where none fits well enough."""
        best = self.best(text)
        return best.tool if best and best.score >= AT else None

    def best(self, text: str) -> Choice | None:
        """The likeliest tool, however unlikely; None where there are no tools or no words."""
        vector = self._encoder.encode(said(text))
        if not self.tools or not vector.any():
            return None
        scores = (self._seen(vector) - self._middle) @ self._weights + self._usual
        at = int(scores[:-1].argmax())
        return Choice(self.tools[at], float(scores[at] - scores[-1]))

    def _vectors(self, phrases: Iterable[str]) -> Floats:
        return self._encoder.encode_all([said(phrase) for phrase in phrases])

    def _seen(self, vectors: Floats) -> Floats:
        """[…, FREQUENCIES]: vectors whose products are the kernel."""
        waves: Floats = np.cos(vectors @ self._frequencies + self._phases) * np.float32(
            (2 / FREQUENCIES) ** 0.5
        )
        return waves


def ridge(seen: Floats, wanted: Floats) -> Floats:
    """Weights [features, classes] for which `seen` [rows, features] comes near `wanted` [rows, classes]."""
    rows, size = seen.shape
    if rows < size:
        found: Floats = seen.T @ np.linalg.solve(
            seen @ seen.T + RIDGE * np.eye(rows, dtype=np.float32), wanted
        )
        return found
    whole: Floats = np.linalg.solve(seen.T @ seen + RIDGE * np.eye(size, dtype=np.float32), seen.T @ wanted)
    return whole
