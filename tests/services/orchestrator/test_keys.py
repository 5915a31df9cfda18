"""A key that has run does not run again after a kill -9 and a restart, and what came of it is still told."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from services.orchestrator import keys as module
from services.orchestrator.calls import KEPT_S
from services.orchestrator.protocol import CALLS_PATH, CHAT_PATH
from services.orchestrator.server import OrchestratorSettings, make_app

from .doubles import Gate, catalog, explode, tool

PATIENCE_S = 60

Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def served(home: Path, gate: Gate) -> AsyncIterator[Client]:
    tools = catalog(
        tool("look", gate.run, risk="read"),
        tool("order", gate.run, risk="write", idempotent=False, cancellable=False),
        tool("stoppable", gate.run, risk="write", idempotent=False),
        tool("switch", gate.run, risk="write", idempotent=True),
        tool("explode", explode, risk="write", idempotent=False),
    )
    settings = OrchestratorSettings(antiphon_home=str(home))
    async with (
        TestClient(TestServer(make_app(settings, tools))) as client,
        asyncio.timeout(PATIENCE_S),
    ):
        yield client


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def killed(home: Path, tmp_path: Path) -> Path:
    """Where the next life begins: with what was on the disk when `kill` was called."""
    return tmp_path / "killed"


def kill(home: Path, killed: Path) -> None:
    """As kill -9 does: nothing of what is not on the disk now is there in the next life."""
    shutil.copytree(home, killed)


async def chat(client: Client, tool: str, key: str = "k") -> dict[str, Any]:
    body = {"message": "x", "plan": {"tool": tool}, "idempotency_key": key, "conversation_id": "c"}
    answer = await client.post(CHAT_PATH, json=body)
    assert answer.status == 200, await answer.text()
    said: dict[str, Any] = await answer.json()
    return said


async def state(client: Client, key: str = "k") -> tuple[int, str]:
    answer = await client.get(f"{CALLS_PATH}/{key}")
    return answer.status, (await answer.json()).get("state", "")


@pytest.mark.parametrize("name", ["order", "switch"])
async def test_a_result_is_found_again_and_nothing_runs_twice(home: Path, killed: Path, name: str) -> None:
    gate = Gate()
    gate.let.set()
    async with served(home, gate) as client:
        first = await chat(client, name)
        kill(home, killed)
    async with served(killed, gate) as client:
        assert await state(client) == (200, "success")
        assert await chat(client, name) == first
    assert gate.runs == 1


async def test_a_failure_is_found_again(home: Path, killed: Path) -> None:
    async with served(home, Gate()) as client:
        first = await chat(client, "explode")
        kill(home, killed)
    async with served(killed, Gate()) as client:
        assert await chat(client, "explode") == first
        assert first["error"]["code"] == "tool_failed"


async def test_what_was_killed_while_it_ran_is_in_doubt_and_never_runs_again(
    home: Path, killed: Path
) -> None:
    gate = Gate()
    async with served(home, gate) as client:
        asking = asyncio.create_task(chat(client, "order"))
        await gate.started.wait()
        kill(home, killed)
        gate.let.set()
        await asking
    async with served(killed, gate) as client:
        assert await state(client) == (200, "error")
        told = await chat(client, "order")
        assert told["error"] == {
            "code": "interrupted",
            "message": "the orchestrator ended while it ran",
            "in_doubt": True,
        }
        assert "can't tell" in told["response_text"]
    assert gate.runs == 1


@pytest.mark.parametrize("name", ["switch", "look"])
async def test_what_does_no_harm_twice_runs_again_when_it_is_asked_for_again(
    home: Path, killed: Path, name: str
) -> None:
    gate = Gate()
    async with served(home, gate) as client:
        asking = asyncio.create_task(chat(client, name))
        await gate.started.wait()
        kill(home, killed)
        gate.let.set()
        await asking
    async with served(killed, gate) as client:
        assert await state(client) == (404, "")
        assert (await chat(client, name))["status"] == "success"
    assert gate.runs == 2


async def test_a_service_that_is_stopped_leaves_what_must_not_be_stopped_in_doubt(home: Path) -> None:
    gate = Gate()
    async with served(home, gate) as client:
        asking = asyncio.create_task(chat(client, "order"))
        await gate.started.wait()
    await asyncio.gather(asking, return_exceptions=True)
    async with served(home, gate) as client:
        assert (await chat(client, "order"))["error"]["in_doubt"]
    assert gate.runs == 1


async def test_what_was_called_off_stays_called_off(home: Path, killed: Path) -> None:
    gate = Gate()
    async with served(home, gate) as client:
        asking = asyncio.create_task(chat(client, "stoppable"))
        await gate.started.wait()
        answer = await client.delete(f"{CALLS_PATH}/k")
        assert (await answer.json())["state"] == "cancelled"
        kill(home, killed)
        await asking
    async with served(killed, gate) as client:
        assert (await chat(client, "stoppable"))["status"] == "cancelled"
    assert gate.runs == 1


async def test_what_is_long_over_is_forgotten(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    gate.let.set()
    async with served(home, gate) as client:
        await chat(client, "order", "old")
        monkeypatch.setattr(module, "TIDY_AT", 0)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + KEPT_S + 1)
    async with served(home, gate) as client:
        assert (await state(client, "old"))[0] == 404
        for n in range(5):
            await chat(client, "order", f"new {n}")
    assert (home / "journal" / "orchestrator.journal").read_bytes().count(b"\n") < 12
    async with served(home, gate) as client:
        assert {(await state(client, f"new {n}"))[1] for n in range(5)} == {"success"}


async def test_without_a_journal_it_runs_and_says_so(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    gate.let.set()
    async with served(home, gate) as first, served(home, gate) as second:
        await chat(first, "order")
        await chat(second, "order")
    assert "not remembered" in caplog.text
