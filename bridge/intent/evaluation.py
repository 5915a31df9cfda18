"""How good a classifier is on labelled phrases: shares of what goes wrong, each with its 95 % interval."""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal, get_args

from bridge.events import Intent
from bridge.intent.decision import IntentClassifier

Kind = Literal["action", "chitchat", "control", "oos"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Choose = Callable[[str], str | None]
"""The name of the tool that an utterance asks for, or None where no tool fits."""

Z = 1.959964
"""Of the standard normal distribution: 95 % lie within."""


class BadLine(ValueError):
    """A line of a file cannot be used; the message names it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A phrase, and what it is."""

    text: str
    label: Kind


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's, 95 %."""
        if not self.of:
            return None
        share, z2 = self.hits / self.of, Z * Z
        middle = share + z2 / (2 * self.of)
        half = Z * math.sqrt(share * (1 - share) / self.of + z2 / (4 * self.of**2))
        whole = 1 + z2 / self.of
        return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


@dataclass(frozen=True, slots=True)
class Report:
    """What a classifier made of a file. `oos` lines count in `false_oos` and `unclear` alone."""

    n: int
    missed: Share
    """Of wishes: not taken for one, be it that it abstained."""
    false_chitchat: Share
    """Of small talk: taken for a wish."""
    false_control: Share
    """Of controls: taken for a wish."""
    false_oos: Share
    """Of out-of-scope requests: taken for a wish *and* given a tool."""
    unclear: Share
    """Of all: the classifier abstained."""
    untooled: Share
    """Of wishes that were taken for one: no tool was chosen."""
    ms_p50: float | None
    ms_p99: float | None

    def as_json(self) -> dict[str, Any]:
        """Plain values: shares, `<share>_ci95`, milliseconds; null where there was nothing to count."""
        told: dict[str, Any] = {"n": self.n}
        for name in SHARES:
            share: Share = getattr(self, name)
            told[name] = rounded(share.value)
            told[f"{name}_ci95"] = [rounded(end) for end in share.interval] if share.interval else None
        return told | {"ms_p50": rounded(self.ms_p50), "ms_p99": rounded(self.ms_p99)}


SHARES = ("missed", "false_chitchat", "false_control", "false_oos", "unclear", "untooled")
"""The shares of a report, by their names."""


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def evaluate(lines: Sequence[Line], classifier: IntentClassifier, choose: Choose | None = None) -> Report:
    """Decide on every line, without a last agent turn; time decision and choice of a tool together."""
    counts: dict[tuple[Kind, Intent], int] = {}
    tooled = dict.fromkeys(KINDS, 0)
    took: list[float] = []
    for line in lines:
        begun = perf_counter()
        intent = classifier.decide(line.text, "").intent
        tool = choose(line.text) if choose and intent is Intent.ACTION else None
        took.append((perf_counter() - begun) * 1000)
        counts[line.label, intent] = counts.get((line.label, intent), 0) + 1
        tooled[line.label] += tool is not None
    of = {kind: sum(n for (label, _), n in counts.items() if label == kind) for kind in KINDS}
    wishes = {kind: counts.get((kind, Intent.ACTION), 0) for kind in KINDS}
    nothing = Share(0, 0)
    return Report(
        len(lines),
        Share(of["action"] - wishes["action"], of["action"]),
        Share(wishes["chitchat"], of["chitchat"]),
        Share(wishes["control"], of["control"]),
        Share(tooled["oos"], of["oos"]) if choose else nothing,
        Share(sum(n for (_, intent), n in counts.items() if intent is Intent.UNCLEAR), len(lines)),
        Share(wishes["action"] - tooled["action"], wishes["action"]) if choose else nothing,
        percentile(took, 0.5),
        percentile(took, 0.99),
    )


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value that `share` of all do not exceed; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def read_lines(text: Iterable[str]) -> list[Line]:
    """Lines of JSON, `{"text", "label"}` each.

    Raises:
        BadLine: one is none.
    """
    found = []
    for number, line in enumerate(text, start=1):
        if line.strip():
            row = _row(line, number)
            if not isinstance(row.get("text"), str) or row.get("label") not in KINDS:
                raise BadLine(f'line {number}: want {{"text": …, "label": {" | ".join(KINDS)}}}')
            found.append(Line(row["text"], row["label"]))
    return found


def read_tools(text: Iterable[str]) -> dict[str, list[str]]:
    """Lines of JSON, `{"name", "examples": […]}` a tool.

    Raises:
        BadLine: one is none.
    """
    found: dict[str, list[str]] = {}
    for number, line in enumerate(text, start=1):
        if line.strip():
            row = _row(line, number)
            name, examples = row.get("name"), row.get("examples")
            if not isinstance(name, str) or not isinstance(examples, list):
                raise BadLine(f'line {number}: want {{"name": …, "examples": […]}}')
            if not all(isinstance(example, str) for example in examples):
                raise BadLine(f"line {number}: an example that is no text")
            found.setdefault(name, []).extend(examples)
    return found


def _row(line: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise BadLine(f"line {number}: no JSON: {error}") from error
    if not isinstance(row, dict):
        raise BadLine(f"line {number}: no object")
    return row
