"""Read a folder of personas: `voices.yaml`, and one YAML file for each persona."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from personas.errors import (
    BadField,
    BadYaml,
    DuplicateName,
    NoDefault,
    NoFolder,
    UnknownPersona,
    UnknownVoice,
)
from personas.model import Persona, Voice, VoiceFile

PACKAGED = Path(__file__).parent
VOICES = "voices.yaml"

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All personas and voices of one folder, checked against each other."""

    personas: tuple[Persona, ...]
    voices: tuple[Voice, ...]
    default: Persona

    def persona(self, name: str) -> Persona:
        """The persona called `name`.

        Raises:
            UnknownPersona: with the names that there are.
        """
        for persona in self.personas:
            if persona.name == name:
                return persona
        raise UnknownPersona(f"no persona is called {name!r}; there are {_names(self.personas)}")

    def voice(self, name: str) -> Voice:
        """The voice called `name`.

        Raises:
            UnknownVoice: with the names that there are.
        """
        for voice in self.voices:
            if voice.name == name:
                return voice
        raise UnknownVoice(f"no voice is called {name!r}; there are {_names(self.voices)}")


def load(folder: Path | None = None) -> Catalogue:
    """Read `folder`, else `PERSONAS_FOLDER`, else the personas that come with this package.

    Raises:
        PersonaError: one of its leaves; the message names file, line, field and what was expected.
    """
    folder = folder or Path(os.environ.get("PERSONAS_FOLDER") or PACKAGED)
    files = sorted(path for path in folder.glob("*.yaml") if path.name != VOICES)
    if not files or not (folder / VOICES).is_file():
        raise NoFolder(f"{folder}: expected {VOICES} and at least one persona (*.yaml) in this folder")
    voices = _read(folder / VOICES, VoiceFile).voices
    personas = [_read(path, Persona) for path in files]
    _unlike(VOICES, [voice.name for voice in voices])
    _unlike(str(folder), [persona.name for persona in personas])
    for path, persona in zip(files, personas, strict=True):
        if persona.voice not in {voice.name for voice in voices}:
            raise UnknownVoice(
                f"{path.name}: voice: expected a name out of {VOICES} ({_names(voices)}), found {persona.voice!r}"
            )
    return Catalogue(tuple(personas), voices, _default(folder, personas))


def _default(folder: Path, personas: list[Persona]) -> Persona:
    """The one that says so; a lone persona need not say it."""
    chosen = [persona for persona in personas if persona.default] or personas
    if len(chosen) != 1:
        raise NoDefault(f"{folder}: expected `default: true` in exactly one of {_names(chosen)}")
    return chosen[0]


def _unlike(where: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise DuplicateName(f"{where}: name: expected each name once, found {name!r} twice")


def _names(named: Iterable[Persona | Voice]) -> str:
    return ", ".join(each.name for each in named)


def _read(path: Path, kind: type[M]) -> M:
    """One file as one model, or an error that names the line."""
    tree = _parse(path)
    loader = yaml.SafeLoader("")
    try:
        return kind.model_validate(loader.construct_document(tree))
    except yaml.MarkedYAMLError as error:
        raise BadYaml(_marked(path, error)) from error
    except ValidationError as error:
        lines = [_wrong(path, tree, kind, detail) for detail in error.errors()]
        raise BadField("\n".join(lines)) from error
    finally:
        loader.dispose()


def _parse(path: Path) -> yaml.Node:
    """The file's nodes, which know their lines; one mapping, no key in it twice."""
    try:
        tree = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise BadYaml(_marked(path, error)) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadYaml(f"{path.name}: expected readable YAML in UTF-8: {error}") from error
    if not isinstance(tree, yaml.MappingNode):
        raise BadYaml(f"{path.name}: expected a mapping of fields")
    _no_key_twice(path, tree)
    return tree


def _marked(path: Path, error: yaml.MarkedYAMLError) -> str:
    line = error.problem_mark.line + 1 if error.problem_mark else 1
    return f"{path.name}:{line}: expected YAML: {error.problem}"


def _no_key_twice(path: Path, node: yaml.Node) -> None:
    # YAML forbids it, but the parser takes the last one without a word, and half a persona is lost.
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise BadYaml(
                    f"{path.name}:{key.start_mark.line + 1}: {key.value}: found twice in one mapping"
                )
            seen.add(key.value)
            _no_key_twice(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _no_key_twice(path, value)


def _wrong(path: Path, tree: yaml.Node, kind: type[BaseModel], detail: ErrorDetails) -> str:
    """`myca.yaml:12: small_talk[3].replies: expected …, found …`."""
    loc = detail["loc"]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")
    match detail["type"]:
        case "missing":
            what = "is missing"
        case "extra_forbidden":
            what = f"unknown field; expected one of {', '.join(_fields(kind, loc[:-1]))}"
        case _:
            said = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
            what = f"expected {said}, found {_short(detail['input'])}"
    return f"{path.name}:{_line(tree, loc)}: {field}: {what}"


def _line(node: yaml.Node, loc: tuple[int | str, ...]) -> int:
    """The line of the deepest part of `loc` that the file has; 1 is the first."""
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            found = next((value for key, value in node.value if key.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = node.value[part]
        else:
            found = None
        if found is None:
            break
        node = found
    return int(node.start_mark.line) + 1


def _fields(kind: Any, loc: tuple[int | str, ...]) -> list[str]:
    """The fields that the model at `loc` below `kind` knows."""
    for part in loc:
        kind = kind.model_fields[part].annotation if isinstance(part, str) else get_args(kind)[0]
    return list(kind.model_fields)


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"
