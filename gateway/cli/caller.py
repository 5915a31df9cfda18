"""A client of the realtime wire with a microphone that never stops and ears that keep everything, on one clock.

All tracks count samples from the moment at which the call began. The microphone sends each 20 ms when they are over,
as a real one does; the agent's sound lies where a loudspeaker would play it: right when it comes, or behind what
still sounds. What was sent of an answer that is cut, and had not sounded yet, is dropped.
"""

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

from gateway.cli.address import client, refusal, unreachable
from gateway.cli.waveforms import Pcm, Stretch, is_audible
from gateway.session.clock import BYTES, RATE, samples
from services.base.problems import Problem

Event = dict[str, Any]

CHUNK = samples(20)
"""Of one message up."""

PATIENCE_S = 45.0
"""For whatever must come; most of it does within a second."""

API = "/api/mas/voice"


class CallRefused(Problem):
    """The gateway cannot be reached, or gives no session."""

    code, title = "call_refused", "The call could not be made"


class CallBroke(Problem):
    """What came from the gateway could not be taken in."""

    code, title = "call_broke", "The call broke off"


class Missing(AssertionError):
    """What was waited for did not come; says what came instead."""


@dataclass(frozen=True, slots=True)
class Echo:
    """The agent's sound, come back into the microphone."""

    gain: float
    late: int
    """Samples; at least one chunk."""


@dataclass(frozen=True, slots=True)
class Room:
    """What the microphone hears beside its user."""

    noise: Pcm | None = None
    """Over and over."""
    echo: Echo | None = None


@dataclass(slots=True)
class Piece:
    """A stretch of the agent's sound, in samples of the call."""

    response_id: str
    begin: int
    end: int
    audible: bool


