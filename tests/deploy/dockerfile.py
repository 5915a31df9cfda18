"""The Dockerfile as the builder reads it, as far as the tests need it: instructions by stage."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from tests.deploy.composition import ROOT, put_in

FILE = ROOT / "Dockerfile"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One line of it, with those that continue it."""

    stage: int
    """Counted from 0; -1 before the first."""
    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """Of a list as JSON has it, or of plain words without their `--options`."""
        if self.rest.startswith("["):
            found: list[str] = json.loads(self.rest)
            return found
        return [word for word in shlex.split(self.rest) if not word.startswith("--")]

    @property
    def options(self) -> dict[str, str]:
        words = shlex.split(self.rest)
        return dict(word[2:].partition("=")[::2] for word in words if word.startswith("--"))


def instructions(text: str) -> Iterator[Instruction]:
    """All of them, in order."""
    stage = -1
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            stage += word == "FROM"
            yield Instruction(stage, word, rest.strip())


def of_image(text: str, target: str | None = None) -> list[Instruction]:
    """Those that make the image of the stage `target`, or of the last, with those of the stages below it."""
    found = list(instructions(text))
    named = {each.words[2]: each.stage for each in found if each.word == "FROM" and len(each.words) == 3}
    stage: int | None = found[-1].stage if target is None else named[target]
    made: list[Instruction] = []
    while stage is not None:
        own = [each for each in found if each.stage == stage]
        made = [*own, *made]
        stage = named.get(own[0].words[0])
    return made


def entrypoint(text: str, target: str | None = None) -> list[str]:
    """What runs in the image, before the arguments."""
    return next(each.words for each in of_image(text, target) if each.word == "ENTRYPOINT")


def environment(text: str, target: str | None = None) -> dict[str, str]:
    """What the image sets for whatever runs in it, but the path."""
    pairs = [word for each in of_image(text, target) if each.word == "ENV" for word in each.words]
    found = dict(pair.partition("=")[::2] for pair in pairs)
    return {name: put_in(value, {}) for name, value in found.items() if name != "PATH"}
