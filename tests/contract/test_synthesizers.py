"""What every synthesizer of the speech lane must do; the real service's adapter today."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.engines import voice_service
from gateway.engines.voice_service import VoiceService
from gateway.ports import PartAway, PartRefused, Sound, Synthesizer
from gateway.session.clock import BYTES, RATE, samples
from gateway.session.events import Word
from personas.loader import load
from personas.model import Voice
from services.synthesizer import protocol as wire
from services.synthesizer.server import SynthesizerSettings, make_app

PATIENCE = 30.0
TEXT = "The quick brown fox jumps over the lazy dog."
LONG = " ".join([TEXT] * 20)

Open = Callable[[], Awaitable[Synthesizer]]


@pytest.fixture
def voice() -> Voice:
    return load().voice("fern")


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


@pytest.fixture
async def service() -> AsyncIterator[str]:
    """The address of a real synthesizer in this process."""
    server = TestServer(make_app(SynthesizerSettings()))
    await server.start_server()
    yield str(server.make_url("")).rstrip("/")
    await server.close()


@pytest.fixture(params=["voice_service"])
async def synthesizer(
    request: pytest.FixtureRequest, http: aiohttp.ClientSession, service: str
) -> AsyncIterator[Synthesizer]:
    """Each adapter in turn, ready to speak."""
    adapters = {"voice_service": lambda: VoiceService(http, service, "")}
    made = adapters[request.param]()
    yield made
    await made.close()


async def spoken(synthesizer: Synthesizer, text: str, voice: Voice) -> list[Sound]:
    async with asyncio.timeout(PATIENCE):
        return [sound async for sound in synthesizer.speak(text, voice)]


def whole(sounds: list[Sound]) -> bytes:
    return b"".join(sound.pcm for sound in sounds)


def words_of(sounds: list[Sound]) -> list[Word]:
    return [word for sound in sounds for word in sound.words]


def assert_alike(sounds: list[Sound], others: list[Sound]) -> None:
    """The same words, about as long: voices breathe, so not to the sample."""
    assert [word.text for word in words_of(sounds)] == [word.text for word in words_of(others)]
    assert abs(len(whole(sounds)) - len(whole(others))) < BYTES * samples(50)


async def test_a_text_becomes_sound_with_all_its_words(synthesizer: Synthesizer, voice: Voice) -> None:
    sounds = await spoken(synthesizer, TEXT, voice)
    pcm = np.frombuffer(whole(sounds), "<i2")
    assert 1.0 < len(pcm) / RATE < 6.0
    assert np.abs(pcm.astype(int)).max() > 2000
    words = words_of(sounds)
    assert " ".join(word.text for word in words) == TEXT
    for before, after in itertools.pairwise(words):
        assert before.start < before.end <= after.start + samples(50)
    assert words[-1].end <= len(pcm)


async def test_a_word_comes_with_or_before_its_sound(synthesizer: Synthesizer, voice: Voice) -> None:
    position = 0
    for sound in await spoken(synthesizer, TEXT, voice):
        assert all(word.start >= position for word in sound.words)
        position += len(sound.pcm) // BYTES


async def test_texts_are_spoken_one_after_the_other(synthesizer: Synthesizer, voice: Voice) -> None:
    assert_alike(await spoken(synthesizer, TEXT, voice), await spoken(synthesizer, TEXT, voice))


async def test_nothing_of_a_text_that_was_left_is_heard_in_the_next(
    synthesizer: Synthesizer, voice: Voice
) -> None:
    alone = await spoken(synthesizer, TEXT, voice)
    async with asyncio.timeout(PATIENCE):
        async with aclosing(synthesizer.speak(LONG, voice)) as sounds:
            await anext(sounds)
        after = [sound async for sound in synthesizer.speak(TEXT, voice)]
    assert_alike(after, alone)


async def test_a_reader_that_is_cancelled_leaves_it_ready_for_the_next(
    synthesizer: Synthesizer, voice: Voice
) -> None:
    begun = asyncio.Event()

    async def read() -> None:
        async with aclosing(synthesizer.speak(LONG, voice)) as sounds:
            async for _ in sounds:
                begun.set()
                await asyncio.Event().wait()

    reading = asyncio.create_task(read())
    await asyncio.wait_for(begun.wait(), PATIENCE)
    reading.cancel()
    await asyncio.wait({reading})
    sounds = await spoken(synthesizer, TEXT, voice)
    assert " ".join(word.text for word in words_of(sounds)) == TEXT


async def test_a_text_that_it_will_not_speak_is_refused_for_good(
    synthesizer: Synthesizer, voice: Voice
) -> None:
    with pytest.raises(PartRefused, match="text_too_long"):
        await spoken(synthesizer, "word " * 2000, voice)
    assert whole(await spoken(synthesizer, TEXT, voice))


async def test_nothing_to_say_is_no_sound(synthesizer: Synthesizer, voice: Voice) -> None:
    assert whole(await spoken(synthesizer, "…", voice)) == b""


# What only a service can do wrong.


class Double:
    """A synthesizer that fails as its test wants."""

    def __init__(self) -> None:
        self.orders: list[wire.Order] = []
        self.sockets = 0
        self.answer: Callable[[web.WebSocketResponse, wire.Speak], Awaitable[None]] = self.speak
        self.cancelled = asyncio.Event()

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets += 1
        async for message in socket:
            order = wire.decode(message.data)
            assert isinstance(order, wire.Speak | wire.Cancel)
            self.orders.append(order)
            if isinstance(order, wire.Speak):
                await self.answer(socket, order)
            else:
                self.cancelled.set()
                await socket.send_str(wire.encode(wire.Done(order.id, 0, cancelled=True)))
        return socket

    async def speak(self, socket: web.WebSocketResponse, order: wire.Speak) -> None:
        """As it should be."""
        await self.begin(socket, order)
        await socket.send_str(wire.encode(wire.Done(order.id, 960)))

    async def begin(self, socket: web.WebSocketResponse, order: wire.Speak, rate: int = RATE) -> None:
        """The first word, and no end."""
        await socket.send_str(wire.encode(wire.Started(order.id, rate)))
        await socket.send_str(wire.encode(wire.Word(order.id, "one", 0, 960)))
        await socket.send_bytes(bytes(1920))

    async def die(self, socket: web.WebSocketResponse, order: wire.Speak) -> None:
        """In mid-word."""
        await self.begin(socket, order)
        assert socket._req is not None
        assert socket._req.transport is not None
        socket._req.transport.abort()

    async def talk_nonsense(self, socket: web.WebSocketResponse, order: wire.Speak) -> None:
        await socket.send_str("nonsense")

    async def speak_slowly(self, socket: web.WebSocketResponse, order: wire.Speak) -> None:
        await self.begin(socket, order, rate=22_050)

    async def break_down(self, socket: web.WebSocketResponse, order: wire.Speak) -> None:
        await socket.send_str(wire.encode(wire.Failed(order.id, "voice_failed", "it broke")))

    async def leave(self, socket: web.WebSocketResponse, order: wire.Speak) -> None:
        await socket.close()


@pytest.fixture
def double() -> Double:
    return Double()


@pytest.fixture
async def served(double: Double, http: aiohttp.ClientSession) -> AsyncIterator[VoiceService]:
    app = web.Application()
    app.router.add_get("/v1/speak", double.handle)
    server = TestServer(app)
    await server.start_server()
    service = VoiceService(http, str(server.make_url("")), "key")
    yield service
    await service.close()
    await server.close()


@pytest.mark.parametrize("failure", ["die", "talk_nonsense", "speak_slowly", "break_down", "leave"])
async def test_a_service_that_fails_in_mid_word_is_away_and_can_be_asked_again(
    double: Double, served: VoiceService, voice: Voice, failure: str
) -> None:
    double.answer = getattr(double, failure)
    with pytest.raises(PartAway) as away:
        await spoken(served, TEXT, voice)
    assert not isinstance(away.value, PartRefused)
    double.answer = double.speak
    assert len(whole(await spoken(served, TEXT, voice))) == 1920


async def test_one_socket_speaks_many_texts_and_is_kept_when_one_is_called_off(
    double: Double, served: VoiceService, voice: Voice
) -> None:
    await spoken(served, TEXT, voice)
    double.answer = double.begin
    async with asyncio.timeout(PATIENCE):
        async with aclosing(served.speak(TEXT, voice)) as sounds:
            await anext(sounds)
        await double.cancelled.wait()
    double.answer = double.speak
    await spoken(served, TEXT, voice)
    assert double.sockets == 1
    assert [type(order) for order in double.orders] == [wire.Speak, wire.Speak, wire.Cancel, wire.Speak]


async def test_a_service_that_is_not_there_is_said_to_be(
    http: aiohttp.ClientSession, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voice_service, "CONNECT_LIMIT_S", 0.2)
    with pytest.raises(PartAway, match="no synthesizer at"):
        await spoken(VoiceService(http, "http://127.0.0.1:1", ""), TEXT, voice)
