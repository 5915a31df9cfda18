"""Builds the graph out of what the gateway knows. No I/O: what had to be asked for is given."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.parts import Offer
from gateway.store.totals import Totals
from gateway.topology.clients import client_nodes
from gateway.topology.model import Deed, Edge, Health, Kind, LiveSession, Node, Snapshot
from gateway.topology.path import SPOKEN_BY_SYNTHESIZER, Pair, deed_edges, edge_id, uses
from services.orchestrator.protocol import AgentDescription, AgentState, ToolDescription

ENGINES = {
    "personaplex": "PersonaPlex",
    "realtime": "Realtime",
    "elevenlabs": "ElevenLabs",
    "local": "Local engine",
}

NOT_ASKED = "Nobody could be asked yet."


@dataclass(frozen=True, slots=True)
class Backlog:
    """The outbox."""

    waiting: int
    """Rows."""
    full: bool
    """Whether events are being dropped."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What others told when they were asked last."""

    parts: Mapping[str, str | None] = field(default_factory=dict)
    """By part: None when it is ready, else what is missing."""
    agents: Sequence[AgentDescription] = ()
    tools: Sequence[ToolDescription] = ()
    totals: Totals | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """All that a snapshot is made of. Two of them are compared by `same_as`."""

    at: datetime
    node: str
    """This gateway's name."""
    most: int
    """Calls that it takes."""
    sessions: Sequence[LiveSession]
    """Without their paths."""
    deciding: int
    """Utterances that the bridge has in hand."""
    offers: Sequence[Offer]
    recognizer: str | None
    outbox: Backlog
    learned: Learned

    def same_as(self, other: "Known | None") -> bool:
        """Whether both know the same, at whatever time."""
        return other is not None and self._content == other._content

    @property
    def _content(self) -> tuple[object, ...]:
        return self.sessions, self.deciding, self.offers, self.recognizer, self.outbox, self.learned


def build(known: Known, owner: str | None = None) -> Snapshot:
    """The graph at one moment.

    Args:
        owner: show the calls of this owner alone, and their clients; None: all. How many use a part, everybody sees.
    """
    shown = [session for session in known.sessions if owner in (None, session.owner)]
    clients, client_of = client_nodes(shown)
    lit: defaultdict[Pair, Counter[str]] = defaultdict(Counter)
    sessions = []
    for session in known.sessions:
        client = client_of.get(session.session_id)
        used = uses(session, client)
        for doing, pair in used:
            lit[pair][doing] += 1
        if client is not None:
            sessions.append(replace(session, path=tuple(dict.fromkeys(edge_id(*pair) for _, pair in used))))
    nodes = (*clients, *_parts(known), *_tools(known))
    may_use = _edges(known, nodes, Counter(client_of.values()))
    edges = tuple(Edge(edge_id(*pair), *pair, count, dict(lit[pair])) for pair, count in may_use.items())
    return Snapshot(known.at, nodes, edges, tuple(sessions), known.learned.totals)


def _parts(known: Known) -> Iterator[Node]:
    """The parts of a call that do not depend on what tools there are."""
    by_mode = Counter(session.mode for session in known.sessions)
    live = len(known.sessions)
    full = live >= known.most
    yield Node(
        "gateway",
        "gateway",
        "Gateway",
        "degraded" if full else "up",
        f"As many calls are under way as it takes: {known.most}." if full else known.node,
        {"sessions": live, "free": known.most - live},
    )
    for offer in known.offers:
        yield Node(
            f"engine:{offer.mode}",
            "engine",
            ENGINES[offer.mode],
            _offered(offer),
            offer.reason or "",
            {"sessions": by_mode[offer.mode]},
        )
    spoken = sum(by_mode[mode] for mode in SPOKEN_BY_SYNTHESIZER)
    yield _part(known, "transcriber", "Transcriber", {"sessions": live}, known.recognizer or "")
    yield _part(known, "synthesizer", "Synthesizer", {"sessions": spoken})
    yield Node(
        "bridge",
        "bridge",
        "Bridge",
        "up",
        "",
        {"utterances": known.deciding, "running": sum(len(session.deeds) for session in known.sessions)},
    )
    yield _part(
        known,
        "orchestrator",
        "Orchestrator",
        {"agents": len(known.learned.agents), "tools": len(known.learned.tools)},
    )
    yield _database(known)


