"""Every setting that the code reads from the environment, found in its syntax; and what `.env.example` tells.

`python -m tests.deploy.settings` writes the tables of `docs/settings.md` anew.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from services.base.settings import Settings
from tests.deploy.composition import FILE, ROOT, variables_of

PACKAGES = ("bridge", "gateway", "migrations", "personas", "services")
EXAMPLE = ROOT / ".env.example"
PAGE = ROOT / "docs" / "settings.md"

FOREIGN = {
    "ANTIPHON_BENCH_CORE": "between a bench and the processes that it starts",
    "XDG_DATA_HOME": "the desktop's",
}
"""Read by the code, and no settings of ours."""


@dataclass(frozen=True, slots=True)
class Read:
    """One place that reads a setting."""

    name: str
    by: str
    """`gateway`, a service's name, `every part`, `commands` or `compose`."""
    default: str | None
    """As one would write it; None where it is not a plain value, or the place does not say."""
    is_path: bool = False
    """It names a file or folder."""


@dataclass(frozen=True, slots=True)
class Told:
    """One setting of `.env.example`."""

    section: str
    name: str
    default: str
    meaning: str


def reads() -> Iterator[Read]:
    """Every place of the code and of the compose file."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield from _reads_of(path)
    for name, default in variables_of(FILE.read_text(encoding="utf-8")).items():
        yield Read(name, "compose", default)


def reader(path: Path) -> str:
    """Which process a module of ours belongs to."""
    match path.relative_to(ROOT).parts:
        case ("services", "base", *_):
            return "every part"
        case ("services", service, *_):
            return service
        case ("gateway", "cli", *_):
            return "commands"
        case _:
            return "gateway"


def _reads_of(path: Path) -> Iterator[Read]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name, bases=bases) if any(
                isinstance(base, ast.Name) and base.id in ("Settings", "BaseSettings") for base in bases
            ):
                yield from _fields(path, getattr(_module(path), name), node)
            case ast.Call(func=ast.Attribute(value=whose, attr="get"), args=[key, *rest]) if _is_environ(
                whose
            ):
                plain = rest and isinstance(rest[0], ast.Constant)
                yield from _named(path, key, str(rest[0].value) if plain else None)  # type: ignore[attr-defined]
            case ast.Subscript(value=whose, slice=key, ctx=ast.Load()) if _is_environ(whose):
                yield from _named(path, key, None)
            case ast.Call(func=ast.Attribute(attr="getenv")):
                raise AssertionError(f"{path}: say os.environ, which is looked for")


def _named(path: Path, key: ast.expr, default: str | None) -> Iterator[Read]:
    match key:
        case ast.Constant(value=str(name)):
            pass
        case ast.Name(id=constant):
            name = getattr(_module(path), constant)
        case ast.JoinedStr():
            return  # `<PART>_PORT`, by the name of a part: another place reads it by its own.
        case ast.Attribute():
            return  # A webhook's secret, in a variable that its owner names.
        case _:
            raise AssertionError(f"{path}:{key.lineno}: no name of a setting can be read off this")
    if name not in FOREIGN:
        yield Read(name, reader(path), default)


def _fields(path: Path, kind: type[Settings], node: ast.ClassDef) -> Iterator[Read]:
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            field = kind.model_fields[line.target.id]
            is_path = "Path" in ast.unparse(line.annotation)
            default = None if _is_computed(line.value) else _written(field.default)
            yield Read(line.target.id.upper(), reader(path), default, is_path)


def _is_computed(value: ast.expr | None) -> bool:
    """Whether a default depends on the machine: more than `Field` is called for it."""
    calls = [node for node in ast.walk(value) if isinstance(node, ast.Call)] if value else []
    return any(not (isinstance(call.func, ast.Name) and call.func.id == "Field") for call in calls)


def _written(default: Any) -> str | None:
    match default:
        case Path():
            return None
        case _ if default is None or default is PydanticUndefined:
            return ""
        case float():
            return f"{default:g}"
        case _:
            return str(default)


def _is_environ(node: ast.expr) -> bool:
    return ast.unparse(node) in ("os.environ", "environ")


def _module(path: Path) -> Any:
    return import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def told(text: str) -> Iterator[Told]:
    """What `.env.example` tells: the settings right below a comment share it."""
    section, fresh = "", True
    meaning: list[str] = []
    for line in text.splitlines():
        if heading := re.fullmatch(r"# ── (.+?) ─+", line):
            section, meaning, fresh = heading[1], [], True
        elif setting := re.fullmatch(r"#([A-Z][A-Z0-9_]*)=(.*)", line):
            yield Told(section, setting[1], setting[2], " ".join(meaning))
            fresh = True
        elif line.startswith("# "):
            meaning = [line[2:]] if fresh else [*meaning, line[2:]]
            fresh = False
        else:
            assert not line, f"{line!r} is neither a setting nor a comment"
            meaning, fresh = [], True


def readers() -> dict[str, set[str]]:
    """Who reads each setting."""
    found: dict[str, set[str]] = defaultdict(set)
    for each in reads():
        found[each.name].add(each.by)
    return found


def page(head: str) -> str:
    """`docs/settings.md`: its head as it stands, and tables that tell the same as `.env.example`."""
    lines, section, read_by = [], None, readers()
    for each in told(EXAMPLE.read_text(encoding="utf-8")):
        if each.section != section:
            section = each.section
            lines += [
                "",
                f"## {section}",
                "",
                "| setting | default | what it is | read by |",
                "|---|---|---|---|",
            ]
        default = f"`{each.default}`" if each.default else ""
        by = ", ".join(sorted(read_by.get(each.name, ())))
        lines.append(f"| `{each.name}` | {default} | {each.meaning} | {by} |")
    return "\n".join([head.partition("\n## ")[0].rstrip("\n"), *lines, ""])


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
