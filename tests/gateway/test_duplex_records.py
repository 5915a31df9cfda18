"""A call of a duplex model through the gateway: what its client hears, and what it leaves in a real Postgres."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from bridge import events as bridge
from gateway.cli.waveforms import is_audible, track
from gateway.engines.personaplex.engine import PersonaPlexEngine
from gateway.engines.personaplex.servers import Servers
from gateway.ports import Mode
from gateway.session import effects as do
from gateway.session.clock import samples
from gateway.store.store import Store
from services.base.ids import new_id
from tests.doubles.speech_server import SpeechServer
from tests.doubles.toy_server import serving_toy
from tests.gateway.harness import PATIENCE, Client, EchoMind, Gateway, Watch, sound


@pytest_asyncio.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with Store.open(database_url, "test", ledger_limit=PATIENCE) as store:
        yield store


@pytest_asyncio.fixture
async def gateway(store: Store) -> AsyncIterator[Gateway]:
    """One that writes to a real database, whose bridge answers what begins with "tool" itself."""
    async with Gateway(store=store) as gateway:
        gateway.parts.bridge.script = decide
        yield gateway


async def decide(utterance: bridge.Utterance) -> AsyncIterator[bridge.BridgeEvent]:
    if utterance.text.startswith("tool"):
        yield bridge.Reply(utterance.turn_id, "It is noon.", "tool", None)
    else:
        yield bridge.LeftToMind(utterance.turn_id)


def has_model(gateway: Gateway, http: aiohttp.ClientSession, url: str) -> Servers:
    """Calls of this gateway get the model at `url`."""
    servers = Servers(http, [url], "")
    gateway.parts.engine = lambda: PersonaPlexEngine(servers, EchoMind(), gateway.parts.voice, new_id)
    mode: Mode = "personaplex"
    gateway.parts.choose = lambda wanted: (mode, None)  # type: ignore[method-assign]
    return servers


async def hears_silence(client: Client, seconds: int) -> None:
    """The user's microphone, ahead of time: the gateway lets it out in real time."""
    for _ in range(seconds):
        await client.send("input_audio_buffer.append", audio=sound(1000))


async def test_a_call_of_a_duplex_model_leaves_its_turns(gateway: Gateway, store: Store) -> None:
    async with SpeechServer(ours=True) as server, aiohttp.ClientSession() as http:
        has_model(gateway, http, server.url)
        client, ears = await gateway.client()
        call = gateway.call()
        watch = Watch(call)
        await hears_silence(client, 50)

        server.says("good morning to you")
        await watch.nth(do.AgentEnded, 1)

        # Its mind answers: what it said while it was held comes late, and whole.
        await ears.say("how are you")
        await watch.nth(do.Hold, 1)
        server.says("very well thank you")
        await watch.nth(do.AgentEnded, 2)

        # The bridge answers: what it said while it was held is never heard.
        await ears.say("tool what time is it")
        await watch.nth(do.Hold, 3)
        server.says("about three I think")
        await watch.nth(do.AgentEnded, 3)
        held = await watch.until(do.Held, lambda held: held.dropped)
        assert "about three I think".startswith(held.text)
        assert (await client.until("antiphon.held", on=False, dropped=False))["text"]
        assert (await client.until("antiphon.held", on=False, dropped=True))["text"] == held.text

        # The user takes the floor: of what it still says nothing is heard.
        server.pauses(12)
        server.says("let me tell you a very long story about a mushroom", frames=6)
        await watch.nth(do.AgentSounded, 4)
        await ears.begin("stop please")
        await watch.nth(do.AgentEnded, 4)
        ears.pause()
        await watch.nth(do.UserTurnEnded, 3)

        await client.socket.close()
        await gateway.over()
        await server.has(0)

    assert await store.outbox.flush(PATIENCE)
    _, session = await gateway.ask("GET", f"/api/mas/voice/sessions/{call.session_id}")
    agent = [turn for turn in session["turns"] if turn["speaker"] == "agent"]
    assert session["mode"] == "personaplex"
    assert {turn["engine"] for turn in session["turns"]} == {"personaplex"}
    assert [(turn["heard_text"], turn["heard_basis"], turn["interrupted"]) for turn in agent[:3]] == [
        ("good morning to you", "model", False),
        ("very well thank you", "model", False),
        ("It is noon.", "synthesizer", False),
    ]
    assert agent[3]["interrupted"]
    assert "let me tell you a very long story".startswith(agent[3]["heard_text"])
    users = [turn["text"] for turn in session["turns"] if turn["speaker"] == "user"]
    assert users == ["how are you", "tool what time is it", "stop please"]
    assert [row["kind"] for row in session["barge_ins"]] == ["barge_in"]
    assert "turn" in [row["span"] for row in session["latencies"]]


@pytest.mark.parametrize("stock", [False, True])
async def test_a_call_of_the_real_server_with_the_toy_leaves_its_turns(
    gateway: Gateway, store: Store, stock: bool
) -> None:
    async with serving_toy(stock=stock) as toy, aiohttp.ClientSession() as http:
        servers = has_model(gateway, http, toy.url)
        client, ears = await gateway.client()
        call = gateway.call()
        watch = Watch(call)
        await hears_silence(client, 50)
        # It murmurs without end: the user has to cut it.
        await watch.sounded(samples(500))
        await ears.begin("stop please now then")
        await watch.nth(do.AgentEnded, 1)
        ears.pause()
        await watch.nth(do.UserTurnEnded, 1)
        await client.socket.close()
        await gateway.over()
        await toy.is_empty()
        assert servers._servers[0].ours is not stock

    assert is_audible(track(b"".join(piece.pcm for piece in watch.sounds)))
    assert await store.outbox.flush(PATIENCE)
    _, session = await gateway.ask("GET", f"/api/mas/voice/sessions/{call.session_id}")
    assert session["mode"] == "personaplex"
    (first, *_) = [turn for turn in session["turns"] if turn["speaker"] == "agent"]
    assert (first["heard_basis"], first["interrupted"]) == ("model", True)
