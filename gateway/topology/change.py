"""What changed from one snapshot to another: whole rows that are new or other, and the ids of what is gone."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from gateway.store.totals import Totals
from gateway.topology.model import Edge, LiveSession, Node, Snapshot

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Gone:
    """The ids of what is no more."""

    nodes: tuple[str, ...]
    edges: tuple[str, ...]
    sessions: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What makes one snapshot out of another."""

    at: datetime
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    sessions: tuple[LiveSession, ...]
    gone: Gone
    totals: Totals | None
    """None where they stayed as they were."""


def change(old: Snapshot, new: Snapshot) -> Change:
    """What must be told to who knows `old`."""
    nodes, no_nodes = _differ({n.id: n for n in old.nodes}, {n.id: n for n in new.nodes})
    edges, no_edges = _differ({e.id: e for e in old.edges}, {e.id: e for e in new.edges})
    sessions, no_sessions = _differ(
        {s.session_id: s for s in old.sessions}, {s.session_id: s for s in new.sessions}
    )
    totals = new.totals if new.totals != old.totals else None
    return Change(new.at, nodes, edges, sessions, Gone(no_nodes, no_edges, no_sessions), totals)


def _differ(old: dict[K, T], new: dict[K, T]) -> tuple[tuple[T, ...], tuple[K, ...]]:
    return tuple(row for key, row in new.items() if old.get(key) != row), tuple(_missing(old, new))


def _missing(old: Iterable[K], new: dict[K, T]) -> Iterable[K]:
    return (key for key in old if key not in new)
