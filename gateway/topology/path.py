"""Which way a call goes now: from what it does to the edges that it uses."""

from collections.abc import Iterator

from gateway.ports import Mode
from gateway.topology.model import Deed, Doing, LiveSession

SPOKEN_BY_SYNTHESIZER: frozenset[Mode] = frozenset({"local"})
"""Engines that have their words spoken by the synthesizer; the others have a voice of their own."""


Pair = tuple[str, str]
"""Source and target of an edge."""


def edge_id(source: str, target: str) -> str:
    return f"{source}>{target}"


def uses(session: LiveSession, client: str | None) -> Iterator[tuple[Doing, Pair]]:
    """The edges that `session` uses now, each with what it does there; `client` is its client's node, None where that
    is not to be seen."""
    for doing in session.doing:
        if client is not None and doing in ("listening", "speaking"):
            yield doing, (client, "gateway")
        for pair in _ways(doing, session):
            yield doing, pair


def _ways(doing: Doing, session: LiveSession) -> Iterator[Pair]:
    match doing:
        case "listening":
            yield "gateway", "transcriber"
        case "thinking":
            yield "gateway", "bridge"
        case "planning":
            yield "bridge", "orchestrator"
        case "acting":
            yield "gateway", "bridge"
            yield "bridge", "orchestrator"
            for deed in session.deeds:
                yield from deed_edges(deed)
        case "preparing" | "speaking":
            yield from _voice(session.mode)
        case "recording":
            yield "gateway", "database"


def deed_edges(deed: Deed) -> Iterator[Pair]:
    """From the orchestrator to the tool; one that names no agent has its tools by itself."""
    tool = f"tool:{deed.tool}"
    if not deed.agent:
        yield "orchestrator", tool
        return
    agent = f"agent:{deed.agent}"
    yield "orchestrator", agent
    yield agent, tool


def _voice(mode: Mode) -> Iterator[Pair]:
    yield "gateway", f"engine:{mode}"
    if mode in SPOKEN_BY_SYNTHESIZER:
        yield f"engine:{mode}", "synthesizer"
