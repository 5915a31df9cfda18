"""Which speech server gets a call, and what is told of them all."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.engines.personaplex import servers as module
from gateway.engines.personaplex.servers import Servers
from gateway.ports import Brief, PartAway
from personas.loader import load
from services.base.settings import BadSettings
from tests.doubles.speech_server import SpeechServer

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


@pytest.fixture
def brief() -> Brief:
    catalogue = load()
    persona = catalogue.default
    return Brief(persona, catalogue.voice(persona.voice), "en", "Be brief & kind.")


async def test_ours_is_asked_for_our_additions(http: aiohttp.ClientSession, brief: Brief) -> None:
    async with SpeechServer(ours=True) as server:
        line = await Servers(http, [server.url], "secret").connect(brief)
        (caller,) = await server.has(1)
        await line.close()
    assert caller.query == {
        "voice_prompt": "NATF2.pt",
        "text_prompt": "Be brief & kind.",
        "antiphon": "1",
        "codec": "pcm16",
    }
    assert caller.headers["Authorization"] == "Bearer secret"
    assert line.ready is not None
    assert line.ready.model == "double"


async def test_a_stock_server_is_asked_for_nothing_else_and_shown_no_key(
    http: aiohttp.ClientSession, brief: Brief
) -> None:
    async with SpeechServer() as server:
        line = await Servers(http, [server.url], "secret").connect(brief)
        (caller,) = await server.has(1)
        await line.close()
    assert caller.query == {"voice_prompt": "NATF2.pt", "text_prompt": "Be brief & kind."}
    assert "Authorization" not in caller.headers
    assert line.ready is None


async def test_the_least_loaded_gets_the_call(http: aiohttp.ClientSession, brief: Brief) -> None:
    async with SpeechServer(ours=True, slots=4) as first, SpeechServer(ours=True, slots=4) as second:
        servers = Servers(http, [first.url, second.url], "")
        lines = [await servers.connect(brief) for _ in range(4)]
        assert (len(await first.has(2)), len(await second.has(2))) == (2, 2)
        for line in lines:
            await line.close()


async def test_a_full_one_is_passed_over(http: aiohttp.ClientSession, brief: Brief) -> None:
    async with SpeechServer(ours=True) as full, SpeechServer(ours=True) as free:
        full.refuses = 503
        servers = Servers(http, [full.url, free.url], "")
        line = await servers.connect(brief)
        assert len(await free.has(1)) == 1
        room = servers.room()
        assert (room.missing, room.free, room.total) == ("all 2 slots are taken", 0, 2)
        await line.close()


async def test_when_all_are_full_that_is_told_of_each(http: aiohttp.ClientSession, brief: Brief) -> None:
    async with SpeechServer(ours=True) as one, SpeechServer(ours=True) as other:
        one.refuses = other.refuses = 503
        servers = Servers(http, [one.url, other.url], "")
        with pytest.raises(PartAway) as away:
            await servers.connect(brief)
        assert away.value.detail == (
            f"no speech server took the call: {one.url} is full; {other.url} is full"
        )
        assert servers.room().free == 0


async def test_one_that_takes_no_calls_at_all_is_not_said_to_be_full(
    http: aiohttp.ClientSession, brief: Brief
) -> None:
    async with SpeechServer(ours=True) as server:
        servers = Servers(http, [server.url], "")
        await servers.look()
        server.ready = False
        with pytest.raises(PartAway) as away:
            await servers.connect(brief)
        assert away.value.detail == f"no speech server took the call: {server.url}: too slow"
        assert servers.room().missing == f"{server.url}: too slow"


async def test_of_a_full_one_that_has_a_slot_again_nobody_waits_for_the_time_it_said(
    http: aiohttp.ClientSession, brief: Brief, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRESH_S", 0.0)
    async with SpeechServer(ours=True) as server:
        server.refuses = 503
        servers = Servers(http, [server.url], "")
        with pytest.raises(PartAway, match="is full"):
            await servers.connect(brief)
        server.refuses = False
        await servers.look()
        assert servers.room().free == 1


async def test_the_slot_of_a_call_that_has_ended_is_free_for_the_next(
    http: aiohttp.ClientSession, brief: Brief
) -> None:
    async with SpeechServer(ours=True) as server:
        servers = Servers(http, [server.url], "")
        line = await servers.connect(brief)
        await server.has(1)
        servers._looked_at = -module.FRESH_S
        await servers.look()
        assert servers.room().missing == "the only slot is taken"
        await line.close()
        await server.has(0)
        await servers.look()
        assert servers.room().free == 1


async def test_one_that_failed_is_tried_last_for_a_while(http: aiohttp.ClientSession, brief: Brief) -> None:
    async with SpeechServer(ours=True, slots=9) as bad, SpeechServer(ours=True, slots=9) as good:
        bad.refuses = 400
        servers = Servers(http, [bad.url, good.url], "")
        lines = [await servers.connect(brief)]
        bad.refuses = False
        lines += [await servers.connect(brief), await servers.connect(brief)]
        assert (len(bad.callers), len(await good.has(3))) == (0, 3)
        for line in lines:
            await line.close()


async def test_a_stock_server_is_never_called_twice_at_once(
    http: aiohttp.ClientSession, brief: Brief
) -> None:
    async with SpeechServer() as server:
        servers = Servers(http, [server.url], "")
        line = await servers.connect(brief)
        with pytest.raises(PartAway, match="has a call of ours"):
            await servers.connect(brief)
        assert len(server.callers) == 1
        await line.close()
        await server.has(0)
        await (await servers.connect(brief)).close()


async def test_a_stock_server_that_somebody_else_holds_waits_without_a_word(
    http: aiohttp.ClientSession, brief: Brief, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOCK_LIMIT_S", 0.3)
    async with SpeechServer() as server:
        other = await Servers(http, [server.url], "").connect(brief)
        servers = Servers(http, [server.url], "")
        with pytest.raises(PartAway, match=r"gave no handshake within 0\.3 s"):
            await servers.connect(brief)
        await other.close()
        await server.has(0)
        await (await servers.connect(brief)).close()


async def test_one_that_hangs_up_before_the_handshake_is_told_of(
    http: aiohttp.ClientSession, brief: Brief
) -> None:
    async with SpeechServer() as server:
        server.breaks_off = True
        with pytest.raises(PartAway, match="hung up before the call began; has it the voice"):
            await Servers(http, [server.url], "").connect(brief)


async def test_a_call_that_is_given_up_while_it_connects_holds_no_place(
    http: aiohttp.ClientSession, brief: Brief
) -> None:
    async with SpeechServer() as server:
        server.shakes_hands = False
        servers = Servers(http, [server.url], "")
        waiting = asyncio.create_task(servers.connect(brief))
        await server.came(1)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert servers.room().free == 1


async def test_what_is_free_is_told_as_the_servers_tell_it(http: aiohttp.ClientSession, brief: Brief) -> None:
    async with SpeechServer(ours=True, slots=4) as ours, SpeechServer() as stock:
        ours.waiting = 2
        servers = Servers(http, [ours.url, stock.url, NOBODY], "")
        await servers.look()
        room = servers.room()
        assert (room.missing, room.free, room.total, room.queue) == (None, 5, 5, 2)


async def test_a_slot_that_was_promised_is_not_free_until_the_call_has_it_or_is_long_in_coming(
    http: aiohttp.ClientSession, brief: Brief, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with SpeechServer(ours=True, slots=2) as server:
        servers = Servers(http, [server.url], "")
        await servers.look()
        free = [servers.room().free]
        servers.promise()
        free.append(servers.room().free)
        line = await servers.connect(brief)
        free.append(servers.room().free)
        servers.promise()
        free.append(servers.room().free)
        assert servers.room().missing == "all 2 slots are taken"
        monkeypatch.setattr(module, "PROMISED_S", -1.0)
        free.append(servers.room().free)
        assert free == [2, 1, 1, 0, 1]
        await line.close()


async def test_one_that_is_not_ready_has_nothing_free(http: aiohttp.ClientSession) -> None:
    async with SpeechServer(ours=True, slots=4) as server:
        server.ready = False
        servers = Servers(http, [server.url], "")
        await servers.look()
        room = servers.room()
        assert (room.missing, room.free, room.total) == (f"{server.url}: too slow", 0, 0)


async def test_without_a_server_the_setting_is_named(http: aiohttp.ClientSession, brief: Brief) -> None:
    servers = Servers(http, [], "")
    await servers.look()
    assert servers.room().missing == "no speech server is configured; set PERSONAPLEX_URLS"
    with pytest.raises(PartAway, match="none is configured"):
        await servers.connect(brief)


async def test_one_that_nobody_answers_for_is_told_of(http: aiohttp.ClientSession) -> None:
    servers = Servers(http, [NOBODY], "")
    await servers.look()
    assert servers.room().missing == f"{NOBODY}: it cannot be reached: Connection refused"


async def test_a_proxy_behind_which_nobody_is_passes_for_no_stock_server(http: aiohttp.ClientSession) -> None:
    async def bad_gateway(_: web.Request) -> web.Response:
        return web.Response(status=502, text="<h1>502 Bad Gateway</h1>")

    app = web.Application()
    app.router.add_get("/ready", bad_gateway)
    async with TestServer(app) as proxy:
        url = str(proxy.make_url("")).rstrip("/")
        servers = Servers(http, [url], "")
        await servers.look()
        assert servers.room().missing == f"{url}: it answered 502"


@pytest.mark.parametrize("url", ["speech:8998", "ftp://speech", "http://", "speech"])
async def test_what_is_no_url_is_refused_at_the_start(http: aiohttp.ClientSession, url: str) -> None:
    with pytest.raises(BadSettings, match="PERSONAPLEX_URLS"):
        Servers(http, [url], "")


async def test_a_websockets_url_means_the_same(http: aiohttp.ClientSession, brief: Brief) -> None:
    async with SpeechServer() as server:
        line = await Servers(http, [server.url.replace("http", "ws") + "/"], "").connect(brief)
        await line.close()
    assert len(server.callers) == 1