@dataclass(slots=True)
class Caller:
    """One call. Times are seconds since it began."""

    socket: aiohttp.ClientWebSocketResponse
    session_id: str
    secret: str
    room: Room = field(default_factory=Room)
    watch: Callable[[Event], None] | None = None
    """Is shown each event as it comes."""
    events: list[Event] = field(default_factory=list)
    """All but sound, each with `at`."""
    spoken: bytearray = field(default_factory=bytearray)
    """What the user said, without the room."""
    heard: bytearray = field(default_factory=bytearray)
    """What a loudspeaker has played and is about to play."""
    pieces: list[Piece] = field(default_factory=list)
    """Whose sound lies where in `heard`."""
    close_code: int | None = None
    _seen: int = 0
    """Events that somebody waited for already."""
    _lips: deque[bytes] = field(default_factory=deque)
    _fresh: asyncio.Event = field(default_factory=asyncio.Event)
    _began: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    @classmethod
    @asynccontextmanager
    async def calling(
        cls, url: str, room: Room | None = None, watch: Callable[[Event], None] | None = None, **wishes: Any
    ) -> AsyncIterator[Self]:
        """Make a session and call; hang up in the end.

        Args:
            wishes: the body of the session's request. The agent does not speak first, unless it is wished for.

        Raises:
            CallRefused: the gateway cannot be reached, or says no.
        """
        async with client(url) as http:
            made = await _make_session(http, url, {"greeting": False, **wishes})
            secret = made["client_secret"]["value"]
            async with await _attach(http, made["realtime_url"], secret) as socket, _ended(socket):
                caller = cls(socket, made["session_id"], secret, room or Room(), watch)
                tasks = [asyncio.create_task(caller._listen()), asyncio.create_task(caller._breathe())]
                try:
                    yield caller
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.wait(tasks)
                    await socket.close()
                    for task in tasks:
                        # What broke the caller's ear or mouth is why nothing came.
                        if not task.cancelled() and (error := task.exception()):
                            raise CallBroke(repr(error)) from error

    def now(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send_json({"type": kind, **fields})

    async def say(self, pcm: Pcm) -> Stretch:
        """Speak, in real time; returns, when the last of it has left, where it lies."""
        raw = pcm.astype("<i2").tobytes()
        size = CHUNK * BYTES
        begin = (len(self.spoken) + len(self._lips) * size) / BYTES / RATE
        self._lips.extend(raw[at : at + size].ljust(size, b"\0") for at in range(0, len(raw), size))
        await self.when("end of its own words", lambda: not self._lips, len(pcm) / RATE + PATIENCE_S)
        return begin, begin + len(pcm) / RATE

    async def write(self, text: str) -> None:
        """Say it in text, and ask for an answer."""
        content = [{"type": "input_text", "text": text}]
        await self.send(
            "conversation.item.create", item={"type": "message", "role": "user", "content": content}
        )
        await self.send("response.create")

    async def when(self, what: str, condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        """Wait until it holds; it is looked at with each event and each 20 ms of the microphone.

        Args:
            what: is waited for, to be told when it does not come.

        Raises:
            Missing: it does not hold in time, or the call is over.
        """
        deadline = self.now() + seconds
        while not condition():
            if self.now() > deadline or self.close_code is not None:
                raise self._missing(what, seconds)
            await self._news(deadline - self.now())

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
                raise self._missing(kind, seconds)
            await self._news(deadline - self.now())

    async def answer(self) -> Event:
        """The next response that is done."""
        response: Event = (await self.until("response.done"))["response"]
        return response

    async def closed(self) -> None:
        """Wait until the gateway has hung up."""
        async with asyncio.timeout(PATIENCE_S):
            while self.close_code is None:
                await self._news(PATIENCE_S)

    async def tool(self, *statuses: str) -> Event:
        """The next change of a tool call to one of these statuses."""
        return await self.until("antiphon.tool", lambda e: e.get("status") in statuses and "action" in e)

    def sound(self, from_s: float = 0.0, to_s: float | None = None) -> Pcm:
        """What was heard between two moments."""
        pcm = np.frombuffer(bytes(self.heard), "<i2")
        return pcm[round(from_s * RATE) : None if to_s is None else round(to_s * RATE)]

    def sounds_until(self) -> float:
        """When the last of the agent's sound that came will have sounded."""
        return len(self.heard) / BYTES / RATE

    def sounded(self, since_s: float = 0.0) -> float | None:
        """When the agent first sounded since a moment, to the 40 ms; exactly it is read off the track."""
        since = round(since_s * RATE)
        return next((p.begin / RATE for p in self.pieces if p.audible and p.begin >= since), None)

    async def _news(self, seconds: float) -> None:
        self._fresh.clear()
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._fresh.wait()
        except TimeoutError:
            return

    def _missing(self, what: str, seconds: float) -> Missing:
        came = "\n".join(f"{e['at']:7.2f} {brief(e)}" for e in self.events[-40:])
        return Missing(f"no {what} within {seconds:g} s (close code {self.close_code}); at last came\n{came}")

    async def _listen(self) -> None:
        async for message in self.socket:
            event = json.loads(message.data)
            if event["type"] == "response.output_audio.delta":
                self._place(event["response_id"], base64.b64decode(event["delta"]))
            else:
                event = {"at": self.now(), **event}
                self.events.append(event)
                if self.watch is not None:
                    self.watch(event)
                if event["type"] == "response.done" and event["response"]["status"] == "cancelled":
                    self._drop(event["response"]["id"])
            self._fresh.set()
        self.close_code = self.socket.close_code
        self._fresh.set()

    def _place(self, response_id: str, pcm: bytes) -> None:
        begin = max(round(self.now() * RATE), len(self.heard) // BYTES)
        self.heard.extend(bytes(begin * BYTES - len(self.heard)))
        self.heard.extend(pcm)
        audible = is_audible(np.frombuffer(pcm, "<i2"))
        self.pieces.append(Piece(response_id, begin, begin + len(pcm) // BYTES, audible))

    def _drop(self, response_id: str) -> None:
        """Of a cut answer, what did not sound yet never does."""
        now = round(self.now() * RATE)
        while self.pieces and self.pieces[-1].response_id == response_id and self.pieces[-1].end > now:
            piece = self.pieces.pop()
            del self.heard[max(piece.begin, now) * BYTES :]
            if piece.begin < now:
                self.pieces.append(Piece(response_id, piece.begin, now, piece.audible))

    async def _breathe(self) -> None:
        """The microphone: what is to be said, else silence, 20 ms at a time."""
        due = self._began + CHUNK / RATE
        silence = bytes(CHUNK * BYTES)
        while not self.socket.closed:
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            begin = len(self.spoken) // BYTES
            said = self._lips.popleft() if self._lips else silence
            self.spoken.extend(said)
            self._fresh.set()
            audio = base64.b64encode(self._in_room(said, begin)).decode()
            try:
                await self.send("input_audio_buffer.append", audio=audio)
            except (aiohttp.ClientError, ConnectionError):
                return
            due += CHUNK / RATE

    def _in_room(self, said: bytes, begin: int) -> bytes:
        """What the microphone hears from sample `begin` on, while the user says this."""
        noise, echo = self.room.noise, self.room.echo
        if noise is None and echo is None:
            return said
        mixed = np.frombuffer(said, "<i2").astype(np.float64)
        if noise is not None:
            mixed += noise.take(np.arange(begin, begin + CHUNK), mode="wrap")
        if echo is not None and begin >= echo.late:
            start = (begin - echo.late) * BYTES
            back = np.frombuffer(bytes(self.heard[start : start + CHUNK * BYTES]), "<i2")
            mixed[: len(back)] += echo.gain * back
        return np.clip(np.round(mixed), -32768, 32767).astype("<i2").tobytes()


async def _make_session(http: aiohttp.ClientSession, url: str, wishes: dict[str, Any]) -> dict[str, Any]:
    try:
        async with http.post(f"{url}{API}/duplex/session", json=wishes) as answer:
            made: dict[str, Any] = await answer.json(content_type=None)
    except (aiohttp.ClientError, OSError) as error:
        raise CallRefused(unreachable(url, error)) from error
    except ValueError as error:
        raise CallRefused(f"{url} is no gateway: it answered {answer.status}") from error
    if answer.status != 201:
        raise CallRefused(refusal(answer.status, made))
    return made


async def _attach(http: aiohttp.ClientSession, url: str, secret: str) -> aiohttp.ClientWebSocketResponse:
    try:
        return await http.ws_connect(
            f"{url}&antiphon=1",
            headers={"Authorization": f"Bearer {secret}"},
            protocols=("realtime",),
            max_msg_size=0,
        )
    except (aiohttp.ClientError, OSError) as error:
        raise CallRefused(unreachable(url, error)) from error


@asynccontextmanager
async def _ended(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[None]:
    """Leaves nothing of its connection in the event loop.

    When a socket is closed, aiohttp leaves TLS' own farewell to the loop, which may end before the other side answers.
    """
    # There is no public way to it, and a socket that is closed has none any more.
    connection = socket._response.connection
    transport = connection.transport if connection else None
    try:
        yield
    finally:
        if transport:
            transport.abort()


def brief(event: Event) -> str:
    """An event in a line."""
    text = json.dumps({k: v for k, v in event.items() if k not in ("at", "event_id", "session")})
    return text if len(text) < 300 else f"{text[:300]} …"


def transcript(response: Event) -> str:
    """The words of a finished response."""
    return " ".join(part.get("transcript") or "" for item in response["output"] for part in item["content"])
