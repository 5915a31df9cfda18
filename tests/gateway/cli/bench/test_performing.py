"""Callers against a gateway that is played: what goes wrong costs a trial, not the bench."""

from collections.abc import Awaitable, Callable
from math import inf

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.cli.bench import performing
from gateway.cli.bench.performing import Trial, perform
from gateway.cli.bench.scenario import Scenario
from gateway.cli.bench.voices import Voices
from gateway.cli.caller import API

SCENARIO = Scenario.model_validate(
    {"name": "hum", "title": "Hum", "lines": [{"hum": 300}, {"hum": 400}], "expect": {"tool": "any"}}
)


def gateway(holds: Callable[[web.WebSocketResponse], Awaitable[object]]) -> TestServer:
    """One that takes each call, and does no more with it than this."""

    async def session(request: web.Request) -> web.Response:
        url = str(request.url.with_scheme("ws").with_path("/realtime").with_query(session_id="s"))
        body = {"session_id": "s", "realtime_url": url, "client_secret": {"value": "ek"}}
        return web.json_response(body, status=201)

    async def realtime(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("realtime",))
        await socket.prepare(request)
        await holds(socket)
        return socket

    app = web.Application()
    app.router.add_post(f"{API}/duplex/session", session)
    app.router.add_get("/realtime", realtime)
    return TestServer(app)


async def hummed_at(holds: Callable[[web.WebSocketResponse], Awaitable[object]]) -> list[Trial]:
    async with gateway(holds) as server:
        url = str(server.make_url("")).rstrip("/")
        trials = perform(SCENARIO, url, Voices("", ""), "espeak:en-us", SCENARIO.lines, {})
        return [trial async for trial in trials]


async def test_a_call_that_ends_before_its_first_word_is_a_lost_trial() -> None:
    [trial] = await hummed_at(lambda socket: socket.close(code=1011))
    assert "no time for the first word" in trial.lost
    assert "close code 1011" in trial.lost
    assert trial.met == {}


async def test_a_tool_that_nobody_called_or_spoke_of_is_never_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def hears(socket: web.WebSocketResponse) -> None:
        async for _ in socket:
            pass

    monkeypatch.setattr(performing, "SETTLED_S", 0.0)
    trials = await hummed_at(hears)
    assert [trial.reading.acknowledged_ms for trial in trials] == [inf, inf]
    assert [trial.met for trial in trials] == [{"tool": False}] * 2
