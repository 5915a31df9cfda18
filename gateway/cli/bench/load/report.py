"""Figures of a load as a table and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from gateway.cli.bench.load.generator import Figures
from gateway.cli.bench.load.servers import Written
from gateway.cli.bench.load.soak import MOST_GROWTH, Endured
from gateway.cli.bench.machine import load_average

NEVER = "not measured"


@dataclass(frozen=True, slots=True)
class Report:
    """One run: the gateway's figures, the relay's, and what was written."""

    frame_ms: int
    seconds: float
    apart: bool
    """Whether the process under test had a core of its own."""
    gateway: Figures
    relay: Figures | None
    written: Written

    @property
    def right(self) -> bool:
        """Whether every byte came back, every row was written and every session ended."""
        loads = [self.gateway, *([self.relay] if self.relay else [])]
        return (
            all(load.right for load in loads) and not self.written.refused and not self.written.still_active
        )

    @property
    def ratio(self) -> float | None:
        """The gateway's p99 against the relay's."""
        ours, theirs = self.gateway.p99_ms, self.relay.p99_ms if self.relay else None
        return ours / theirs if ours is not None and theirs else None

    def json(self) -> str:
        body = {**asdict(self), "ratio": self.ratio, "right": self.right, "load_average": load_average()}
        return json.dumps(body, indent=2)

    def lines(self) -> Iterator[str]:
        """The table."""
        place = "a core of its own" if self.apart else "a core shared with the generator"
        yield f"{self.gateway.calls} calls, frames of {self.frame_ms} ms, {self.seconds:g} s; {place}"
        columns = [self.gateway, *([self.relay] if self.relay else [])]
        yield _row("", *(load.target for load in columns))
        for name, field, form in ROWS:
            yield _row(name, *(_shown(getattr(load, field), form) for load in columns))
        if self.ratio is not None:
            yield f"p99 is {self.ratio:.1f} times the relay's"
        yield told(self.written)
        for load in columns:
            yield from load.faults
        yield _load()


@dataclass(frozen=True, slots=True)
class SoakReport:
    """A long run."""

    frame_ms: int
    endured: Endured
    written: Written

    @property
    def right(self) -> bool:
        """Whether every byte came back, the memory stayed flat, every row was written and every session ended."""
        return self.endured.right and not self.written.refused and not self.written.still_active

    def json(self) -> str:
        body = {**asdict(self), "growth": self.endured.growth, "right": self.right}
        return json.dumps({**body, "load_average": load_average()}, indent=2)

    def lines(self) -> Iterator[str]:
        """In words."""
        seen = self.endured
        yield (
            f"{seen.steady} calls stayed for {seen.seconds:g} s, {seen.came_and_went} came and went: {seen.frames} "
            f"frames of {self.frame_ms} ms, {seen.lost} lost"
        )
        if seen.growth is None:
            yield f"memory: {NEVER}"
        else:
            last = seen.memory_kb[-1]
            yield f"memory (PSS) {last} kB in the end, {seen.growth:+.1%} since it was warm ({MOST_GROWTH:.0%} may be)"
        yield told(self.written)
        yield from seen.faults
        yield _load()


def told(written: Written) -> str:
    """What the store held, in words."""
    return (
        f"{written.events} events and {written.turns} turns of {written.sessions} sessions written, "
        f"{written.refused} rows refused, {written.still_active} sessions left open"
    )


ROWS = (
    ("frames", "frames", "d"),
    ("frames lost", "lost", "d"),
    ("echo, median", "p50_ms", ".2f ms"),
    ("echo, p95", "p95_ms", ".2f ms"),
    ("echo, p99", "p99_ms", ".2f ms"),
    ("echo, longest", "longest_ms", ".1f ms"),
    ("CPU a frame", "cpu_us_a_frame", ".0f µs"),
    ("CPU, of one core", "cpu_share", ".2f"),
    ("memory (PSS)", "memory_kb", "d kB"),
    ("memory a call", "kb_a_call", ".0f kB"),
    ("generator's CPU, of one core", "generator_cpu_share", ".2f"),
    ("generator late, p99", "generator_late_p99_ms", ".2f ms"),
)
"""What stands in the table: its name, the figure, the form and unit."""


def _load() -> str:
    return "load average " + " ".join(f"{value:.2f}" for value in load_average())


def _shown(value: float | None, form: str) -> str:
    number, _, unit = form.partition(" ")
    return NEVER if value is None else f"{value:{number}} {unit}".rstrip()


def _row(name: str, *cells: str) -> str:
    return f"{name:30}" + "".join(f"{cell:>16}" for cell in cells)
