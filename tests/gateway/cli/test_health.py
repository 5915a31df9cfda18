"""`antiphon health`: what a health check is told."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from gateway.cli.certificate import make
from gateway.cli.deployment import UpSettings
from gateway.cli.health import PORTS, health, missing, url_of
from services.base.health import Check, add_health
from services.base.tls import server_context
from services.speech.settings import SpeechSettings


@asynccontextmanager
async def part(**checks: Check) -> AsyncIterator[str]:
    """A running part; answers where it tells whether it is ready."""
    app = web.Application()
    add_health(app, "part", checks)
    async with TestServer(app) as server:
        yield str(server.make_url("/ready"))


async def fine() -> str | None:
    return None


async def not_yet() -> str | None:
    return "the models are not loaded"


async def test_a_ready_part_is_well() -> None:
    async with part(models=fine) as url:
        assert await asyncio.to_thread(missing, url) is None


async def test_a_proxy_for_the_world_outside_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))  # Bound and not listening: who asks it is refused.
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        async with part(models=fine) as url:
            assert await asyncio.to_thread(missing, url) is None


async def test_a_part_that_is_not_ready_is_not_and_says_why() -> None:
    async with part(models=not_yet, voice=fine) as url:
        assert await asyncio.to_thread(missing, url) == "models: the models are not loaded"


async def test_a_part_with_tls_is_asked_by_it_whatever_name_its_certificate_has(tmp_path: Path) -> None:
    pair = tmp_path / "pair.pem"
    pair.write_text("".join(make(["voice.example"], datetime.now(UTC))))
    app = web.Application()
    add_health(app, "gateway", {"database": not_yet})
    server = TestServer(app)
    await server.start_server(ssl=server_context(pair, None))
    try:
        set_so = {"GATEWAY_PORT": str(server.port), "GATEWAY_TLS_CERT": str(pair)}
        found = await asyncio.to_thread(missing, url_of("gateway", set_so))
    finally:
        await server.close()
    assert found == "database: the models are not loaded"


async def test_a_stranger_on_the_port_is_no_part_of_ours() -> None:
    async with TestServer(web.Application()) as server:
        assert await asyncio.to_thread(missing, str(server.make_url("/ready"))) == "status 404"


def test_nobody_on_the_port_is_said_and_the_status_is_1(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Bound and not listening: a connection is refused.
        monkeypatch.setenv("GATEWAY_PORT", str(taken.getsockname()[1]))
        found = CliRunner().invoke(health, ["gateway"])
    assert (found.exit_code, "no answer" in found.output) == (1, True)


@pytest.mark.parametrize(
    ("set_so", "url"),
    [
        ({}, "http://127.0.0.1:8007/ready"),
        ({"TRANSCRIBER_HOST": "0.0.0.0", "TRANSCRIBER_PORT": "17"}, "http://127.0.0.1:17/ready"),
        ({"TRANSCRIBER_HOST": "::"}, "http://127.0.0.1:8007/ready"),
        ({"TRANSCRIBER_HOST": "192.0.2.7"}, "http://192.0.2.7:8007/ready"),
        ({"TRANSCRIBER_HOST": "::1"}, "http://[::1]:8007/ready"),
    ],
)
def test_it_asks_where_the_part_listens(set_so: dict[str, str], url: str) -> None:
    assert url_of("transcriber", set_so) == url


def test_it_knows_the_usual_ports() -> None:
    fields = UpSettings.model_fields | SpeechSettings.model_fields
    assert {f"{part}_port": port for part, port in PORTS.items()} == {
        name: field.default for name, field in fields.items() if name.endswith("_port")
    }


def test_it_loads_nothing_heavy() -> None:
    # Else the health checks of a deployment would cost more than its idle parts.
    heavy = "{'aiohttp', 'asyncpg', 'numpy', 'pydantic', 'sqlalchemy', 'yaml'}"
    code = f"import sys, gateway.cli.main, gateway.cli.health; print({heavy} & sys.modules.keys())"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "set()"
