"""What the trials of a scenario come to: a line a bar, and whether it was met."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

from gateway.cli.bench.performing import Trial
from gateway.cli.bench.scenario import FigureBar, Scenario, ShareBar


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    title: str
    measured: str
    n: int
    bar: str
    met: bool | None
    """None where nothing was measured."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of them do not exceed (nearest rank): one that occurred, also an infinite one."""
    ranked = sorted(values)
    return ranked[max(0, -(-round(share * 100) * len(ranked) // 100) - 1)]


def rows(scenario: Scenario, trials: Sequence[Trial]) -> list[Row]:
    """A row for each of the scenario's bars."""
    return [
        _figure(bar, trials) if isinstance(bar, FigureBar) else _share(bar, trials) for bar in scenario.bars
    ]


def _figure(bar: FigureBar, trials: Sequence[Trial]) -> Row:
    values = [value for trial in trials if (value := _value(bar, trial)) is not None]
    told = [f"median {_ms(bar.median)}"] if bar.median is not None else []
    told += [f"p95 {_ms(bar.p95)}"] if bar.p95 is not None else []
    if not values:
        return Row(bar.title, "-", 0, ", ".join(told), None)
    median, p95 = percentile(values, 0.5), percentile(values, 0.95)
    met = median <= (bar.median or inf) and p95 <= (bar.p95 or inf)
    return Row(bar.title, f"median {_ms(median)}, p95 {_ms(p95)}", len(values), ", ".join(told), met)


def _value(bar: FigureBar, trial: Trial) -> float | None:
    """What was to be measured and is lost counts as never."""
    value: float | None = getattr(trial.reading, bar.figure)
    return inf if trial.lost else value


def _share(bar: ShareBar, trials: Sequence[Trial]) -> Row:
    held = [trial.met.get(bar.share, False) for trial in trials]
    if not held:
        return Row(bar.title, "-", 0, f"at least {bar.at_least:.0%}", None)
    share = sum(held) / len(held)
    return Row(
        bar.title,
        f"{sum(held)} of {len(held)}",
        len(held),
        f"at least {bar.at_least:.0%}",
        share >= bar.at_least,
    )


def _ms(value: float) -> str:
    return f"{value:.0f} ms" if isfinite(value) else "never"


def table(rows: Sequence[Row]) -> str:
    """The rows, in columns."""
    heads = ("", "measured", "n", "bar", "met")
    marks = {True: "yes", False: "no", None: "-"}
    cells = [heads, *((row.title, row.measured, str(row.n), row.bar, marks[row.met]) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )
