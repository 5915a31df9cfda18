"""What the recogniser is told to expect."""

import asyncio
from pathlib import Path
from socket import socket
from types import SimpleNamespace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from gateway.cli import phrases as module
from gateway.cli.part import PartFailed
from gateway.cli.phrases import BadPersonas, phrases, small_talk, write_phrases

TOOL = {
    "name": "clock",
    "agent": "time",
    "description": "Tells the time.",
    "risk": "read",
    "idempotent": True,
    "parameters": {},
    "examples": ["what time is it in Tokyo", "what time is it", "what time is it"],
}


def orchestrator(body: object) -> TestServer:
    """A server whose `/tools` answers `body` to those who have the key."""

    async def tools(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer key":
            return web.Response(status=401)
        return web.json_response(body)

    app = web.Application()
    app.router.add_get("/tools", tools)
    return TestServer(app)


async def test_small_talk_and_tools_are_written_one_phrase_a_line(tmp_path: Path) -> None:
    async with orchestrator([TOOL]) as server:
        await write_phrases(tmp_path / "phrases", str(server.make_url("")).rstrip("/"), "key")
    told = {path.name: path.read_text() for path in (tmp_path / "phrases").iterdir()}
    assert told["tools.txt"] == "what time is it in Tokyo\nwhat time is it\n"
    assert told["persona.txt"].splitlines() == list(dict.fromkeys(small_talk()))
    assert len(told) == 2


async def test_the_command_writes_them_where_the_transcriber_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with orchestrator([TOOL]) as server:
        monkeypatch.setenv("ORCHESTRATOR_URL", str(server.make_url("")).rstrip("/"))
        monkeypatch.setenv("ANTIPHON_INTERNAL_KEY", "key")
        monkeypatch.setenv("TRANSCRIBER_PHRASES", str(tmp_path / "phrases"))
        ran = await asyncio.to_thread(CliRunner().invoke, phrases, [])
    assert ran.exit_code == 0, ran.output
    assert "what time is it in Tokyo" in (tmp_path / "phrases" / "tools.txt").read_text()


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with orchestrator([TOOL]) as server:
        with pytest.raises(PartFailed, match=f"{tmp_path / 'file'}.*: Not a directory"):
            await write_phrases(tmp_path / "file" / "phrases", str(server.make_url("")).rstrip("/"), "key")


async def test_an_orchestrator_that_does_not_listen_yet_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = iter(range(1000))
    refused = asyncio.Event()

    def clock() -> float:
        if (times := next(looked_at)) > 0:  # First for the limit, then after each attempt.
            refused.set()
        return float(times)

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock))
    with socket() as place:
        place.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{place.getsockname()[1]}"
        writing = asyncio.create_task(write_phrases(tmp_path, url, "key", patience_s=999))
        async with asyncio.timeout(60):
            await refused.wait()
            server = orchestrator([TOOL])
            server.socket_factory = lambda *_: place
            async with server:
                await writing
    assert "what time is it in Tokyo" in (tmp_path / "tools.txt").read_text()


async def test_an_orchestrator_that_never_listens_is_its_failure(tmp_path: Path) -> None:
    with socket() as place:
        place.bind(("127.0.0.1", 0))
        with pytest.raises(PartFailed, match="list of tools"):
            await write_phrases(tmp_path, f"http://127.0.0.1:{place.getsockname()[1]}", "key")


async def test_a_refusal_of_the_orchestrator_is_its_failure(tmp_path: Path) -> None:
    async with orchestrator([]) as server:
        with pytest.raises(PartFailed, match="list of tools"):
            await write_phrases(tmp_path, str(server.make_url("")).rstrip("/"), "wrong")


async def test_nonsense_of_the_orchestrator_is_its_failure(tmp_path: Path) -> None:
    async with orchestrator([{"name": "clock"}]) as server:
        with pytest.raises(PartFailed, match="list of tools"):
            await write_phrases(tmp_path, str(server.make_url("")).rstrip("/"), "key")


def test_a_bad_persona_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSONAS_FOLDER", str(tmp_path))
    with pytest.raises(BadPersonas, match=str(tmp_path)):
        small_talk()
