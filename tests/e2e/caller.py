"""A client of the realtime wire with a microphone that never stops and ears that keep everything, on one clock."""

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
import numpy as np

from tests.e2e.speech import RATE, Pcm

Event = dict[str, Any]

CHUNK = RATE // 50
"""Samples of one message up, 20 ms."""

PATIENCE_S = 45.0
"""For whatever must come; most of it does within a second."""

API = "/api/mas/voice"


class Missing(AssertionError):
    """What was waited for did not come; says what came instead."""


@dataclass(slots=True)
class Caller:
    """One call. Times are seconds since it began."""

    socket: aiohttp.ClientWebSocketResponse
    session_id: str
    secret: str
    events: list[Event] = field(default_factory=list)
    """All but sound, each with `at`."""
    spoken: bytearray = field(default_factory=bytearray)
    """What the microphone sent."""
    heard: bytearray = field(default_factory=bytearray)
    """What a loudspeaker would have played: sound right away, or behind what still sounds."""
    close_code: int | None = None
    _seen: int = 0
    """Events that somebody waited for already."""
    _lips: deque[bytes] = field(default_factory=deque)
    _fresh: asyncio.Event = field(default_factory=asyncio.Event)
    _began: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    @classmethod
    @asynccontextmanager
    async def calling(cls, url: str, **wishes: Any) -> AsyncIterator[Self]:
        """Make a session and call; hang up in the end."""
        async with aiohttp.ClientSession() as http:
            async with http.post(f"{url}{API}/duplex/session", json={"greeting": False, **wishes}) as answer:
                made = await answer.json()
                assert answer.status == 201, made
            secret = made["client_secret"]["value"]
            async with http.ws_connect(
                f"{made['realtime_url']}&antiphon=1",
                headers={"Authorization": f"Bearer {secret}"},
                protocols=("realtime",),
                max_msg_size=0,
            ) as socket:
                caller = cls(socket, made["session_id"], secret)
                tasks = [asyncio.create_task(caller._listen()), asyncio.create_task(caller._breathe())]
                try:
                    yield caller
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.wait(tasks)
                    await socket.close()

    def now(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send_json({"type": kind, **fields})

    async def say(self, pcm: Pcm) -> float:
        """Speak, in real time; returns when the last of it has left."""
        raw = pcm.astype("<i2").tobytes()
        size = CHUNK * 2
        self._lips.extend(raw[at : at + size].ljust(size, b"\0") for at in range(0, len(raw), size))
        async with asyncio.timeout(len(pcm) / RATE + PATIENCE_S):
            while self._lips:
                await self._news()
        return self.now()

    async def write(self, text: str) -> None:
        """Say it in text, and ask for an answer."""
        content = [{"type": "input_text", "text": text}]
        await self.send(
            "conversation.item.create", item={"type": "message", "role": "user", "content": content}
        )
        await self.send("response.create")

    async def until(
        self, kind: str, wanted: Callable[[Event], bool] = lambda event: True, seconds: float = PATIENCE_S
    ) -> Event:
        """The next event of this kind, behind the last that was waited for.

        Raises:
            Missing: it does not come.
        """
        deadline = self.now() + seconds
        while True:
            while self._seen < len(self.events):
                event = self.events[self._seen]
                self._seen += 1
                if event["type"] == kind and wanted(event):
                    return event
            if self.now() > deadline or self.socket.closed:
                came = "\n".join(f"{e['at']:7.2f} {brief(e)}" for e in self.events[-40:])
                raise Missing(
                    f"no {kind} within {seconds:g} s (close code {self.close_code}); at last came\n{came}"
                )
            await self._news(deadline - self.now())

    async def answer(self) -> Event:
        """The next response that is done."""
        response: Event = (await self.until("response.done"))["response"]
        return response

    async def closed(self) -> None:
        """Wait until the gateway has hung up."""
        async with asyncio.timeout(PATIENCE_S):
            while self.close_code is None:
                await self._news()

    async def tool(self, *statuses: str) -> Event:
        """The next change of a tool call to one of these statuses."""
        return await self.until("antiphon.tool", lambda e: e.get("status") in statuses and "action" in e)

    def sound(self, from_s: float = 0.0, to_s: float | None = None) -> Pcm:
        """What was heard between two moments."""
        pcm = np.frombuffer(bytes(self.heard), "<i2")
        return pcm[round(from_s * RATE) : None if to_s is None else round(to_s * RATE)]

    async def _news(self, seconds: float = PATIENCE_S) -> None:
        self._fresh.clear()
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._fresh.wait()
        except TimeoutError:
            return

    async def _listen(self) -> None:
        async for message in self.socket:
            event = json.loads(message.data)
            if event["type"] == "response.output_audio.delta":
                self._place(base64.b64decode(event["delta"]))
            else:
                self.events.append({"at": self.now(), **event})
                self._fresh.set()
        self.close_code = self.socket.close_code
        self._fresh.set()

    def _place(self, pcm: bytes) -> None:
        start = round(self.now() * RATE) * 2
        self.heard.extend(bytes(max(0, start - len(self.heard))))
        self.heard.extend(pcm)

    async def _breathe(self) -> None:
        """The microphone: what is to be said, else silence, 20 ms at a time."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        silence = bytes(CHUNK * 2)
        while not self.socket.closed:
            chunk = self._lips.popleft() if self._lips else silence
            self.spoken.extend(chunk)
            if not self._lips:
                self._fresh.set()
            try:
                await self.send("input_audio_buffer.append", audio=base64.b64encode(chunk).decode())
            except (aiohttp.ClientError, ConnectionError):
                return
            due += CHUNK / RATE
            await asyncio.sleep(due - loop.time())


def brief(event: Event) -> str:
    """An event in a line."""
    text = json.dumps({k: v for k, v in event.items() if k not in ("at", "event_id", "session")})
    return text if len(text) < 300 else f"{text[:300]} …"


def transcript(response: Event) -> str:
    """The words of a finished response."""
    return " ".join(part.get("transcript") or "" for item in response["output"] for part in item["content"])
