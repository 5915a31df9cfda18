"""`GET /v1/listen`, upgraded: one socket a call, between a client and a worker."""

import asyncio
import logging

from aiohttp import WSCloseCode, WSMsgType, web

from services.transcriber import measures
from services.transcriber.hearing import WAITING_S, Hearing, WorkerLost
from services.transcriber.protocol import BadMessage, Failed, decode_finish, encode

log = logging.getLogger(__name__)

CLOSE_S = 1.0
"""What a peer that doesn't read gets to take the close frame."""


class TooSlow(Exception):
    """The client takes nothing any more."""


class Listening:
    """Carries sound up and events down until either side ends."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        hearing: Hearing,
        rate: int,
        slow_s: float,
    ) -> None:
        """`transport` is the socket's; a client that takes nothing for `slow_s` is cut off."""
        self._socket, self._transport, self._hearing = socket, transport, hearing
        self._rate, self._slow_s = rate, slow_s

    async def run(self) -> None:
        """Both ways at once. Whatever ends one ends the other."""
        down = asyncio.create_task(self._down(), name="transcriber down")
        up = asyncio.create_task(self._up(), name="transcriber up")
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
            down.cancel()
            ends = await asyncio.gather(up, down, return_exceptions=True)
        for end in ends:
            await self._ended(end)

    async def _up(self) -> None:
        async for message in self._socket:
            match message.type:
                case WSMsgType.BINARY:
                    await self._sound(message.data)
                case WSMsgType.TEXT:
                    await self._order(message.data)
                case _:
                    return

    async def _down(self) -> None:
        async for _, event in self._hearing.events():
            await self._send(event)

    async def _sound(self, pcm: bytes) -> None:
        if len(pcm) % 2:
            text = f"a message of {len(pcm)} bytes; PCM16 wants two for each sample"
            await self._fail(Failed("odd_bytes", text, fatal=False))
            return
        measures.FRAMES.inc()
        measures.AUDIO.inc(len(pcm) / 2 / self._rate)
        overflowed = self._hearing.overflowing
        if not self._hearing.hear(pcm) and not overflowed:
            measures.OVERFLOWS.inc()
            text = f"more than {WAITING_S:g} s of sound wait; what comes now counts as silence"
            await self._fail(Failed("overflow", text, fatal=False))

    async def _order(self, text: str) -> None:
        try:
            decode_finish(text)
        except BadMessage as error:
            await self._fail(Failed("bad_message", str(error), fatal=False))
        else:
            self._hearing.finish()

    async def _fail(self, failure: Failed) -> None:
        measures.LEFT_OUT.labels(failure.code).inc()
        await self._send(encode(failure))

    async def _send(self, event: str) -> None:
        try:
            async with asyncio.timeout(self._slow_s):
                await self._socket.send_str(event)
        except TimeoutError:
            raise TooSlow from None

    async def _ended(self, end: BaseException | None) -> None:
        match end:
            case WorkerLost():
                log.error("a call lost its recogniser", extra={"reason": str(end)})
                await self._close(Failed("recogniser_lost", str(end)))
            case TooSlow():
                measures.SLOW_READERS.inc()
                log.warning("client_too_slow")
                self._cut()
            case None | ConnectionError() | asyncio.CancelledError():
                pass
            case _:
                raise end

    async def _close(self, failure: Failed) -> None:
        """Say why, and close, if the peer lets us."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._socket.send_str(encode(failure))
                await self._socket.close(code=WSCloseCode.INTERNAL_ERROR)
        except (TimeoutError, ConnectionError):
            self._cut()

    def _cut(self) -> None:
        # A close frame would wait behind what the peer does not read.
        if self._transport:
            self._transport.abort()
