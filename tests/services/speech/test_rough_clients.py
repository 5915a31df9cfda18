"""Clients that do what none should, beside a call that must go on as if it were alone: its frames, its tokens."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle

import aiohttp
import numpy as np
import pytest

from services.speech import model_thread
from services.speech.formats import writer_of
from services.speech.protocol import MAX_MESSAGE, Audio, Chat, Text, decode_down, write_query
from services.speech.samples import Samples
from services.speech.shapes import FRAME_SAMPLES
from tests.doubles.toy_server import Toy, serving_toy
from tests.services.speech.raw_socket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    RawSocket,
    connecting,
    frame,
)

LIMIT_S = 60
AUDIO = b"\x01"


@pytest.fixture(autouse=True)
def soon_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_thread, "MEASURED_TICKS", 1)


@pytest.fixture(autouse=True)
def no_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a client does is no fault of ours, to be looked into."""
    yield
    assert not [each for each in caplog.get_records("call") if each.levelname == "ERROR"]


@pytest.fixture
async def toy() -> AsyncIterator[Toy]:
    async with asyncio.timeout(LIMIT_S), serving_toy(slots=2) as toy:
        yield toy


def noise(frames: int, seed: int) -> list[Samples]:
    return list(np.random.default_rng(seed).normal(scale=0.1, size=(frames, FRAME_SAMPLES)).astype("f4"))


@dataclass
class Calm:
    """A call of which each frame is answered before the next is sent."""

    socket: aiohttp.ClientWebSocketResponse
    words: list[str] = field(default_factory=list)
    sound: list[bytes] = field(default_factory=list)

    async def go_on(self, sound: Samples) -> None:
        await self.socket.send_bytes(AUDIO + writer_of("pcm16").write(sound))
        before = len(self.sound)
        while len(self.sound) == before:
            match decode_down(await self.socket.receive_bytes()):
                case Text(text):
                    self.words.append(text)
                case Audio(data):
                    self.sound.append(data)


Rough = Callable[[], Coroutine[None, None, None]]


@asynccontextmanager
async def at_slot_1(toy: Toy) -> AsyncIterator[Calm]:
    """A call, while the other slot is free. Every tick of it is one of both slots, which always rounds alike."""
    query = write_query(Chat(codec="pcm16", text_prompt="be kind", seed=7))
    async with aiohttp.ClientSession() as http:
        async with rough_call(toy, "pcm16"):
            socket = await http.ws_connect(f"{toy.url}/api/chat", params=query)
            assert await socket.receive_bytes() == b"\x00"
        async with socket:
            yield Calm(socket)
    await toy.is_empty()


@asynccontextmanager
async def rough_call(toy: Toy, codec: str, **wanted: str) -> AsyncIterator[RawSocket]:
    """A call that ends without a word. Who comes next has its slot once it is free, and not before."""
    query = {"voice_prompt": "", "text_prompt": "", "codec": codec, "queue": "1", **wanted}
    async with connecting(toy.url, **query) as raw:
        while await raw.message() != b"\x00":
            pass
        yield raw


async def changes_nothing(toy: Toy, rough: Rough) -> None:
    """Have somebody call beside rough clients for as long as they are at it, and then alone."""
    sounds = cycle(noise(20, seed=1))
    async with at_slot_1(toy) as beside:
        others = asyncio.create_task(rough())
        while not others.done():
            await beside.go_on(next(sounds))
        await others
    assert len(beside.sound) > 5
    sounds = cycle(noise(20, seed=1))
    async with at_slot_1(toy) as alone:
        for _ in beside.sound:
            await alone.go_on(next(sounds))
    assert beside.words == alone.words
    assert beside.sound == alone.sound, "other tokens would be another sound"


