"""A gateway and an orchestrator as processes of their own, which stop wherever a test wants to kill one of them.

Between the two stands a proxy that holds requests and answers; the tools ask before and after they act; and a trigger
holds what the gateway writes into its ledger.
"""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import aiohttp
import asyncpg
from aiohttp import web
from sqlalchemy import make_url

from gateway.cli.ports import free_port
from services.base.database_url import for_psql
from services.orchestrator.protocol import CHAT_PATH
from tests.gateway.proxy import Proxy

PATIENCE = 90.0
KEY = "of this test alone"
NAMES = ("order", "switch")

AGENT = """
agent: shop
description: Orders and switches.
tools:
"""
TOOL = """
  - name: {name}
    description: To {name} something.
    run: tests.killed.tools:{name}
    risk: write
    idempotent: {idempotent}
    timeout_s: 90
    parameters:
      - {{name: number, type: number, required: true, ask: "Which?", description: "Where to ask."}}
    say: ["All right."]
    phrases: |
      {name} number {{number}}
    examples: ["{name} number 7"]
"""

TRIGGER = """
CREATE TABLE held (number int, status text);
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM held WHERE held.status = NEW.status AND held.number = (NEW.arguments->>'number')::int % 100
    ) THEN
        PERFORM pg_advisory_xact_lock_shared(7);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hold BEFORE INSERT OR UPDATE ON voice_tool_invocations FOR EACH ROW EXECUTE FUNCTION hold();
"""
HELD = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
ROWS = "SELECT * FROM voice_tool_invocations WHERE session_id = ANY ($1)"

Rows = dict[tuple[str, str], dict[str, Any]]
"""Of the ledger, by the deed's name and where it was held."""

NUMBER = re.compile(rb"number (\d+)")


@dataclass(slots=True)
class Deed:
    """One wish: what it asks for, where it is held, and what came of it."""

    name: str
    state: str
    session_id: str = ""
    ran: int = 0
    """How often its tool began."""
    done: int = 0
    """How often it was done, in the world."""
    is_there: bool = False


@dataclass(slots=True)
class Program:
    """A process that is started, killed and started again."""

    module: str
    port: int
    environment: dict[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self.module, env=self.environment, stdout=log, stderr=log
            )
        async with aiohttp.ClientSession() as http, asyncio.timeout(PATIENCE):
            while True:
                assert self.process.returncode is None, self.log.read_text()
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.get(f"http://127.0.0.1:{self.port}/health") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()


