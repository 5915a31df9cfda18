"""What the bench's users say was not what anything here was made from."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gateway.cli.bench.scenario import Line, Scenario, ours
from gateway.cli.phrases import small_talk

ROOT = Path(__file__).parents[4]
FIXED = ("backchannels", "interruptions", "echo_stop", "echo")
"""What listeners murmur and interrupters cry is a short list, and known; of the echo alone nobody speaks."""


def plain(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.lower()))


def learnt() -> Iterator[str]:
    """Each phrase that the recogniser's language model, a persona or a tool was made from."""
    yield from small_talk()
    for path in (ROOT / "services/orchestrator/agents").glob("*.yaml"):
        for tool in yaml.safe_load(path.read_text())["tools"]:
            yield from tool["examples"]
    with gzip.open(ROOT / "services/transcriber/phrases/general.txt.gz", "rt") as general:
        yield from general


def words(line: Line) -> str:
    parts = line if isinstance(line, list) else [line]
    return plain(" ".join(part for part in parts if isinstance(part, str)))


@pytest.mark.parametrize("scenario", [s for s in ours() if s.name not in FIXED], ids=lambda s: s.name)
def test_no_line_was_learnt_by_heart(scenario: Scenario) -> None:
    known = {plain(phrase) for phrase in learnt()}
    assert [words(line) for line in scenario.lines if words(line) in known] == []