def _offered(offer: Offer) -> Health:
    if offer.available:
        return "up"
    if not offer.is_set_up:
        return "absent"
    return "degraded" if offer.slots_total and not offer.slots_free else "down"


def _part(known: Known, kind: Kind, name: str, load: Mapping[str, float], about: str = "") -> Node:
    health, reason = _health(known, kind)
    return Node(kind, kind, name, health, reason or about, load)


def _database(known: Known) -> Node:
    health, reason = _health(known, "database")
    if known.outbox.full:
        health, reason = "down", "Rows come faster than they can be written; events are being dropped."
    return Node("database", "database", "Postgres", health, reason, {"waiting": known.outbox.waiting})


AGENTS: Mapping[AgentState, Health] = {
    "ready": "up",
    "failing": "degraded",
    "away": "down",
    "left_out": "down",
}


def _tools(known: Known) -> Iterator[Node]:
    """Agents, then tools: those that the orchestrator told, and those that a call uses all the same."""
    running = [deed for session in known.sessions for deed in session.deeds]
    by_agent, by_tool = Counter(d.agent for d in running), Counter(d.tool for d in running)
    agents = {agent.name: agent for agent in known.learned.agents}
    tools = {tool.name: tool for tool in known.learned.tools}
    for name in dict.fromkeys((*agents, *sorted(filter(None, by_agent)))):
        agent = agents.get(name)
        health, reason = _agent_health(known, agent)
        about = reason or (agent.description if agent else "")
        counts = {"calls": agent.calls, "failures": agent.failures} if agent else {}
        yield Node(f"agent:{name}", "agent", name, health, about, {"running": by_agent[name], **counts})
    for name in dict.fromkeys((*tools, *sorted(by_tool))):
        tool = tools.get(name)
        health, reason = _agent_health(known, agents.get(tool.agent) if tool else None)
        if health == "degraded":
            # Another tool of its agent may be the one that failed.
            health, reason = "up", ""
        about = reason or (tool.description if tool else "")
        yield Node(f"tool:{name}", "tool", name, health, about, {"running": by_tool[name]})


def _agent_health(known: Known, agent: AgentDescription | None) -> tuple[Health, str]:
    health, reason = _health(known, "orchestrator")
    if health == "down":
        return "unknown", "The orchestrator does not answer."
    if health == "unknown" or agent is None:
        return health, reason
    return AGENTS[agent.state], agent.reason or ""


def _edges(known: Known, nodes: Sequence[Node], per_client: Mapping[str, int]) -> dict[Pair, int]:
    """The edges, and how many calls may use each."""
    live = len(known.sessions)
    edges: dict[Pair, int] = {(client, "gateway"): count for client, count in per_client.items()}
    for node in nodes:
        match node.kind:
            case "engine":
                edges["gateway", node.id] = count = round(node.load["sessions"])
                if node.id.removeprefix("engine:") in SPOKEN_BY_SYNTHESIZER:
                    edges[node.id, "synthesizer"] = count
            case "transcriber" | "bridge" | "database":
                edges["gateway", node.id] = live
            case "orchestrator":
                edges["bridge", node.id] = live
            case "agent":
                edges["orchestrator", node.id] = live
            case _:
                pass
    told = (Deed(tool.agent, tool.name) for tool in known.learned.tools)
    used = (deed for session in known.sessions for deed in session.deeds)
    return edges | {pair: live for deed in (*told, *used) for pair in deed_edges(deed)}


def _health(known: Known, part: str) -> tuple[Health, str]:
    if part not in known.learned.parts:
        return "unknown", NOT_ASKED
    missing = known.learned.parts[part]
    return ("up", "") if missing is None else ("down", missing)
