"""What the gateway knows of the services around it."""

import asyncio
from typing import cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from bridge.ledger import LedgerStore
from gateway import parts as module
from gateway.call import Call
from gateway.parts import Parts, missing_to_local
from gateway.ports import Brief, Mode
from gateway.profile import Profile
from gateway.session.rules import Rules
from gateway.settings import GatewaySettings
from services.base.ids import new_id
from services.orchestrator.protocol import ToolDescription
from tests.doubles.speech_server import SpeechServer
from tests.gateway.harness import NothingStored

PATIENCE = 20.0


def transcriber(told: dict[str, str]) -> TestServer:
    """Tells this of itself when it is asked whether it is ready."""

    async def ready(_: web.Request) -> web.Response:
        return web.json_response(told)

    app = web.Application()
    app.router.add_get("/ready", ready)
    return TestServer(app)


def parts_with(http: aiohttp.ClientSession, *transcribers: BaseTestServer, speech: str = "") -> Parts:
    urls = ",".join(str(server.make_url("")) for server in transcribers) or "http://127.0.0.1:9"
    settings = GatewaySettings(
        database_url="postgresql://nobody@127.0.0.1:1/none", transcriber_urls=urls, personaplex_urls=speech
    )
    return Parts(settings, http, cast("LedgerStore", None))


async def test_of_several_transcribers_each_recogniser_is_named() -> None:
    told = {"recognizer": "whisper"}
    async with (
        transcriber(told) as first,
        transcriber({"recognizer": "sphinx"}) as second,
        transcriber({"recognizer": "sphinx"}) as third,
        aiohttp.ClientSession() as http,
    ):
        parts = parts_with(http, first, second, third)
        names = [parts.recognizer]
        assert await parts.transcriber_ready() is None
        names.append(parts.recognizer)
        told.clear()
        await parts.transcriber_ready()
        names.append(parts.recognizer)
    assert names == [None, "sphinx, whisper", "sphinx"]


def hung() -> TestServer:
    """Takes the question and never answers."""

    async def ready(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError("nobody ends the wait")

    app = web.Application(handler_args={"shutdown_timeout": 0.01})
    app.router.add_get("/ready", ready)
    return TestServer(app)


async def test_a_transcriber_that_hangs_hides_none_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_S", 0.5)
    async with hung() as first, transcriber({"recognizer": "sphinx"}) as second:
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as http:
            parts = parts_with(http, first, second)
            assert await parts.transcriber_ready() is None
            assert parts.recognizer == "sphinx"
            alone = await parts_with(http, first).transcriber_ready()
        assert alone is not None
        assert alone.endswith("did not answer within 0.5 s")


async def test_a_transcriber_that_hangs_keeps_nobody_from_learning_the_tools(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PROBE_S", 0.01)
    asked = asyncio.Event()

    async def tools() -> list[ToolDescription]:
        asked.set()
        return []

    async with hung() as only, asyncio.timeout(PATIENCE), aiohttp.ClientSession() as http:
        parts = parts_with(http, only)
        monkeypatch.setattr(parts.orchestrator, "tools", tools)
        watch = asyncio.create_task(parts.watch())
        await asked.wait()
        watch.cancel()
        await asyncio.wait([watch])


def test_the_local_engine_lacks_what_it_needs_and_nothing_else() -> None:
    found = {"database": "away", "transcriber": None, "synthesizer": None, "orchestrator": "away"}
    assert missing_to_local(found) is None
    found |= {"synthesizer": "cannot be reached", "transcriber": "answered 503"}
    assert missing_to_local(found) == "transcriber: answered 503; synthesizer: cannot be reached"
    assert missing_to_local({}) is None, "before anybody was asked, nothing is known to be missing"


async def test_of_all_engines_the_duplex_one_is_best_while_it_has_a_slot() -> None:
    async with SpeechServer(ours=True) as server, aiohttp.ClientSession() as http:
        parts = parts_with(http, speech=server.url)
        assert parts.choose("auto")[0] == "local"
        await parts.speech.look()
        assert parts.choose("auto") == ("personaplex", None)
        assert parts.choose("local") == ("local", None)
        (offer, *_) = parts.offers()
        assert (offer.available, offer.slots_free, offer.slots_total, offer.queue) == (True, 1, 1, 0)


async def test_what_is_wrong_with_the_speech_servers_is_why_it_is_the_local_one() -> None:
    async with SpeechServer(ours=True) as server, aiohttp.ClientSession() as http:
        server.ready = False
        parts = parts_with(http, speech=server.url)
        await parts.speech.look()
        reason = f"personaplex: {server.url}: too slow"
        assert parts.choose("personaplex") == ("local", reason)
        assert parts.choose("auto") == ("local", reason)


async def test_a_call_of_the_duplex_engine_has_the_local_one_to_spare() -> None:
    async with SpeechServer(ours=True) as server, aiohttp.ClientSession() as http:
        parts = parts_with(http, speech=server.url)
        persona = parts.catalogue.default
        brief = Brief(persona, parts.catalogue.voice(persona.voice), "en", persona.prompt)

        def call(mode: Mode) -> Call:
            profile = Profile(new_id(), "c1", "local", mode, None, brief, Rules())
            return parts.call(profile, NothingStored())

        duplex = call("personaplex")
        assert duplex.engine.mode == "personaplex"
        assert duplex._spare is not None
        assert duplex._spare().mode == "local"
        assert call("local")._spare is None


async def test_where_no_speech_server_is_configured_auto_misses_nothing() -> None:
    async with aiohttp.ClientSession() as http:
        parts = parts_with(http)
        assert parts.choose("auto") == ("local", None)
        missing = "personaplex: no speech server is configured; set PERSONAPLEX_URLS"
        assert parts.choose("personaplex") == ("local", missing)
