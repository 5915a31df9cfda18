"""A client's end of a WebSocket, lean enough that one core drives hundreds of them (RFC 6455).

It masks with zeros: the server unmasks as ever, and the generator's core has more left.
"""

import asyncio
import base64
import os
import struct
from collections.abc import Callable
from enum import IntEnum
from typing import cast

FIN = 0x80
MASKED = 0x80
NO_MASK = bytes(4)


class Op(IntEnum):
    """What a frame is."""

    TEXT = 1
    CLOSE = 8
    PING = 9
    PONG = 10


class WebSocket(asyncio.Protocol):
    """One connection. `heard` gets each text message; `lost` is called once, when it is gone."""

    def __init__(
        self, path: str, host: str, heard: Callable[[bytes], None], lost: Callable[[], None]
    ) -> None:
        self._path, self._host, self._heard, self._lost = path, host, heard, lost
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._upgraded = False
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the server has upgraded; it fails with a `ConnectionError` where it did not."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by their methods alone.
        transport = self._transport = cast(asyncio.Transport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded and not self._take_answer():
            return
        while self._take_frame():
            pass

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.open.done():
            self.open.set_exception(ConnectionError("the server hung up before the upgrade"))
        self._lost()

    def send(self, text: bytes) -> None:
        """Send a text message."""
        self._send(Op.TEXT, text)

    def close(self) -> None:
        """Close in order, with 1000."""
        self._send(Op.CLOSE, struct.pack(">H", 1000))

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _take_answer(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 101"):
            line = bytes(head.partition(b"\r\n")[0]).decode(errors="replace")
            self.open.set_exception(ConnectionError(f"no upgrade: {line}"))
            self.abort()
            return False
        self._buffer, self._upgraded = rest, True
        self.open.set_result(None)
        return True

    def _take_frame(self) -> bool:
        """Take one whole frame off the buffer; False when there is none. Servers neither mask nor split."""
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        begin, length = 2, buffer[1]
        if length == 126:
            begin, length = 4, int.from_bytes(buffer[2:4])
        elif length == 127:
            begin, length = 10, int.from_bytes(buffer[2:10])
        if len(buffer) < begin + length:
            return False
        op, payload = buffer[0] & 0x0F, bytes(buffer[begin : begin + length])
        del buffer[: begin + length]
        if op == Op.TEXT:
            self._heard(payload)
        elif op == Op.PING:
            self._send(Op.PONG, payload)
        elif op == Op.CLOSE and self._transport is not None:
            self._transport.close()
        return True

    def _send(self, op: Op, payload: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        length = len(payload)
        if length < 126:
            head = struct.pack(">BB", FIN | op, MASKED | length)
        elif length < 2**16:
            head = struct.pack(">BBH", FIN | op, MASKED | 126, length)
        else:
            head = struct.pack(">BBQ", FIN | op, MASKED | 127, length)
        self._transport.write(head + NO_MASK + payload)
