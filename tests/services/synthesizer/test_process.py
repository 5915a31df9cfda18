"""The process as a whole: it stops in order, keeps nothing, and gives up on who doesn't read."""

import asyncio
import os
import signal
import socket as sockets
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import REGISTRY

from services.synthesizer.protocol import Done, Speak, Started, encode
from services.synthesizer.server import SynthesizerSettings, make_app
from tests.services.synthesizer.conftest import Client
from tests.services.synthesizer.speaking import PATIENCE_S, next_event, say

LONG = "This sentence is one of very many. " * 140


def open_sockets() -> float:
    return REGISTRY.get_sample_value("antiphon_synthesizer_sockets") or 0.0


def slow_readers() -> float:
    return REGISTRY.get_sample_value("antiphon_synthesizer_slow_readers_total") or 0.0


@asynccontextmanager
async def running(**environment: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`python -m services.synthesizer` on a free port, and its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.synthesizer",
        env={**os.environ, "SYNTHESIZER_PORT": "0", "LOG_FORMAT": "", **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr
        async with asyncio.timeout(PATIENCE_S):
            while "port=" not in (line := (await process.stderr.readline()).decode()):
                assert line, "it ended before it listened"
        yield process, f"http://127.0.0.1:{line.rpartition('port=')[2].strip()}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_in_order_in_mid_word(name: signal.Signals) -> None:
    async with running() as (process, url), aiohttp.ClientSession() as session:
        socket = await session.ws_connect(f"{url}/v1/speak", max_msg_size=0)
        await socket.send_str(encode(Speak("t", LONG, "en-us")))
        assert await next_event(socket) == Started("t", 24000)
        process.send_signal(name)
        async with asyncio.timeout(PATIENCE_S):
            async for _ in socket:
                pass
            assert socket.close_code == aiohttp.WSCloseCode.GOING_AWAY
            assert await process.wait() == 0


async def test_a_taken_port_is_said_in_a_sentence() -> None:
    with sockets.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.synthesizer",
            env={**os.environ, "SYNTHESIZER_PORT": str(taken.getsockname()[1])},
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE_S):
            _, errors = await process.communicate()
    assert process.returncode == 1
    assert "synthesizer: The port is taken" in errors.decode()
    assert "Traceback" not in errors.decode()


async def test_a_reader_that_stops_is_cut_off_and_the_others_are_not() -> None:
    before = slow_readers()
    settings = SynthesizerSettings(synthesizer_slow_reader_s=0.2)
    async with TestClient(TestServer(make_app(settings))) as client:
        stalled = await client.ws_connect("/v1/speak?rate=48000", max_msg_size=0)
        for number in range(10):
            await stalled.send_str(encode(Speak(str(number), LONG, "en-us")))
        transport = stalled._response.connection.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.pause_reading()
        other = await client.ws_connect("/v1/speak", max_msg_size=0)
        async with asyncio.timeout(PATIENCE_S):
            while slow_readers() == before:
                assert isinstance((await say(other, "Still here.")).end, Done)
            while open_sockets() != 1.0:
                assert isinstance((await say(other, "Still here.")).end, Done)
        # Else closing the client waits for the answer that it doesn't read.
        transport.abort()


async def test_a_hundred_texts_leave_nothing_behind(client: Client) -> None:
    socket = await client.ws_connect("/v1/speak", max_msg_size=0)
    await say(socket, "To warm up.", "en-gb+m1")
    files, threads = len(os.listdir("/dev/fd")), threading.active_count()
    for number in range(100):
        voice = ("en-us+f2", "en-gb+m1", "de")[number % 3]
        assert isinstance((await say(socket, f"This is text number {number}.", voice)).end, Done)
    assert len(os.listdir("/dev/fd")) == files
    assert threading.active_count() == threads


async def test_a_hundred_sockets_leave_nothing_behind(client: Client) -> None:
    for number in range(101):
        if number == 1:
            files, threads = len(os.listdir("/dev/fd")), threading.active_count()
        socket = await client.ws_connect("/v1/speak", max_msg_size=0)
        await say(socket, "Hi.")
        await socket.close()
    async with asyncio.timeout(PATIENCE_S):
        while open_sockets():
            await client.get("/health")
    assert len(os.listdir("/dev/fd")) <= files + 1
    assert threading.active_count() == threads
