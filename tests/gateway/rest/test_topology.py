"""REST for the topology: a look, the stream, and a call that lights its path while it goes on."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web

from bridge import events as bridge
from bridge.ledger import Invocation, Status
from gateway.access import Access
from gateway.rest import topology as module
from gateway.topology import feed
from services.base.ids import new_id
from tests.gateway.harness import PATIENCE, Gateway

TOPOLOGY = "/api/mas/voice/topology"
KEY = "the key of ann, long"
OTHER_KEY = "the key of ben, long"


class Stream:
    """Reads the stream as the page does: a snapshot, and changes laid over it."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.events: list[str] = []
        self.nodes: dict[str, Any] = {}
        self.edges: dict[str, Any] = {}
        self.sessions: dict[str, Any] = {}

    async def block(self) -> list[str]:
        """The lines up to the next empty one."""
        lines = []
        async with asyncio.timeout(PATIENCE):
            while line := (await self.response.content.readline()).decode().rstrip("\n"):
                lines.append(line)
        return lines

    async def next(self) -> None:
        """Take the next event in."""
        while True:
            assert not self.response.content.at_eof(), "the stream ended"
            fields = dict(line.split(": ", 1) for line in await self.block() if not line.startswith(":"))
            if "event" in fields:
                break
        self.events.append(fields["event"])
        told = json.loads(fields["data"])
        for name, key in (("nodes", "id"), ("edges", "id"), ("sessions", "session_id")):
            table = getattr(self, name)
            if fields["event"] == "snapshot":
                table.clear()
            else:
                for gone in told["gone"][name]:
                    del table[gone]
            table.update({row[key]: row for row in told[name]})

    async def until_doing(self, session_id: str, doing: str) -> list[str]:
        """Wait until the call does that; the edges that it uses then."""
        while doing not in self.sessions.get(session_id, {}).get("doing", ()):
            await self.next()
        path: list[str] = self.sessions[session_id]["path"]
        for edge in path:
            assert edge in self.edges
        return path


@asynccontextmanager
async def streaming(gateway: Gateway) -> AsyncIterator[Stream]:
    # Unlimited lines: a snapshot is one.
    async with gateway.http.get(
        f"{gateway.url}{TOPOLOGY}/stream", read_bufsize=2**20, max_line_size=2**20
    ) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store"
        yield Stream(answer)


async def test_a_look_shows_parts_tools_and_calls(gateway: Gateway) -> None:
    session = await gateway.session(persona="plain")
    status, body = await gateway.ask("GET", TOPOLOGY)
    assert status == 200
    nodes = {node["id"]: node for node in body["nodes"]}
    assert nodes["gateway"]["load"] == {"sessions": 1, "free": 9}
    assert nodes["engine:personaplex"] == {
        "id": "engine:personaplex",
        "kind": "engine",
        "name": "PersonaPlex",
        "health": "absent",
        "reason": "none here",
        "load": {"sessions": 0},
    }
    assert {nodes[part]["health"] for part in ("transcriber", "synthesizer", "orchestrator", "database")} == {
        "up"
    }
    assert nodes["transcriber"]["reason"] == "ears of a test"
    assert nodes["tool:tell_time"]["reason"] == "Tells the time."
    [row] = body["sessions"]
    assert (row["session_id"], row["persona"], row["state"]) == (session["session_id"], "plain", "waiting")
    assert body["totals"]["sessions"] == 0


async def test_a_part_that_goes_away_is_down_within_the_stream(gateway: Gateway) -> None:
    async with streaming(gateway) as stream:
        await stream.next()
        assert stream.nodes["orchestrator"]["health"] == "up"
        gateway.parts.orchestrator.missing = "it has gone home"
        while stream.nodes["orchestrator"]["health"] == "up":
            await stream.next()
    assert stream.nodes["orchestrator"]["reason"] == "it has gone home"
    assert stream.nodes["tool:tell_time"]["health"] == "unknown"
    assert stream.events[0] == "snapshot"
    assert set(stream.events[1:]) == {"change"}


async def test_a_call_lights_its_path_from_the_first_word_to_the_last_sound(gateway: Gateway) -> None:
    client, ears = await gateway.client()
    session_id = str(gateway.call().session_id)
    tool_may_end = asyncio.Event()

    async def script(utterance: bridge.Utterance) -> AsyncIterator[bridge.BridgeEvent]:
        asked = datetime.now(UTC)
        row = Invocation(
            new_id(),
            utterance.session_id,
            utterance.turn_id,
            "key",
            "clock",
            "tell_time",
            {},
            "read",
            Status.RUNNING,
            requested_at=asked,
            started_at=asked,
        )
        gateway.parts.bridge.deeds = (row,)
        yield bridge.InvocationChanged(row)
        await tool_may_end.wait()
        gateway.parts.bridge.deeds = ()
        yield bridge.Reply(utterance.turn_id, "It is noon and all is well here.", "tool", row.invocation_id)

    gateway.parts.bridge.script = script
    async with streaming(gateway) as stream:
        await stream.next()
        assert stream.sessions[session_id]["state"] == "waiting"
        await client.send("input_audio_buffer.clear")
        await ears.begin("what time is it")
        path = await stream.until_doing(session_id, "listening")
        assert {f"client:{session_id}>gateway", "gateway>transcriber"} <= set(path)
        ears.pause()
        path = await stream.until_doing(session_id, "acting")
        assert {"bridge>orchestrator", "orchestrator>agent:clock", "agent:clock>tool:tell_time"} <= set(path)
        assert stream.nodes["tool:tell_time"]["load"] == {"running": 1}
        tool_may_end.set()
        path = await stream.until_doing(session_id, "speaking")
        assert {"gateway>engine:local", "engine:local>synthesizer"} <= set(path)
        while stream.sessions[session_id]["doing"]:
            await stream.next()
        row = stream.sessions[session_id]
        assert (row["user_turns"], row["agent_turns"], row["tools"]) == (1, 1, 1)
        assert row["turn_ms"] > 0
        assert not any(edge["doing"] for edge in stream.edges.values())
        status, _ = await gateway.ask("DELETE", f"/api/mas/voice/sessions/{session_id}")
        assert status == 200
        while session_id in stream.sessions:
            await stream.next()
        assert f"client:{session_id}" not in stream.nodes


