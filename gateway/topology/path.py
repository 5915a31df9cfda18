"""Which way a call goes now: from what it does to the edges that it uses."""

from collections.abc import Iterator
from functools import lru_cache

from gateway.ports import Mode
from gateway.topology.model import Deed, Doing, LiveSession

SPOKEN_BY_SYNTHESIZER: frozenset[Mode] = frozenset({"local"})
"""Engines that have their words spoken by the synthesizer; the others have a voice of their own."""


Pair = tuple[str, str]
"""Source and target of an edge."""


def edge_id(source: str, target: str) -> str:
    return f"{source}>{target}"


def uses(session: LiveSession, client: str | None) -> tuple[tuple[Doing, Pair], ...]:
    """The edges that `session` uses now, each with what it does there; `client` is its client's node, None where that
    is not to be seen."""
    ways = _ways(session.doing, session.mode, session.deeds)
    if client is None:
        return ways
    heard = tuple(
        (doing, (client, "gateway")) for doing in session.doing if doing in ("listening", "speaking")
    )
    return (*heard, *ways)


@lru_cache(maxsize=1024)
def _ways(doing: tuple[Doing, ...], mode: Mode, deeds: tuple[Deed, ...]) -> tuple[tuple[Doing, Pair], ...]:
    """Behind the gateway. Kept: of two hundred calls most do what others do."""
    return tuple(dict.fromkeys((each, pair) for each in doing for pair in _pairs(each, mode, deeds)))


def _pairs(doing: Doing, mode: Mode, deeds: tuple[Deed, ...]) -> Iterator[Pair]:
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
            for deed in deeds:
                yield from deed_edges(deed)
        case "preparing" | "speaking":
            yield from _voice(mode)
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
