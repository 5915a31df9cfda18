"""What the doctor finds over the network, of settings, and of programs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.cli.doctor import outside, tools
from services.base.findings import Finding
from tests.deploy.settings import reads

KEY = "a key of theirs"


@pytest_asyncio.fixture
async def base() -> AsyncIterator[str]:
    """The address of a language model that asks for a key."""

    async def models(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.Response(status=401)
        return web.json_response({"data": [{"id": "small"}, {"id": "large"}]})

    async def other(_: web.Request) -> web.Response:
        return web.json_response(["no", "models"])

    app = web.Application()
    app.router.add_get("/v1/models", models)
    app.router.add_get("/other/models", other)
    async with TestServer(app) as server:
        yield str(server.make_url("/v1"))


async def test_a_language_model_that_answers_is_good(base: str) -> None:
    assert (await outside.language_model(base, "large", KEY)).verdict == "good"


async def test_a_language_model_that_cannot_be_used_is_told_with_what_to_do(base: str) -> None:
    found = [
        await outside.language_model(base, "large", "guessed"),
        await outside.language_model(base, "huge", KEY),
        await outside.language_model(base.removesuffix("/v1"), "large", KEY),
        await outside.language_model(base.replace("/v1", "/other"), "large", KEY),
        await outside.language_model("http://127.0.0.1:1/v1", "large", KEY),
        await outside.language_model("localhost:8000", "large", KEY),
    ]
    assert {finding.verdict for finding in found} == {"note"}
    words = ("LLM_API_KEY", "one of its own: small, large", "/v1", "/v1", "LLM_BASE_URL", "LLM_BASE_URL")
    assert all(word in finding.advice for word, finding in zip(words, found, strict=True)), found


def told(environ: dict[str, str]) -> list[Finding]:
    return list(outside.settings(environ))


def test_settings_that_nobody_reads_are_told() -> None:
    found = told({"GATEWAY_PROT": "8999", "ELEVENLABS_API_KEY": "x", "GATEWAY_PORT": "1", "PATH": "/"})
    assert [finding.what.split()[0] for finding in found] == ["ELEVENLABS_API_KEY", "GATEWAY_PROT"]


def test_settings_that_cannot_be_used_are_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_PORT", "soon")
    found = told({})
    assert {finding.verdict for finding in found} == {"bad"}
    assert all("ORCHESTRATOR_PORT" in finding.what for finding in found)


def test_every_setting_that_the_code_reads_is_known() -> None:
    ours = {read.name for read in reads() if read.by != "compose" and read.name.startswith(outside.OURS)}
    assert "GATEWAY_PORT" in ours
    assert told(dict.fromkeys(ours - {"ANTIPHON_BENCH_CORE"}, "")) == []


def test_tools_are_looked_for_in_a_checkout_alone(tmp_path: Path) -> None:
    assert list(tools.examine(tmp_path)) == []
    (tmp_path / "pyproject.toml").touch()
    assert [finding.verdict != "bad" for finding in tools.examine(tmp_path)] == [True] * 3


def test_a_compose_file_without_docker_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is not here" in tools.compose(tmp_path).what
    (tmp_path / tools.COMPOSE).touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "Docker is not" in tools.compose(tmp_path).what
