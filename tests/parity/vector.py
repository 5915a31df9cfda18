"""A golden vector of the language model: calls frame by frame, and what a reference said in them."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.speech.shapes import CODEBOOKS, FREE

FOLDER = Path(__file__).parents[1] / "vectors"
NOTHING_FORCED = (FREE,) * (1 + CODEBOOKS)
Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What a slot does in one frame."""

    slot: int
    user: Tokens
    """[CODEBOOKS], the codes that are heard."""
    forced: Tokens = NOTHING_FORCED
    """[1 + CODEBOOKS], what has to stand at the next position, text first."""
    begins: bool = False
    """A call begins: the slot is emptied first."""
    said: Tokens = NOTHING_FORCED
    """[1 + CODEBOOKS], what comes out, text first; `FREE` where nothing does yet."""


@dataclass(frozen=True, slots=True)
class Vector:
    """Calls in the slots of one batch."""

    context: int
    """Positions that the model looks back on."""
    slots: int
    frames: tuple[tuple[Step, ...], ...]
    """Of each frame, the slots that are live in it."""

    def said(self, slot: int = 0) -> list[Tokens]:
        """What came out of a slot, frame by frame."""
        return [step.said for frame in self.frames for step in frame if step.slot == slot]


def read(path: Path) -> Vector:
    whole = json.loads(path.read_text())
    frames: list[list[Step]] = []
    for line in whole["steps"]:
        frames.extend([] for _ in range(line.pop("frame") + 1 - len(frames)))
        fields: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in line.items()}
        frames[-1].append(Step(**fields))
    return Vector(whole["context"], whole["slots"], tuple(map(tuple, frames)))


def write(vector: Vector, path: Path) -> None:
    """One line a step, without what is nothing special."""
    usual = {field.name: field.default for field in dataclasses.fields(Step)}
    steps = [
        {"frame": frame}
        | {name: value for name, value in dataclasses.asdict(step).items() if value != usual[name]}
        for frame, steps in enumerate(vector.frames)
        for step in steps
    ]
    lines = ",\n".join(json.dumps(step, separators=(",", ":")) for step in steps)
    path.write_text(f'{{"context": {vector.context}, "slots": {vector.slots}, "steps": [\n{lines}\n]}}\n')
