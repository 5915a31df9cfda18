"""Callers against a gateway that is played: what goes wrong costs a trial, not the bench."""

from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.cli.bench.performing import perform
from gateway.cli.bench.scenario import Hum, Scenario
from gateway.cli.bench.voices import Voices
from gateway.cli.caller import API

SCENARIO = Scenario.model_validate(
    {"name": "hum", "title": "Hum", "lines": [{"hum": 300}], "expect": {"answered": True}}
)


def hangs_up() -> TestServer:
    """A gateway that takes each call and ends it at once."""

    async def session(request: web.Request) -> web.Response:
        url = str(request.url.with_scheme("ws").with_path("/realtime").with_query(session_id="s"))
        body = {"session_id": "s", "realtime_url": url, "client_secret": {"value": "ek"}}
        return web.json_response(body, status=201)

    async def realtime(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("realtime",))
        await socket.prepare(request)
        await socket.close(code=1011)
        return socket

    app = web.Application()
    app.router.add_post(f"{API}/duplex/session", session)
    app.router.add_get("/realtime", realtime)
    return TestServer(app)


async def test_a_call_that_ends_before_its_first_word_is_a_lost_trial() -> None:
    async with hangs_up() as server:
        url = str(server.make_url("")).rstrip("/")
        trials = perform(SCENARIO, url, Voices("", ""), "espeak:en-us", [Hum(hum=300)] * 2, {})
        [trial] = [trial async for trial in trials]
    assert "no time for the first word" in trial.lost
    assert "close code 1011" in trial.lost
    assert trial.met == {}
