"""One call's socket to a speech server, from its handshake to its loss."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncGenerator, Callable
from types import TracebackType
from typing import Self

import aiohttp
import numpy as np

from gateway.engines.personaplex.responses import FRAME
from gateway.ports import PartAway
from gateway.session.clock import BYTES, samples
from services.speech import protocol as wire

log = logging.getLogger(__name__)

SEND_LIMIT_S = 5.0
"""A server that takes nothing for so long takes nothing any more."""

SILENT_LIMIT = samples(5000)
"""So much sound without a frame in return: it stands still. Time alone tells nothing: frames are owed for sound."""

SILENT_LIMIT_S = 5.0
"""Nor does sound alone: what was kept while there was no line is sent at once, and may be more than that."""

CLOSE_LIMIT_S = 0.5

MOST_GARBAGE = 50
"""Messages in a row that mean nothing: then it is no speech server."""

SCALE = 32_768
"""Of PCM16."""


class ServerFull(PartAway):
    """All slots are taken."""

    code, title = "server_full", "All slots of the speech server are taken"

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail, retry_after=retry_after)
        self.retry_after = retry_after


class LineLost(PartAway):
    """The connection to the speech server broke, or makes no sense any more."""

    code, title = "line_lost", "The speech server was lost"


class Line:
    """Sends the user's frames, and gives what the server says."""

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        codec: wire.Codec,
        ready: wire.Ready | None,
        let_go: Callable[[], None],
    ) -> None:
        """`let_go` is called once, when the slot is free again."""
        # Numpy's and Opus' part of the speech service's wire; a gateway without PersonaPlex never loads it.
        from services.speech.formats import reader_of, writer_of
        from services.speech.opus import MissingCodec

        self._socket, self._let_go = socket, let_go
        try:
            self._reader, self._writer = reader_of(codec), writer_of(codec)
        except MissingCodec as error:
            raise PartAway(f"a stock speech server speaks Ogg Opus; {error.detail}") from error
        self.ready = ready
        """What the server told of itself; None where it is a stock one."""
        self._holds = ready is not None
        self._rest = b""
        self._unanswered = 0
        """Samples sent since the last frame came."""
        self._owes_since = 0.0
        """When the first of them were sent, by the event loop's clock."""

    @classmethod
    async def open(
        cls,
        http: aiohttp.ClientSession,
        url: str,
        chat: wire.Chat,
        headers: dict[str, str],
        let_go: Callable[[], None],
    ) -> Self:
        """Connect and wait for the handshake: what is sent before it, a stock server swallows.

        Raises:
            ServerFull
            PartAway: it cannot be reached, or will not have the call.
        """
        try:
            socket = await http.ws_connect(
                f"{url}{wire.PATH}", params=wire.write_query(chat), headers=headers, autoclose=True
            )
        except aiohttp.WSServerHandshakeError as error:
            after = error.headers.get("Retry-After", "") if error.headers else ""
            # A server that takes no calls at all answers 503, too, but knows no time to come again.
            if error.status == 503 and after.isdecimal():
                raise ServerFull(f"{url} is full", int(after)) from error
            raise PartAway(f"{url} answered {error.status} to a call") from error
        except (aiohttp.ClientError, OSError) as error:
            raise PartAway(f"{url} cannot be reached: {plainly(error)}") from error
        try:
            ready = await _handshake(socket, url)
            return cls(socket, chat.codec, ready, let_go)
        except BaseException:
            await _close(socket)
            raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up; the slot is free."""
        try:
            await _close(self._socket)
        finally:
            let_go, self._let_go = self._let_go, _nothing
            let_go()

    async def send(self, frame: bytes) -> None:
        """A frame of the user's sound, PCM16.

        Raises:
            LineLost
        """
        now = asyncio.get_running_loop().time()
        if not self._unanswered:
            self._owes_since = now
        self._unanswered += len(frame) // BYTES
        if self._unanswered > SILENT_LIMIT and now - self._owes_since >= SILENT_LIMIT_S:
            raise LineLost("it has said nothing to 5 s of sound")
        pcm = np.frombuffer(frame, "<i2").astype(np.float32) / np.float32(SCALE)
        await self._send(wire.Audio(self._writer.write(pcm)))

    async def hold(self, on: bool) -> None:
        """Have the model keep silent, where it can: a stock server knows no such order, nor does an older one of ours.

        Then what it says is only not let out.

        Raises:
            LineLost
        """
        if self._holds:
            await self._send(wire.Hold(on))

    async def said(self) -> AsyncGenerator[bytes | str, None]:
        """Frames of PCM16 and pieces of text, in the order in which they come.

        Raises:
            LineLost: always in the end.
        """
        garbage, complaint = 0, ""
        async for message in self._socket:
            try:
                if message.type is not aiohttp.WSMsgType.BINARY:
                    raise wire.BadMessage("not_binary", "this wire is binary")
                event = wire.decode_down(message.data)
            except wire.BadMessage as error:
                garbage += 1
                if garbage > MOST_GARBAGE:
                    raise LineLost(f"it sends what cannot be understood: {error}") from error
                continue
            garbage = 0
            match event:
                case wire.Audio(data):
                    for frame in self._frames(data):
                        yield frame
                case wire.Text(text):
                    yield text
                case wire.Error("not_held", why):
                    self._holds = False
                    log.info("speech server does not hold its model", extra={"pii_detail": why})
                case wire.Error(code, why):
                    # The call goes on, unless it hangs up as well.
                    complaint = f", having said {code or 'error'}: {why}"
                    log.warning("speech server complains", extra={"code": code, "pii_detail": why})
                case _:
                    pass
        raise LineLost(f"the socket closed with {self._socket.close_code}{complaint}")

    def _frames(self, data: bytes) -> list[bytes]:
        from services.speech.samples import BadSound

        try:
            sound = self._reader.read(data)
        except BadSound as error:
            raise LineLost(f"its sound cannot be understood: {error}") from error
        pcm = self._rest + np.clip(np.rint(sound * SCALE), -SCALE, SCALE - 1).astype("<i2").tobytes()
        whole = len(pcm) // (FRAME * BYTES) * FRAME * BYTES
        self._rest = pcm[whole:]
        if whole:
            self._unanswered = 0
        return [pcm[at : at + FRAME * BYTES] for at in range(0, whole, FRAME * BYTES)]

    async def _send(self, message: wire.Up) -> None:
        try:
            async with asyncio.timeout(SEND_LIMIT_S):
                await self._socket.send_bytes(wire.encode(message))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise LineLost(f"it takes nothing any more: {error!r}") from error


def plainly(error: aiohttp.ClientError | OSError) -> str:
    """Why nobody could be reached, in the system's words rather than in aiohttp's."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, OSError) and cause.errno and cause.errno > 0:
        return os.strerror(cause.errno)
    # Names that are not found have numbers of their own.
    return (cause.strerror if isinstance(cause, OSError) else None) or str(error)


def _nothing() -> None:
    pass


async def _handshake(socket: aiohttp.ClientWebSocketResponse, url: str) -> wire.Ready | None:
    """Wait until the model is live; what our own server tells of itself comes before."""
    ready = None
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.BINARY:
            continue
        try:
            event = wire.decode_down(message.data)
        except wire.BadMessage:
            continue
        match event:
            case wire.Handshake():
                return ready
            case wire.Ready():
                ready = event
            case wire.Error(_, why):
                raise PartAway(f"{url} will not have the call: {why}")
            case _:
                pass
    raise PartAway(f"{url} hung up before the call began; has it the voice?")


async def _close(socket: aiohttp.ClientWebSocketResponse) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_LIMIT_S):
            await socket.close()
