"""A compose file as Docker Compose reads it: variables put in, checked, and cut down to a profile's services.

By the Compose Specification (12, interpolation; 15, profiles). Where Compose only warns, this is an error.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml
from compose_spec import PyCompose

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.voice.yml"

VARIABLE = re.compile(r"\$(?:\$|\{|(?P<name>[A-Za-z_]\w*))")
BRACED = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:(?P<empty>:?)(?P<operator>[-?+])(?P<word>.*))?", re.DOTALL)

HOSTS_OWN_ADDRESS = "192.0.2.1"
"""Stands for the word `host-gateway`, which Docker replaces and the checker does not know."""


class BadComposition(Exception):
    """Compose would refuse the file, or complain about it."""


@dataclass(frozen=True, slots=True)
class Composition:
    """The services of one profile, by name, in the order of the file."""

    services: dict[str, dict[str, Any]]
    volumes: frozenset[str]

    @classmethod
    def read(cls, text: str, variables: Mapping[str, str], profile: str) -> Self:
        """Raise `BadComposition` where Compose would stop, else what it would run."""
        whole = put_in(yaml.safe_load(text), variables)
        check(whole)
        services = {
            name: {**service, "environment": given(service.get("environment", {}), variables)}
            for name, service in whole["services"].items()
            if profile in service.get("profiles", [profile])
        }
        volumes = frozenset(whole.get("volumes", {}))
        for name, service in services.items():
            if strange := service.get("depends_on", {}).keys() - services.keys():
                raise BadComposition(f"{name} depends on {sorted(strange)}, not in profile {profile}")
            if strange := {source for source, _ in mounts(service)} - volumes:
                raise BadComposition(f"{name} mounts {sorted(strange)}, which is no volume")
        return cls(services, volumes)

    def in_order(self) -> Iterator[str]:
        """The services, each behind those that it depends on."""
        done: list[str] = []
        while left := [name for name in self.services if name not in done]:
            free = [n for n in left if self.services[n].get("depends_on", {}).keys() <= set(done)]
            if not free:
                raise BadComposition(f"{left} depend on each other")
            done.append(free[0])
            yield free[0]


def mounts(service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each volume with the folder at which the service finds it."""
    for mount in service.get("volumes", ()):
        source, _, target = mount.partition(":")
        yield source, target.partition(":")[0]


def given(environment: Mapping[str, str | None], variables: Mapping[str, str]) -> dict[str, str]:
    """What a container gets: a name without a value has the variable's, and is left out where there is none."""
    found = {name: variables.get(name) if value is None else value for name, value in environment.items()}
    return {name: str(value) for name, value in found.items() if value is not None}


def check(whole: Mapping[str, Any]) -> None:
    """Hold it against the specification."""
    text = yaml.safe_dump(whole).replace("host-gateway", HOSTS_OWN_ADDRESS)
    try:
        PyCompose.from_yaml(text).validate()
    except ValueError as error:
        raise BadComposition(str(error)) from error


def variables_of(text: str) -> dict[str, str | None]:
    """Every variable that the file asks for, with its default; None where it has none."""
    found: dict[str, str | None] = {}

    def look(value: Any) -> None:
        match value:
            case str():
                for braced in re.findall(r"\$\{([^}]*)\}", value):
                    parts = _parts(braced)
                    found[parts["name"]] = parts["word"] if parts["operator"] == "-" else None
            case dict():
                found.update(
                    {name: None for name, inner in value.items() if inner is None and name.isupper()}
                )
                for inner in value.values():
                    look(inner)
            case list():
                for inner in value:
                    look(inner)

    look(yaml.safe_load(text))
    return found


def put_in(value: Any, variables: Mapping[str, str]) -> Any:
    """`value` with all variables replaced, in values and not in keys."""
    match value:
        case str():
            return _put_in(value, variables)
        case dict():
            return {name: put_in(inner, variables) for name, inner in value.items()}
        case list():
            return [put_in(inner, variables) for inner in value]
        case _:
            return value


def _put_in(text: str, variables: Mapping[str, str]) -> str:
    result, at = "", 0
    while found := VARIABLE.search(text, at):
        result += text[at : found.start()]
        at = found.end()
        if found[0] == "$$":
            result += "$"
        elif found[0] == "${":
            end = _closing(text, at)
            result += _braced(_parts(text[at:end]), variables)
            at = end + 1
        else:
            result += _braced({"name": found["name"], "operator": None}, variables)
    return result + text[at:]


def _closing(text: str, at: int) -> int:
    """Where the brace closes that is open at `at`; those within are passed over."""
    depth = 1
    for place in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise BadComposition(f"{text}: a brace is not closed")


def _parts(inner: str) -> dict[str, Any]:
    if (found := BRACED.fullmatch(inner)) is None:
        raise BadComposition(f"${{{inner}}} is no variable")
    return found.groupdict()


def _braced(parts: Mapping[str, Any], variables: Mapping[str, str]) -> str:
    name, operator = parts["name"], parts["operator"]
    value = variables.get(name)
    there = value is not None and (value != "" or not parts.get("empty"))
    match operator:
        case None if value is None:
            raise BadComposition(f"{name} is not set, and has no default")
        case "?" if not there:
            raise BadComposition(f"required variable {name} is missing a value: {parts['word']}")
        case "-" if not there:
            return _put_in(parts["word"], variables)
        case "+":
            return _put_in(parts["word"], variables) if there else ""
    assert value is not None
    return value