async def test_nothing_that_was_said_is_told(gateway: Gateway) -> None:
    client, ears = await gateway.client()
    session_id = str(gateway.call().session_id)
    async with streaming(gateway) as stream:
        await stream.next()
        await client.send("input_audio_buffer.clear")
        await ears.say("my secret is a walrus")
        await stream.until_doing(session_id, "speaking")
    told = json.dumps([stream.nodes, stream.edges, stream.sessions])
    assert "walrus" not in told


async def test_a_silent_stream_shows_that_it_is_alive(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEEP_ALIVE_S", 0.05)
    async with streaming(gateway) as stream:
        await stream.next()
        while (lines := await stream.block()) != [":"]:
            assert lines


async def test_a_reader_that_takes_nothing_is_cut_off(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is merely left would hold its socket for as long as it takes nothing."""
    write, gave_up = module._write, asyncio.Event()

    async def watched(response: web.StreamResponse, data: bytes) -> float:
        try:
            return await write(response, data)
        except TimeoutError:
            gave_up.set()
            raise

    # More than all buffers on the way hold.
    monkeypatch.setattr(module, "first", lambda seen: b":" * 2**25)
    monkeypatch.setattr(module, "WRITE_S", 0.1)
    monkeypatch.setattr(module, "_write", watched)
    async with asyncio.timeout(PATIENCE), gateway.http.get(f"{gateway.url}{TOPOLOGY}/stream") as answer:
        await gave_up.wait()
        with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientOSError)):
            await answer.read()


async def test_what_cannot_be_seen_is_a_problem_and_ends_the_stream(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "AGAIN_S", 0.0)
    async with streaming(gateway) as stream:
        await stream.next()

        def look(wanted: object = None) -> NoReturn:
            raise ValueError("a fault of ours")

        monkeypatch.setattr(gateway.parts, "offers", look)
        async with asyncio.timeout(PATIENCE):
            while await stream.response.content.read(2**16):
                pass
        for path in (TOPOLOGY, f"{TOPOLOGY}/stream"):
            status, problem = await gateway.ask("GET", path)
            assert (status, problem["code"]) == (503, "unavailable")


async def test_one_key_leaves_the_topology_to_others() -> None:
    access = Access({"ann": KEY, "ben": OTHER_KEY}, open_to_all=False, hosts=frozenset())
    async with Gateway(access) as gateway, contextlib.AsyncExitStack() as watching:

        async def status(key: str, path: str = f"{TOPOLOGY}/stream") -> int:
            headers = {"Authorization": f"Bearer {key}"}
            answer = gateway.http.get(f"{gateway.url}{path}", headers=headers)
            return (await watching.enter_async_context(answer)).status

        assert [await status(KEY) for _ in range(feed.MOST_OF_ONE + 1)] == [200] * feed.MOST_OF_ONE + [503]
        assert await status(KEY, TOPOLOGY) == 200, "who looks once takes no place"
        assert await status(OTHER_KEY) == 200


async def test_the_stream_ends_when_the_gateway_stops(gateway: Gateway) -> None:
    async with streaming(gateway) as stream:
        await stream.next()
        stopping = asyncio.create_task(gateway.app.shutdown())
        async with asyncio.timeout(PATIENCE):
            while await stream.response.content.read(65536):
                pass
            await stopping


@pytest.mark.parametrize("path", [TOPOLOGY, f"{TOPOLOGY}/stream"])
async def test_where_keys_are_asked_for_nobody_watches_without_one(path: str) -> None:
    access = Access({"ann": KEY}, open_to_all=False, hosts=frozenset())
    async with Gateway(access) as gateway:
        status, problem = await gateway.ask("GET", path)
        assert (status, problem["code"]) == (401, "unauthorized")
        secret = access.new_secret("ann", 60)
        status, problem = await gateway.ask("GET", path, token=secret.value)
        assert (status, problem["code"]) == (403, "forbidden")
        headers = {"Authorization": f"Bearer {KEY}"}
        async with gateway.http.get(f"{gateway.url}{path}", headers=headers) as answer:
            assert answer.status == 200


async def test_the_row_of_a_call_names_its_client_and_how_it_talks(gateway: Gateway) -> None:
    session = await gateway.session(input_mode="push_to_talk", voice="wren")
    _, body = await gateway.ask("GET", TOPOLOGY)
    [row] = body["sessions"]
    assert (UUID(row["session_id"]), row["input_mode"], row["voice"]) == (
        UUID(session["session_id"]),
        "push_to_talk",
        "wren",
    )
    assert row["client"].startswith("Python/")
    assert row["turn_ms"] is None, "what was not measured is null"
