"""`.env.example` tells of every setting."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from services.base.settings import Settings

EXAMPLE = Path(__file__).parents[3] / ".env.example"

OWNERS = (
    "gateway.cli.deployment",
    "gateway.settings",
    "services.orchestrator.server",
    "services.synthesizer.server",
    "services.transcriber.server",
)


def settings(module: str) -> Iterator[type[Settings]]:
    for found in vars(import_module(module)).values():
        if isinstance(found, type) and issubclass(found, Settings) and found is not Settings:
            yield found


@pytest.mark.parametrize("module", OWNERS)
def test_every_setting_is_told(module: str) -> None:
    told = set(re.findall(r"^#([A-Z_]+)=", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE))
    found = list(settings(module))
    assert found
    for kind in found:
        assert {name.upper() for name in kind.model_fields} - told == set()


def test_no_setting_is_told_twice() -> None:
    names = re.findall(r"^#([A-Z_]+)=", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(names) == sorted(set(names))
