"""What the gateway knows of the services around it."""

from typing import cast

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.ledger import LedgerStore
from gateway.parts import Parts
from gateway.settings import GatewaySettings


def transcriber(told: dict[str, str]) -> TestServer:
    """Tells this of itself when it is asked whether it is ready."""

    async def ready(_: web.Request) -> web.Response:
        return web.json_response(told)

    app = web.Application()
    app.router.add_get("/ready", ready)
    return TestServer(app)


async def test_of_several_transcribers_each_recogniser_is_named() -> None:
    told = {"recognizer": "whisper"}
    async with (
        transcriber(told) as first,
        transcriber({"recognizer": "sphinx"}) as second,
        transcriber({"recognizer": "sphinx"}) as third,
        aiohttp.ClientSession() as http,
    ):
        urls = ",".join(str(server.make_url("")) for server in (first, second, third))
        settings = GatewaySettings(database_url="postgresql://nobody@127.0.0.1:1/none", transcriber_urls=urls)
        parts = Parts(settings, http, cast("LedgerStore", None))
        names = [parts.recognizer]
        assert await parts.transcriber_ready() is None
        names.append(parts.recognizer)
        told.clear()
        await parts.transcriber_ready()
        names.append(parts.recognizer)
    assert names == [None, "sphinx, whisper", "sphinx"]
