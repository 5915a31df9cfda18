"""Whom the client nodes stand for: each call by itself while they are few, the kinds of clients when they are many."""

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from gateway.topology.model import LiveSession, Node

MOST_SINGLE = 12
"""Calls that get a node each: more of them in one column can't be told apart, and what one asks then is how many."""

UNNAMED = "Unnamed client"

LONGEST_NAME = 40
"""Characters; it comes from outside."""


def kind_of(client: str) -> str:
    """What one calls a client of this `User-Agent`: its product's name (RFC 9110, 10.1.5)."""
    product = client.split("/", 1)[0].strip()[:LONGEST_NAME]
    # Every browser says so, for reasons of the nineties.
    return "Browser" if product == "Mozilla" else product or UNNAMED


def client_nodes(sessions: Sequence[LiveSession]) -> tuple[list[Node], Mapping[UUID, str]]:
    """The client nodes, and by session the id of its own."""
    if len(sessions) <= MOST_SINGLE:
        nodes = [_single(session) for session in sessions]
        return nodes, {s.session_id: node.id for s, node in zip(sessions, nodes, strict=True)}
    kinds = {s.session_id: kind_of(s.client) for s in sessions}
    counts = Counter(kinds.values())
    away = Counter(kinds[s.session_id] for s in sessions if s.state == "away")
    nodes = [_group(kind, counts[kind], away[kind]) for kind in sorted(counts)]
    return nodes, {session_id: f"clients:{kind}" for session_id, kind in kinds.items()}


def _single(session: LiveSession) -> Node:
    away = session.state == "away"
    return Node(
        f"client:{session.session_id}",
        "client",
        kind_of(session.client),
        "down" if away else "up",
        "Its connection is lost; the call waits for it to come back." if away else "",
        {"sessions": 1},
    )


def _group(kind: str, count: int, away: int) -> Node:
    return Node(
        f"clients:{kind}",
        "client",
        kind,
        "degraded" if away else "up",
        f"{away} of {count} have lost their connection." if away else "",
        {"sessions": count},
    )
