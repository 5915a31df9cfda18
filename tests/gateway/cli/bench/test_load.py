"""The load generator notices what a server does wrong with its sound."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import WSMsgType, web

from gateway.cli.bench.load.caller import Address
from gateway.cli.bench.load.generator import Figures, Load, Target
from gateway.cli.bench.load.signal import frame

Server = Callable[[int, str], Iterator[str]]
"""What it answers to a message, given how many messages with sound came before."""

FRAME_MS = 20


def echo(_: int, text: str) -> Iterator[str]:
    yield text


def is_sound(text: str) -> bool:
    return bool(json.loads(text).get("audio", "").strip("A="))


@asynccontextmanager
async def serving(answer: Server) -> AsyncIterator[Target]:
    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        count = 0
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                for out in answer(count, message.data):
                    await socket.send_str(out)
                count += is_sound(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/v1/realtime", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Target("server", Address("127.0.0.1", runner.addresses[0][1]), 0, greets=False)
    finally:
        await runner.cleanup()


async def loaded(answer: Server, monkeypatch: pytest.MonkeyPatch, calls: int = 2) -> Figures:
    for name in ("WARM_S", "ALONE_S", "TALK_S", "HUSH_S"):
        monkeypatch.setattr(f"gateway.cli.bench.load.generator.{name}", 0.2)
    monkeypatch.setattr("gateway.cli.bench.load.generator.DRAIN_S", 1.0)
    monkeypatch.setattr("gateway.cli.bench.load.caller.HUSH_S", 0.1)
    async with serving(answer) as target:
        return await Load(target, FRAME_MS).run(calls, 0.5)


async def test_every_frame_that_comes_back_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = await loaded(echo, monkeypatch, calls=3)
    assert figures.right
    assert figures.frames > 0
    assert figures.p50_ms is not None
    assert figures.longest_ms is not None
    assert figures.longest_ms >= figures.p50_ms > 0


async def test_what_cannot_be_measured_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = await loaded(echo, monkeypatch)
    assert (figures.cpu_us_a_frame, figures.kb_a_call) == (None, None), "there is no process 0"


async def test_a_wrong_byte_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def flip(count: int, text: str) -> Iterator[str]:
        event = json.loads(text)
        if count == 5 and "audio" in event:
            middle = len(event["audio"]) // 2
            other = "B" if event["audio"][middle] != "B" else "C"
            event["audio"] = event["audio"][:middle] + other + event["audio"][middle + 1 :]
        yield json.dumps(event)

    figures = await loaded(flip, monkeypatch)
    assert not figures.right
    assert "wrong bytes" in figures.faults[0]


async def test_a_lost_frame_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(count: int, text: str) -> Iterator[str]:
        if count != 5:
            yield text

    figures = await loaded(lose, monkeypatch)
    assert not figures.right


async def test_frames_that_never_come_back_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def swallow(count: int, text: str) -> Iterator[str]:
        if count < 5:
            yield text

    figures = await loaded(swallow, monkeypatch)
    assert not figures.right
    assert figures.lost > 0


async def test_a_doubled_frame_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def double(count: int, text: str) -> Iterator[str]:
        yield text
        if count == 5:
            yield text

    figures = await loaded(double, monkeypatch)
    assert not figures.right


async def test_an_error_of_the_server_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def complain(count: int, text: str) -> Iterator[str]:
        yield text
        if count == 5:
            yield json.dumps({"type": "error", "error": {"code": "no_voice", "message": "None is here."}})

    figures = await loaded(complain, monkeypatch)
    assert "no_voice: None is here." in figures.faults[0]


def test_no_two_frames_are_alike_and_no_byte_is_zero() -> None:
    frames = [frame(caller, number, 80) for caller in range(20) for number in range(200)]
    assert len(set(frames)) == len(frames)
    assert all(len(pcm) == 3840 and 0 not in pcm for pcm in frames)
