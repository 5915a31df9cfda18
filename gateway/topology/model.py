"""The topology as data: nodes, the edges between them, the calls that use them, and totals."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from gateway.ports import Mode
from gateway.store.totals import Totals

Kind = Literal[
    "client",
    "gateway",
    "engine",
    "transcriber",
    "synthesizer",
    "bridge",
    "orchestrator",
    "agent",
    "tool",
    "database",
]

Health = Literal["up", "degraded", "down", "absent", "unknown"]
"""`absent`: nothing of the kind is set up here; `unknown`: nobody could be asked."""

Doing = Literal["listening", "thinking", "planning", "acting", "preparing", "speaking", "recording"]
"""What a call does at a moment; several at once, since both sides may speak and tools run beside."""

State = Literal["waiting", "live", "away"]
"""`waiting`: made, and nothing has been said yet; `away`: its client is gone, and may come back."""


@dataclass(frozen=True, slots=True)
class Node:
    """A part, or whoever uses it."""

    id: str
    kind: Kind
    name: str
    health: Health
    reason: str
    """Why it is not up, or what more there is to know; a sentence, or empty."""
    load: Mapping[str, float]
    """Numbers by name, such as `sessions`. What was not measured is left out."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Two parts that talk to each other."""

    id: str
    """`source>target`."""
    source: str
    target: str
    sessions: int
    """Calls that may use it."""
    doing: Mapping[str, int]
    """Calls that use it now, by what they do; none where it is not lit."""


@dataclass(frozen=True, slots=True)
class Deed:
    """A tool call, as far as a graph must know it."""

    agent: str
    tool: str


@dataclass(frozen=True, slots=True)
class LiveSession:
    """One call under way."""

    session_id: UUID
    owner: str
    """The name of the API key that made it."""
    mode: Mode
    persona: str
    voice: str
    client: str
    """What the client called itself (`User-Agent`); empty where it did not."""
    input_mode: Literal["duplex", "push_to_talk"]
    started_at: datetime
    state: State
    doing: tuple[Doing, ...]
    deeds: tuple[Deed, ...]
    """What runs for it now, or ran within the last second."""
    user_turns: int
    agent_turns: int
    barge_ins: int
    tools: int
    tool_failures: int
    turn_ms: float | None
    """Of the last answer: from the user's last word to the agent's first sound."""
    path: tuple[str, ...] = ()
    """The edges that it uses now."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything at one moment. Two of them are compared by `same_as`."""

    at: datetime
    """When it was first seen so."""
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    sessions: tuple[LiveSession, ...]
    totals: Totals | None
    """None until the database has told them."""

    def same_as(self, other: "Snapshot | None") -> bool:
        """Whether both show the same, at whatever time."""
        return other is not None and (self.nodes, self.edges, self.sessions, self.totals) == (
            other.nodes,
            other.edges,
            other.sessions,
            other.totals,
        )
