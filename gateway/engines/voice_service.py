"""The synthesizer adapter for `services/synthesizer`: one socket a call, opened when first needed."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from uuid import uuid4

import aiohttp

from gateway.ports import PartAway, PartRefused, Sound
from gateway.session.clock import RATE
from gateway.session.events import Word
from personas.model import Voice
from services.synthesizer import protocol as wire

CONNECT_LIMIT_S = 5.0
"""A supervisor has a killed synthesizer up again within this."""

FIRST_TRY_AFTER_S = 0.05
SILENCE_LIMIT_S = 10.0
"""eSpeak answers within milliseconds; a socket this quiet is dead."""

CALL_OFF_LIMIT_S = 0.2
"""After a barge-in nobody waits longer for the peer; the next text then gets another socket."""

PASSING = frozenset({"voice_failed", "too_many_texts"})
"""Failures after which the same text may be spoken all the same."""


class VoiceService:
    """Speaks through the synthesizer's own wire, which tells where each word sounds."""

    def __init__(self, http: aiohttp.ClientSession, url: str, key: str) -> None:
        self._http, self._url = http, url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def speak(self, text: str, voice: Voice) -> AsyncGenerator[Sound, None]:
        espeak = voice.espeak
        order = wire.Speak(uuid4().hex, text, espeak.voice, espeak.speed, espeak.pitch)
        socket = await self._connected()
        over = False
        """The peer has done with this text."""
        try:
            await socket.send_str(wire.encode(order))
            words: list[Word] = []
            while not over:
                match await _next(socket):
                    case bytes(pcm):
                        yield Sound(pcm, tuple(words))
                        words.clear()
                    case wire.Word(_, spoken, start, end):
                        words.append(Word(spoken, start, end))
                    case wire.Started(_, rate) if rate != RATE:
                        raise PartAway(f"the synthesizer speaks at {rate} samples a second, not at {RATE}")
                    case wire.Failed(_, code, why):
                        over = True
                        kind = PartAway if code in PASSING else PartRefused
                        raise kind(f"the synthesizer refused: {code}: {why}")
                    case wire.Done():
                        over = True
            if words:
                yield Sound(b"", tuple(words))
        except (TimeoutError, OSError, wire.BadMessage, aiohttp.ClientError) as error:
            raise PartAway(f"the synthesizer was lost: {error!r}") from error
        finally:
            if not over:
                await self._call_off(socket, order.id)

    async def close(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None and not socket.closed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CALL_OFF_LIMIT_S):
                    await socket.close()

    async def _call_off(self, socket: aiohttp.ClientWebSocketResponse, order: str) -> None:
        """What is still under way of a text must not be heard: stop it, or else let go of the socket."""
        try:
            async with asyncio.timeout(CALL_OFF_LIMIT_S):
                await socket.send_str(wire.encode(wire.Cancel(order)))
                while not isinstance(await _next(socket), wire.Done | wire.Failed):
                    pass
        except (TimeoutError, OSError, PartAway, wire.BadMessage, aiohttp.ClientError):
            await self.close()

    async def _connected(self) -> aiohttp.ClientWebSocketResponse:
        if self._socket is not None and not self._socket.closed:
            return self._socket
        pause = FIRST_TRY_AFTER_S
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                while True:
                    try:
                        self._socket = await self._http.ws_connect(
                            f"{self._url}/v1/speak", params={"rate": str(RATE)}, headers=self._headers
                        )
                        return self._socket
                    except (aiohttp.ClientError, OSError):
                        await asyncio.sleep(pause)
                        pause = min(1.0, pause * 2)
        except TimeoutError as error:
            raise PartAway(f"no synthesizer at {self._url}") from error


async def _next(socket: aiohttp.ClientWebSocketResponse) -> bytes | wire.Order | wire.Event:
    """The next message: sound, or what is said about it.

    Raises:
        TimeoutError, BadMessage
        PartAway: the socket is closed.
    """
    message = await socket.receive(timeout=SILENCE_LIMIT_S)
    if message.type is aiohttp.WSMsgType.BINARY:
        return bytes(message.data)
    if message.type is aiohttp.WSMsgType.TEXT:
        return wire.decode(message.data)
    raise PartAway("the synthesizer closed the socket")
