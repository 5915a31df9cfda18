"""A call that was promised a slot of a speech server, and finds none when it connects."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from gateway.engines.cascade import CascadeEngine
from gateway.engines.personaplex.engine import PersonaPlexEngine
from gateway.engines.personaplex.servers import Servers
from gateway.ports import Brief, Mode, PartAway
from gateway.store.rows import LatencyRow, SessionRow, TurnRow
from services.base.ids import new_id
from tests.doubles.speech_server import SpeechServer
from tests.gateway.harness import EchoMind, Gateway, sound

PERSONAPLEX: Mode = "personaplex"


@pytest.fixture
async def server(gateway: Gateway) -> AsyncIterator[SpeechServer]:
    """It gets the calls of this gateway, whose other engine is the local one."""
    async with SpeechServer(ours=True) as server, aiohttp.ClientSession() as http:
        servers = Servers(http, [server.url], "")
        parts = gateway.parts
        parts.choose = lambda wanted: (PERSONAPLEX, None)  # type: ignore[method-assign]
        parts.engine = lambda: PersonaPlexEngine(servers, EchoMind(), parts.voice, new_id)
        parts.spare = lambda: CascadeEngine("local", EchoMind(), parts.voice)
        yield server


async def test_it_goes_on_with_the_local_engine_and_says_why(gateway: Gateway, server: SpeechServer) -> None:
    server.refuses = 503
    session = await gateway.session()
    assert session["mode"] == "personaplex"
    client = await gateway.attach(session)
    await client.until("antiphon.engine", mode="personaplex")
    await client.send("input_audio_buffer.append", audio=sound(200))
    await client.text("good morning")
    told = await client.until("antiphon.engine", mode="local")
    assert told["reason"] == f"personaplex: no speech server took the call: {server.url} is full"
    done = await client.until("response.done")
    assert done["response"]["output"][0]["content"][0]["transcript"] == "You said good morning"
    call = gateway.call()
    assert gateway.parts.ears[call.session_id].heard >= 200 * 48
    assert (call.profile.mode, call.profile.fallback_reason) == ("local", told["reason"])

    changed = [row for row in gateway.rows if isinstance(row, SessionRow)][1:]
    assert [(row.mode, row.fallback_reason) for row in changed] == [("local", told["reason"])]
    turns = [row for row in gateway.rows if isinstance(row, TurnRow)]
    assert {row.engine for row in turns if isinstance(row.engine, str)} == {"local"}

    again = await gateway.attach(session)
    await again.until("antiphon.engine", mode="local")


async def test_it_ends_where_the_local_engine_cannot_be_had_either(
    gateway: Gateway, server: SpeechServer
) -> None:
    class Away(CascadeEngine):
        async def connect(self, brief: Brief) -> None:
            raise PartAway("no voice")

    server.refuses = 400
    gateway.parts.spare = lambda: Away("local", EchoMind(), gateway.parts.voice)
    client, _ = await gateway.client()
    await client.text("good morning")
    assert (await client.error())["code"] == "engine_lost"


async def test_a_server_that_is_lost_later_is_not_replaced_so(gateway: Gateway, server: SpeechServer) -> None:
    client, _ = await gateway.client()
    await client.send("input_audio_buffer.append", audio=sound(1000))
    await server.has(1, frames=3)
    server.refuses = 503
    await server.dies()
    assert await client.closed() == (1000, "engine_lost")


async def test_how_long_the_engine_took_to_connect_is_written_down(
    gateway: Gateway, server: SpeechServer
) -> None:
    server.shakes_hands = False
    client, _ = await gateway.client()
    await client.text("good morning")
    await server.came(1)
    assert not [row for row in gateway.rows if isinstance(row, LatencyRow)]
    server.shakes_hands_now()
    await client.until("response.done")
    [connect] = [row for row in gateway.rows if isinstance(row, LatencyRow) and row.span == "connect"]
    assert connect.turn_id is None
    assert connect.ms > 0
    logged = await gateway.kept.until("engine_connected")
    assert logged.payload["engine"] == "personaplex"
