"""`antiphon sessions` against a served gateway."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result

from gateway.cli.sessions import GatewayRefused, sessions
from gateway.store.store import Store
from services.base.ids import new_id
from tests.gateway.harness import PATIENCE, Gateway


@pytest_asyncio.fixture
async def stored(database_url: str) -> AsyncIterator[Gateway]:
    async with Store.open(database_url, "test") as store, Gateway(store=store) as gateway:
        yield gateway


async def run(url: str, *arguments: str) -> Result:
    """One command, in a thread, since it has a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, sessions, ["--url", url, *arguments])


async def test_sessions_are_listed_shown_and_ended(stored: Gateway) -> None:
    session_id = (await stored.session(persona="plain"))["session_id"]
    assert await stored.store.outbox.flush(PATIENCE)
    listed = await run(stored.url, "list")
    assert session_id in listed.output
    assert "local/plain" in listed.output
    assert "active" in listed.output
    assert json.loads((await run(stored.url, "list", "--json")).output)["sessions"][0]["persona"] == "plain"
    shown = json.loads((await run(stored.url, "show", session_id)).output)
    assert (shown["session_id"], shown["turns"]) == (session_id, [])
    ended = await run(stored.url, "end", session_id)
    assert ended.output.strip() == f"{session_id} ended: hung_up"
    assert await stored.store.outbox.flush(PATIENCE)
    assert (await run(stored.url, "list", "--active")).output == ""
    assert "hung_up" in (await run(stored.url, "list")).output


async def test_a_refusal_is_in_the_gateway_s_words(stored: Gateway) -> None:
    unknown = str(new_id())
    result = await run(stored.url, "show", unknown)
    assert isinstance(result.exception, GatewayRefused)
    assert unknown in str(result.exception)


async def test_what_is_no_gateway_is_said_to_be_none() -> None:
    async def other(_: web.Request) -> web.Response:
        return web.Response(text="<html>hello</html>")

    app = web.Application()
    app.router.add_get("/{any:.*}", other)
    server = TestServer(app)
    await server.start_server()
    result = await run(str(server.make_url("")).rstrip("/"), "list")
    await server.close()
    assert isinstance(result.exception, GatewayRefused)
    assert "is no gateway" in str(result.exception)


async def test_a_gateway_that_is_not_there_is_named() -> None:
    result = await run("http://127.0.0.1:1", "list")
    assert isinstance(result.exception, GatewayRefused)
    assert "antiphon up" in str(result.exception)
