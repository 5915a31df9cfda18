"""The topology's page on a stage: the built page and the real stream, over calls that are made up."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from aiohttp import web

from gateway.access import Access
from gateway.parts import Offer
from gateway.ports import Mode
from gateway.rest.page import add_page, find_page
from gateway.rest.topology import Topologies
from gateway.store.tables import Span
from gateway.store.totals import Latency, Totals
from gateway.topology.feed import Feed
from gateway.topology.graph import Backlog, Known, Learned
from gateway.topology.model import Deed, Doing, LiveSession
from services.orchestrator.protocol import AgentDescription, ToolDescription

MODES: Sequence[Mode] = ("local", "local", "personaplex", "elevenlabs")
CLIENTS = ("Mozilla/5.0", "Mozilla/5.0", "Python/3.11 aiohttp/3.14", "OpenAI/JS", "pipecat/1.0", "")
DOINGS: Sequence[tuple[Doing, ...]] = (
    (),
    ("listening",),
    ("listening", "recording"),
    ("thinking", "planning", "recording"),
    ("acting", "recording"),
    ("preparing", "recording"),
    ("speaking",),
    ("speaking", "listening"),
)

SPANS: Sequence[tuple[Span, float]] = (
    ("endpoint", 480.0),
    ("transcript", 10.0),
    ("tool", 25.0),
    ("turn", 510.0),
)


class Play:
    """Calls that go on: at each look every one of them may come to do something else."""

    def __init__(self, calls: int, agents: int, tools: int, seed: int = 4) -> None:
        self._random = random.Random(seed)
        self._tools = [f"tool_{n}" for n in range(tools)]
        self._agents = [f"agent_{n}" for n in range(agents)]
        self._began = datetime.now(UTC)
        self._calls = [self._call(n) for n in range(calls)]
        self.looks = 0

    def end(self, session_id: str) -> None:
        """One of them is over."""
        self._calls = [call for call in self._calls if str(call.session_id) != session_id]

    def look(self) -> Known:
        self.looks += 1
        self._calls = [self._go_on(call) for call in self._calls]
        now = datetime.now(UTC)
        learned = Learned(
            {"database": None, "transcriber": None, "synthesizer": None, "orchestrator": None},
            [
                AgentDescription(name=name, description=f"Does what {name} does.", tools=[])
                for name in self._agents
            ],
            [
                ToolDescription(
                    name=name,
                    agent=self._agent(name),
                    description=f"Does {name}.",
                    risk="read",
                    idempotent=True,
                    parameters={},
                )
                for name in self._tools
            ],
            Totals(now.replace(microsecond=0), 4200, 61_000, 9_100, 12, self._spans(300), self._spans(4000)),
        )
        offers = [
            Offer("personaplex", True, None),
            Offer("realtime", False, "no Realtime server is configured"),
            Offer("elevenlabs", True, None),
            Offer("local", True, None),
        ]
        return Known(
            now, "stage:8999", 256, self._calls, 3, offers, "pocketsphinx", Backlog(7, False), learned
        )

    def _call(self, number: int) -> LiveSession:
        return LiveSession(
            UUID(int=self._random.getrandbits(128)),
            "local",
            self._random.choice(MODES),
            self._random.choice(("myca", "plain")),
            "fern",
            self._random.choice(CLIENTS),
            "duplex",
            self._began - timedelta(seconds=self._random.randrange(3600)),
            "live",
            (),
            (),
            0,
            0,
            0,
            0,
            0,
            None,
        )

    def _go_on(self, call: LiveSession) -> LiveSession:
        # A turn of either side, and so a change of what is done, comes every second or two.
        if self._random.random() > 0.4:
            return call
        doing = self._random.choice(DOINGS)
        tool = self._random.choice(self._tools)
        acting = "acting" in doing
        return replace(
            call,
            doing=doing,
            deeds=(Deed(self._agent(tool), tool),) if acting else (),
            user_turns=call.user_turns + ("listening" in doing),
            agent_turns=call.agent_turns + ("speaking" in doing),
            tools=call.tools + acting,
            turn_ms=self._random.uniform(300, 900) if "preparing" in doing else call.turn_ms,
        )

    def _agent(self, tool: str) -> str:
        place = self._tools.index(tool)
        return self._agents[place * len(self._agents) // len(self._tools)]

    def _spans(self, count: int) -> tuple[Latency, ...]:
        return tuple(Latency(span, count, base, 1.4 * base) for span, base in SPANS)


class Nobody:
    """Nothing has to be asked for: the play knows it."""

    async def run(self) -> None:
        pass

    async def asked(self) -> None:
        pass


@asynccontextmanager
async def staged(play: Play, page: Path | None = None, every_s: float = 0.5) -> AsyncIterator[str]:
    """Serve the page and its stream on a free port; yields the address."""
    app = web.Application()
    feed = Feed(play.look, Nobody(), every_s=every_s)
    for route in Topologies(feed, Access({}, open_to_all=True, hosts=frozenset())).routes():
        app.router.add_route(route.method, route.path, route.handler)
    add_page(app, find_page(page))

    async def close(_: web.Application) -> None:
        await feed.close()

    app.on_shutdown.append(close)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
