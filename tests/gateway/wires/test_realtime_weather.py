"""Bad weather between client and gateway: no sound of the agent's is doubled or lost, and nobody speaks to nobody."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import numpy as np
import pytest

from gateway.ports import Sound
from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import samples
from gateway.store.rows import EventRow
from gateway.wires.realtime import client as clients
from gateway.wires.realtime import journal
from gateway.wires.realtime import socket as wire
from gateway.wires.realtime.formats import expansion
from personas.model import Voice
from tests.gateway.harness import WORD, Client, Gateway, TestVoice, Watch, number, sound
from tests.gateway.proxy import Proxy

UPGRADE = """Connection: Upgrade
Upgrade: websocket
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="""

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
LENGTH = WORD * len(LONG.split())

LOST = 2
"""The first loss of a client's connection is the log's second: before it came nobody was there."""

FADE = samples(10)
"""Sound that begins again in the middle is faded in."""


class RisingVoice(TestVoice):
    """No two samples of it are alike, save far apart: a lost or a doubled one shows."""

    async def speak(self, text: str, voice: Voice) -> AsyncGenerator[Sound, None]:
        for place, word in enumerate(text.split()):
            start = place * WORD
            yield Sound(rising(start, start + WORD), (on.Word(word, start, start + WORD),))


def rising(start: int, end: int) -> bytes:
    """A tone that rises slowly, loud."""
    time = np.arange(start, end) / 24_000
    return (12_000 * np.sin(2 * np.pi * (200 + 20 * time) * time)).astype("<i2").tobytes()


@pytest.fixture
async def proxy(gateway: Gateway) -> AsyncIterator[Proxy]:
    """Bad network before the gateway, whose agent speaks in a rising voice."""
    gateway.parts.voice = RisingVoice()
    async with Proxy.before(gateway.port) as proxy:
        yield proxy


async def spoken_to(gateway: Gateway, proxy: Proxy, pieces: int = 8) -> tuple[dict[str, Any], Client]:
    """A session, and a client that the agent says `LONG` to, and that has got some pieces of it."""
    session = await gateway.session()
    client = await gateway.attach(session, via=proxy)
    await client.send("conversation.item.create", item=message("count"))
    await client.send("response.create", response={"instructions": LONG})
    for _ in range(pieces):
        await client.until("response.output_audio.delta")
    return session, client


def message(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


async def rest(client: Client) -> str:
    """All that comes to the end of the response; returns its id."""
    done = (await client.until("response.done"))["response"]
    assert done["status"] == "completed"
    return str(done["id"])


def words(*clients: Client) -> str:
    kind = "response.output_audio_transcript.delta"
    return "".join(e["delta"] for client in clients for e in client.events if e["type"] == kind)


def assert_whole(pcm: bytes) -> None:
    """It is all that was said, once, but for a fade."""
    heard, said = np.frombuffer(pcm, "<i2"), np.frombuffer(rising(0, LENGTH), "<i2")
    assert len(heard) == len(said)
    assert np.count_nonzero(heard != said) <= FADE


async def breaks(gateway: Gateway, proxy: Proxy, client: Client) -> None:
    """The connection breaks, and half a second of sound that was on its way is lost with it."""
    proxy.swallow()
    await Watch(gateway.call()).sounded(samples(500))
    proxy.reset()
    await client.closed()


async def test_a_reset_in_mid_word_costs_no_sound_and_no_word(gateway: Gateway, proxy: Proxy) -> None:
    session, client = await spoken_to(gateway, proxy)
    await breaks(gateway, proxy, client)
    await gateway.kept.until("client_lost", nth=LOST)
    again = await gateway.attach(session, after=number(client.events[-1]), via=proxy)
    response = await rest(again)
    assert_whole(client.sound(response) + again.sound(response))
    assert words(client, again) == LONG
    numbers = [number(event) for event in client.events + again.events]
    assert numbers == sorted(set(numbers))


async def test_it_may_break_again_and_again(gateway: Gateway, proxy: Proxy) -> None:
    session, client = await spoken_to(gateway, proxy, pieces=4)
    all_clients = [client]
    for _ in range(3):
        proxy.reset()
        await client.closed()
        seen = [event for each in all_clients for event in each.events]
        client = await gateway.attach(session, after=number(seen[-1]), via=proxy)
        all_clients.append(client)
        await client.until("response.output_audio.delta")
        await client.until("response.output_audio.delta")
    response = await rest(client)
    heard = np.frombuffer(b"".join(each.sound(response) for each in all_clients), "<i2")
    said = np.frombuffer(rising(0, LENGTH), "<i2")
    assert len(heard) == len(said)
    assert np.count_nonzero(heard != said) <= 3 * FADE
    assert words(*all_clients) == LONG


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
async def test_telephone_sound_goes_on_where_it_broke_off_too(
    gateway: Gateway, proxy: Proxy, kind: str
) -> None:
    gateway.parts.voice = RisingVoice()
    session = await gateway.session()
    client = await gateway.attach(session, via=proxy)
    phone = {"type": "realtime", "audio": {"output": {"format": {"type": kind}}}}
    await client.send("session.update", session=phone)
    await client.send("response.create", response={"instructions": LONG})
    for _ in range(8):
        await client.until("response.output_audio.delta")
    await breaks(gateway, proxy, client)
    again = await gateway.attach(session, after=number(client.events[-1]), via=proxy)
    response = await rest(again)
    codes = np.frombuffer(client.sound(response) + again.sound(response), np.uint8)
    heard = expansion(kind)[codes].astype(float)
    said = np.frombuffer(rising(0, LENGTH), "<i2")[::3].astype(float)
    assert abs(len(heard) - len(said)) <= 1
    count = min(len(heard), len(said))
    # But for the fade and the edges of two filters it is the same tone in step.
    off = np.abs(heard[:count] - said[:count]) > 1500
    assert np.count_nonzero(off) <= 3 * FADE / 3


async def test_a_half_open_connection_is_noticed_and_what_went_into_it_comes_again(
    gateway: Gateway, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "PING_S", 0.5)
    session, client = await spoken_to(gateway, proxy)
    proxy.swallow()
    await gateway.kept.until("client_lost", nth=LOST)
    monkeypatch.undo()
    proxy.reset()
    await client.closed()
    again = await gateway.attach(session, after=number(client.events[-1]), via=proxy)
    response = await rest(again)
    assert_whole(client.sound(response) + again.sound(response))
    assert words(client, again) == LONG


async def test_who_comes_back_before_the_loss_is_noticed_misses_nothing(
    gateway: Gateway, proxy: Proxy
) -> None:
    session, client = await spoken_to(gateway, proxy)
    proxy.swallow()
    # Past the proxy: the old connection stands, for all that the gateway knows.
    again = await gateway.attach(session, after=number(client.events[-1]))
    response = await rest(again)
    assert_whole(client.sound(response) + again.sound(response))
    kinds = [row.kind for row in gateway.rows if isinstance(row, EventRow)]
    assert kinds.count("client_lost") == 1, "when it had not come yet"


async def test_who_stays_away_has_heard_what_came_before_the_loss(
    gateway: Gateway, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "COMES_BACK_S", 0.3)
    _, client = await spoken_to(gateway, proxy, pieces=20)
    proxy.reset()
    await client.closed()
    await gateway.over()
    ended = await gateway.kept.until("agent_ended")
    heard = ended.payload["heard"]
    pcm = client.sound(client.events[-1]["response_id"])
    assert 0 < heard <= len(pcm) // 2 + samples(100)
    assert ended.payload["heard_text"] == " ".join(LONG.split()[: (heard + WORD // 2) // WORD])


async def test_that_nothing_comes_while_the_client_is_away_is_no_silence(
    gateway: Gateway, proxy: Proxy
) -> None:
    session, client = await spoken_to(gateway, proxy)
    ears = next(iter(gateway.parts.ears.values()))
    await client.send("input_audio_buffer.append", audio=sound(100, level=9000))
    await ears.sounded(samples(100))
    await ears.begin("what time is it in")
    proxy.reset()
    await client.closed()
    lost = await gateway.kept.until("client_lost", nth=LOST)
    call = gateway.call(session)
    heard = ears.heard
    assert not call.uplink.due(lost.at_samples + samples(5000))
    kept = sound(5000, level=9000)
    again = await gateway.attach(session, after=number(client.events[-1]), via=proxy)
    await again.send("input_audio_buffer.append", audio=kept)
    await again.send("input_audio_buffer.commit")
    await again.until("input_audio_buffer.committed")
    assert ears.heard == heard + samples(5000) * 2


async def test_sound_that_a_slow_reader_never_got_was_not_heard(
    gateway: Gateway, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All sound is late at once.
    monkeypatch.setattr(journal, "AUDIO_LATE_S", 0.0)
    session = await gateway.session()
    watch = Watch(gateway.call(session))
    client = await gateway.attach(session, via=proxy)
    await client.send("response.create", response={"instructions": LONG})
    response = await rest(client)
    assert client.sound(response) == b""
    ended, *corrected = [f for f in watch.facts if isinstance(f, do.AgentEnded | do.HeardCorrected)]
    last = corrected[-1] if corrected else ended
    assert (last.heard, last.heard_text) == (0, "")


async def test_what_a_stall_held_up_comes_whole_and_in_order(gateway: Gateway, proxy: Proxy) -> None:
    session, client = await spoken_to(gateway, proxy)
    ears = next(iter(gateway.parts.ears.values()))
    proxy.stall()
    # Up, in the meantime, the client goes on as well.
    said = [sound(20, level=9000)] * 20
    for chunk in said:
        await client.send("input_audio_buffer.append", audio=chunk)
    await Watch(gateway.call(session)).sounded(samples(400))
    assert ears.heard == 0
    proxy.flow()
    assert_whole(client.sound(await rest(client)))
    numbers = [number(event) for event in client.events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    await client.send("input_audio_buffer.commit")
    await client.until("input_audio_buffer.committed")
    assert ears.heard >= 20 * samples(20) * 2


async def test_who_only_types_is_answered_and_no_silence_is_listened_to(gateway: Gateway) -> None:
    client, ears = await gateway.client()
    for _ in range(2):
        await client.text("hello")
        assert (await client.until("response.done"))["response"]["status"] == "completed"
    assert ears.heard == 0


async def test_a_client_that_still_speaks_while_its_call_ends_hears_that_it_ended(gateway: Gateway) -> None:
    session = await gateway.session()
    address = urlsplit(session["realtime_url"])
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        lines = [
            f"GET {address.path}?{address.query} HTTP/1.1",
            f"Host: {address.netloc}",
            *UPGRADE.split("\n"),
            f"Authorization: Bearer {session['client_secret']['value']}",
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        assert b"101" in await reader.readline()
        await reader.readuntil(b"session.created")
        await gateway.calls.end(UUID(session["session_id"]), "hung_up")
        await reader.readuntil(b"hung_up")
        # What was on its way, and only then the answer: each masked by nothing.
        for _ in range(3):
            writer.write(b"\x81\x82\0\0\0\0{}")
            await writer.drain()
        writer.write(b"\x88\x82\0\0\0\0\x03\xe8")
        assert await reader.read() == b"", "an end in order, and no reset"
    writer.close()
