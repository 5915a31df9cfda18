"""A scripted speech server, stock or ours: the documented wire byte by byte, and the ways in which it fails.

A frame goes out for each that comes in, as with the model. What it is to say waits until then.
"""

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from services.speech.formats import reader_of, writer_of
from services.speech.protocol import Codec

FRAME = 1920
PATIENCE = 20.0


@dataclass
class Caller:
    """One client of the server's, as it came."""

    query: dict[str, str]
    headers: dict[str, str]
    socket: web.WebSocketResponse
    heard: int = 0
    """Frames."""
    loud: int = 0
    """Of these, the audible ones."""
    orders: list[dict[str, Any]] = field(default_factory=list)


class SpeechServer:
    """`ours` answers `/ready` and orders, a stock one does not. Tests set how it behaves, also in mid-call."""

    def __init__(self, ours: bool = False, slots: int = 1) -> None:
        self.ours, self.slots = ours, slots
        self.ready = True
        self.waiting = 0
        self.refuses: Literal[False, 503, 400] = False
        self.shakes_hands = True
        self.stands_still = False
        """It takes sound and says nothing."""
        self.breaks_off = False
        """Before the handshake, as a stock server does without the voice's file."""
        self.callers: list[Caller] = []
        self.live: list[Caller] = []
        """Those that hold a slot."""
        self._script: deque[str | bytes | None] = deque()
        self._fresh = asyncio.Event()
        self._free = asyncio.Event()
        self._server: TestServer

    async def __aenter__(self) -> "SpeechServer":
        app = web.Application()
        app.router.add_get("/api/chat", self._chat)
        if self.ours:
            app.router.add_get("/ready", self._ready)
        self._server = TestServer(app)
        await self._server.start_server(shutdown_timeout=0.1)
        return self

    async def __aexit__(self, *_: object) -> None:
        for caller in self.callers:
            await caller.socket.close()
        await self._server.close()

    @property
    def url(self) -> str:
        return str(self._server.make_url("")).rstrip("/")

    # What the model says: a frame of it for each frame that it hears.

    def says(self, text: str, frames: int = 3) -> None:
        """A word each `frames` frames of sound, its text before the first."""
        for word in text.split():
            self._script.append(f"▁{word}" if self.ours else f" {word}")
            self._script.extend([tone()] * frames)

    def pauses(self, frames: int) -> None:
        self._script.extend([bytes(2 * FRAME)] * frames)

    def shakes_hands_now(self) -> None:
        self.shakes_hands = True
        self._free.set()

    async def dies(self) -> None:
        """The connections of all callers break, without a close."""
        for caller in self.live:
            assert caller.socket._req is not None
            assert caller.socket._req.transport is not None
            caller.socket._req.transport.abort()
        self._script.clear()

    async def hangs_up(self) -> None:
        for caller in [*self.live]:
            await caller.socket.close()

    async def sends(self, message: bytes) -> None:
        """A message of any bytes, to all callers."""
        for caller in self.live:
            await caller.socket.send_bytes(message)

    async def has(self, callers: int, frames: int = 0) -> list[Caller]:
        """Wait until so many hold a slot at once, each having been heard for so many frames."""
        async with asyncio.timeout(PATIENCE):
            while len(self.live) != callers or any(caller.heard < frames for caller in self.live):
                self._fresh.clear()
                await self._fresh.wait()
        return self.live

    async def came(self, callers: int) -> None:
        """Wait until so many came in all."""
        async with asyncio.timeout(PATIENCE):
            while len(self.callers) < callers:
                self._fresh.clear()
                await self._fresh.wait()

    async def serves(self, number: int) -> None:
        """Wait until the caller who came as that, the first being 1, holds a slot."""
        await self.came(number)
        async with asyncio.timeout(PATIENCE):
            while self.callers[number - 1] not in self.live:
                self._fresh.clear()
                await self._fresh.wait()

    # The wire.

    async def _ready(self, _: web.Request) -> web.Response:
        body = {
            "part": "speech",
            "ready": self.ready,
            "parts": {"device": {"ready": self.ready, "reason": None if self.ready else "too slow"}},
            "slots_total": self.slots,
            "slots_used": len(self.live),
            "waiting": self.waiting,
        }
        return web.json_response(body, status=200 if self.ready else 503)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        if self.ours and not self.ready:
            return web.Response(status=503, text='{"code": "unavailable"}')
        full = self.ours and len(self.live) >= self.slots
        if self.refuses or full:
            return web.Response(status=self.refuses or 503, headers={"Retry-After": "7"}, text="{}")
        if {"voice_prompt", "text_prompt"} - request.query.keys():
            # As the stock server's KeyError.
            return web.Response(status=500)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        caller = Caller(dict(request.query), dict(request.headers), socket)
        self.callers.append(caller)
        self._fresh.set()
        try:
            await self._hold(caller)
        finally:
            if caller in self.live:
                self.live.remove(caller)
            self._free.set()
            self._fresh.set()
        return socket

    async def _hold(self, caller: Caller) -> None:
        if self.breaks_off:
            return
        self.stands_still = False
        while len(self.live) >= self.slots or not self.shakes_hands:
            # The stock server's lock: without a word, and whatever is sent meanwhile is lost.
            self._free.clear()
            await self._free.wait()
            if caller.socket.closed:
                return
        self.live.append(caller)
        asked = self.ours and caller.query.get("antiphon") == "1"
        if asked:
            told = {"type": "ready", "slot": 0, "model": "double", "frame_ms": 80.0}
            await caller.socket.send_bytes(b"\x04" + json.dumps(told).encode())
        await caller.socket.send_bytes(b"\x00")
        self._fresh.set()
        await self._talk(caller, "pcm16" if self.ours and caller.query.get("codec") == "pcm16" else "ogg")

    async def _talk(self, caller: Caller, codec: Codec) -> None:
        reader, writer = reader_of(codec), writer_of(codec)
        rest = np.zeros(0, np.float32)
        async for message in caller.socket:
            if message.type is not WSMsgType.BINARY:
                continue
            kind, payload = message.data[0], message.data[1:]
            if kind == 4 and self.ours:
                caller.orders.append(json.loads(payload))
                self._fresh.set()
            if kind != 1 or self.stands_still:
                continue
            rest = np.concatenate((rest, reader.read(payload)))
            while len(rest) >= FRAME:
                caller.heard += 1
                caller.loud += bool(np.abs(rest[:FRAME]).max() > 0.05)
                rest = rest[FRAME:]
                while self._script and isinstance(self._script[0], str):
                    piece = self._script.popleft()
                    assert isinstance(piece, str)
                    await caller.socket.send_bytes(b"\x02" + piece.encode())
                pcm = (self._script.popleft() if self._script else None) or bytes(2 * FRAME)
                assert isinstance(pcm, bytes)
                sound = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768)
                await caller.socket.send_bytes(b"\x01" + writer.write(sound))
                self._fresh.set()


def tone() -> bytes:
    """A loud frame, PCM16."""
    wave = np.sin(2 * np.pi * 440 * np.arange(FRAME) / 24_000)
    return (wave * 8000).astype("<i2").tobytes()