async def test_messages_in_fragments_of_a_byte_say_what_whole_ones_say(toy: Toy) -> None:
    writer = writer_of("ogg")
    stream = [writer.write(each) for each in noise(6, seed=2)]

    def whole(page: bytes) -> list[bytes]:
        return [frame(BINARY, AUDIO + page)]

    def in_fragments(page: bytes) -> list[bytes]:
        """Of the socket's messages: each byte a frame."""
        message = AUDIO + page
        return [
            frame(CONTINUATION if at else BINARY, message[at : at + 1], fin=at == len(message) - 1)
            for at in range(len(message))
        ]

    def in_messages(page: bytes) -> list[bytes]:
        """Of the Ogg stream: each byte a message."""
        return [frame(BINARY, AUDIO + page[at : at + 1]) for at in range(len(page))]

    async def said(cut: Callable[[bytes], list[bytes]]) -> list[bytes]:
        async with rough_call(toy, "ogg", voice_prompt="NATF0.pt", seed="3") as raw:
            for page in stream:
                for piece in cut(page):
                    raw.send(piece)
            return [await raw.message() for _ in stream]

    async def rough() -> None:
        heard = [await said(cut) for cut in (whole, in_fragments, in_messages)]
        assert heard[0] == heard[1] == heard[2]

    await changes_nothing(toy, rough)


async def test_garbage_of_every_kind_changes_no_other_call(toy: Toy) -> None:
    numbers = random.Random(0)
    kinds = [*range(256)]
    numbers.shuffle(kinds)

    async def rough() -> None:
        for number in range(4):  # One who hears Ogg and one who hears PCM16, by turns.
            async with rough_call(toy, ("ogg", "pcm16")[number % 2]) as raw:
                for kind in kinds[number::4]:
                    rest = numbers.randbytes(numbers.choice((0, 1, 2, 77, 4_000)))
                    raw.send(frame(BINARY, bytes([kind]) + rest))
                raw.send(frame(BINARY, b"") + frame(TEXT, b"hello") + frame(BINARY, b"\x06"))
                with contextlib.suppress(EOFError):  # Sound that is none ends a call.
                    while await raw.message() != b"\x06":
                        pass

    await changes_nothing(toy, rough)


ROUGH = {
    "a reserved bit": frame(BINARY, b"\x06", reserved=0b100),
    "an opcode without a meaning": frame(0x3, b"\x06"),
    "a control opcode without a meaning": frame(0xB, b""),
    "no mask": frame(BINARY, b"\x06", masked=False),
    "a ping that is too long": frame(PING, bytes(126)),
    "a ping in fragments": frame(PING, b"a", fin=False),
    "an end without a beginning": frame(CONTINUATION, b"\x06"),
    "a message within another": frame(BINARY, b"\x01", fin=False) + frame(BINARY, b"\x06"),
    "text that is none": frame(TEXT, b"\xff\xfe"),
    "a close of one byte": frame(CLOSE, b"\x03"),
    "a close with a code that is none": frame(CLOSE, b"\x00\x05"),
    "a message that is too long": frame(BINARY, AUDIO + bytes(MAX_MESSAGE)),
    "fragments without an end": frame(BINARY, AUDIO, fin=False)
    + frame(CONTINUATION, bytes(60_000), False) * 2,
    "a length of nine exabytes": b"\x82\xff\x7f" + b"\xff" * 7 + b"\x01\x02\x03\x04",
    "half a frame": frame(BINARY, AUDIO + bytes(3_840))[:1_000],
    "no frame at all": b"GET / HTTP/1.1\r\n\r\n" * 20,
}


async def test_a_socket_that_breaks_every_rule_changes_no_other_call_and_keeps_no_slot(toy: Toy) -> None:
    async def rough() -> None:
        for bytes_ in ROUGH.values():
            async with rough_call(toy, "pcm16") as raw:
                raw.send(bytes_)
                raw.writer.write_eof()
                with contextlib.suppress(EOFError, ConnectionError):  # It hangs up once it has read all.
                    while await raw.message():
                        pass

    await changes_nothing(toy, rough)