class Stage:
    """Everything around one gateway."""

    def __init__(self, database: asyncpg.Connection, postgres: Proxy, folder: Path, url: str) -> None:
        self.database, self.postgres = database, postgres
        self._deeds: list[Deed] = []
        """By their numbers."""
        self._keys: set[str] = set()
        self._changed = asyncio.Event()
        self._free = asyncio.Event()
        self._tools_port = 0
        self._handlers: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None
        home = folder / "home"
        (home / "agents").mkdir(parents=True)
        tools = "".join(TOOL.format(name=name, idempotent=str(name == "switch").lower()) for name in NAMES)
        (home / "agents" / "shop.yaml").write_text(AGENT + tools)
        shared = {
            **os.environ,
            "ANTIPHON_HOME": str(home),
            "ANTIPHON_INTERNAL_KEY": KEY,
            "ORCHESTRATOR_TOOL_PACKAGES": "services.orchestrator.tools,tests.killed",
        }
        self.orchestrator = Program(
            "services.orchestrator",
            port := free_port(),
            shared | {"ORCHESTRATOR_PORT": str(port)},
            folder / "orchestrator.log",
        )
        through_proxy = make_url(url).set(host="127.0.0.1", port=postgres.port)
        self.gateway = Program(
            "tests.killed.gateway",
            port := free_port(),
            shared
            | {
                "GATEWAY_PORT": str(port),
                "GATEWAY_NODE": "gateway",
                "GATEWAY_MAX_SESSIONS": "32",
                "DATABASE_URL": through_proxy.render_as_string(hide_password=False),
                "TRANSCRIBER_URLS": "http://127.0.0.1:9",
                "SYNTHESIZER_URL": "http://127.0.0.1:9",
            },
            folder / "gateway.log",
        )

    @classmethod
    @asynccontextmanager
    async def set(cls, url: str, folder: Path) -> AsyncIterator[Self]:
        """Both processes up, on the database at `url`."""
        address = make_url(url)
        async with AsyncExitStack() as stack:
            database = await asyncpg.connect(for_psql(url))
            stack.push_async_callback(database.close)
            await database.execute(TRIGGER)
            postgres = await stack.enter_async_context(Proxy.before(address.port or 5432))
            stage = cls(database, postgres, folder, url)
            server = await asyncio.start_server(stage._tool, "127.0.0.1", 0)
            stack.callback(server.close)
            stage._tools_port = server.sockets[0].getsockname()[1]
            stage._http = await stack.enter_async_context(aiohttp.ClientSession())
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", stage._between)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            stack.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            stage.gateway.environment["ORCHESTRATOR_URL"] = f"http://127.0.0.1:{runner.addresses[0][1]}"
            for program in (stage.orchestrator, stage.gateway):
                stack.push_async_callback(program.kill)
            try:
                await asyncio.gather(stage.orchestrator.start(), stage.gateway.start())
                yield stage
            finally:
                stage._free.set()
                for handler in stage._handlers:
                    handler.cancel()

    # What the test does.

    @asynccontextmanager
    async def held(self, states: Iterable[str]) -> AsyncIterator[dict[tuple[str, str], Deed]]:
        """A call for each deed and each of `states`, at which it waits when this is entered."""
        self._free.clear()
        deeds = [Deed(name, state) for state in states for name in NAMES]
        first = len(self._deeds)
        self._deeds += deeds
        rows = [
            (n, d.state.removeprefix("row ")) for n, d in enumerate(self._deeds) if n >= first and _is_row(d)
        ]
        await self.database.executemany("INSERT INTO held VALUES ($1, $2)", rows)
        await self.database.execute("SELECT pg_advisory_lock(7)")
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(PATIENCE):
                for number in range(first, len(self._deeds)):
                    stack.push_async_callback((await self._wish(number)).close)
                while not all(deed.is_there or _is_row(deed) for deed in deeds):
                    self._changed.clear()
                    await self._changed.wait()
                held = 0
                while held < len(rows):
                    await asyncio.sleep(0.005)
                    held = await self.database.fetchval(HELD)
            yield {(deed.name, deed.state): deed for deed in deeds}

    async def let_go(self) -> None:
        """Nobody waits any more."""
        self._free.set()
        await self.database.execute("DELETE FROM held")
        await self.database.execute("SELECT pg_advisory_unlock(7)")

    async def rows(self, deeds: Mapping[tuple[str, str], Deed], ends: Mapping[tuple[str, str], str]) -> Rows:
        """The rows of `deeds`, once they have come to `ends`.

        Raises:
            AssertionError: they never do; says how they stand.
        """
        of = {UUID(deed.session_id): which for which, deed in deeds.items()}
        rows: Rows = {}
        stand: dict[tuple[str, str], str] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while stand != ends:
                    await asyncio.sleep(0.02)
                    found = await self.database.fetch(ROWS, list(of))
                    rows = {of[row["session_id"]]: dict(row) for row in found}
                    assert len(rows) == len(found), "one row a deed"
                    stand = {which: row["status"] for which, row in rows.items()}
        assert stand == ends, f"{stand}\n{self.gateway.log.read_text()}"
        return rows

    async def _wish(self, number: int) -> aiohttp.ClientWebSocketResponse:
        """Say it in a call of its own."""
        assert self._http is not None
        deed = self._deeds[number]
        body = {"mode": "local", "greeting": False}
        url = f"http://127.0.0.1:{self.gateway.port}/api/mas/voice/duplex/session"
        async with self._http.post(url, json=body) as answer:
            made = await answer.json()
        deed.session_id = made["session_id"]
        bearer = {"Authorization": f"Bearer {made['client_secret']['value']}"}
        socket = await self._http.ws_connect(made["realtime_url"], headers=bearer)
        text = f"{deed.name} number {self._tools_port * 100 + number}"
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        await socket.send_json({"type": "conversation.item.create", "item": item})
        await socket.send_json({"type": "response.create"})
        return socket

    # Where they are held.

    async def _at(self, place: str, deed: Deed) -> None:
        if place == deed.state and not self._free.is_set():
            deed.is_there = True
            self._changed.set()
            await self._free.wait()

    async def _tool(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        task.add_done_callback(self._handlers.discard)
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            while line := (await reader.readline()).decode().split():
                what, number, key = line
                deed = self._deeds[int(number)]
                if what == "began":
                    deed.ran += 1
                elif deed.name == "order" or key not in self._keys:
                    self._keys.add(key)
                    deed.done += 1
                await self._at(what, deed)
                writer.write(b"on\n")
                await writer.drain()

    async def _between(self, request: web.Request) -> web.StreamResponse:
        """What the gateway asks of the orchestrator."""
        body = await request.read()
        wish = NUMBER.search(body)
        deed = self._deeds[int(wish[1]) % 100] if wish else Deed("", "")
        if request.path == CHAT_PATH:
            await self._at("asked", deed)
        if request.transport is None or request.transport.is_closing():
            raise web.HTTPServiceUnavailable  # Whoever asked is dead: nothing reaches the other side.
        assert self._http is not None
        headers = {
            name: v
            for name in ("Authorization", "Accept", "Content-Type")
            if (v := request.headers.get(name))
        }
        url = f"http://127.0.0.1:{self.orchestrator.port}{request.path_qs}"
        try:
            async with self._http.request(request.method, url, data=body, headers=headers) as answer:
                said = await answer.read()
        except aiohttp.ClientError:
            # As if the orchestrator itself had broken off.
            if request.transport is not None:
                request.transport.abort()
            raise web.HTTPBadGateway from None
        if request.path == CHAT_PATH:
            await self._at("answered", deed)
        kept = {"Content-Type": answer.headers.get("Content-Type", "text/plain")}
        return web.Response(status=answer.status, body=said, headers=kept)


def _is_row(deed: Deed) -> bool:
    return deed.state.startswith("row ")
