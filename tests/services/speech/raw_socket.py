"""A WebSocket of which every byte is the test's: frames that no client library sends (RFC 6455, section 5)."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

from yarl import URL

CONTINUATION, TEXT, BINARY, CLOSE, PING = 0x0, 0x1, 0x2, 0x8, 0x9
MASK = b"\x01\x02\x03\x04"
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
)


def frame(opcode: int, payload: bytes, fin: bool = True, reserved: int = 0, masked: bool = True) -> bytes:
    """A frame of a client.

    Args:
        reserved: The three bits behind the first, which no extension has given a meaning.
    """
    length = (
        bytes([len(payload)])
        if len(payload) < 126
        else b"\x7e" + struct.pack("!H", len(payload))
        if len(payload) < 2**16
        else b"\x7f" + struct.pack("!Q", len(payload))
    )
    first = bytes([fin << 7 | reserved << 4 | opcode])
    if not masked:
        return first + length + payload
    hidden = bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))
    return first + bytes([length[0] | 0x80]) + length[1:] + MASK + hidden


@dataclass(frozen=True)
class RawSocket:
    """A connection that is upgraded."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def message(self) -> bytes:
        """The next binary message of the server, which sends none in fragments.

        Raises:
            EOFError: It has hung up.
        """
        while True:
            opcode, length = await self.reader.readexactly(2)
            if length == 126:
                (length,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
            payload = await self.reader.readexactly(length)
            if opcode == 0x80 | BINARY:
                return payload
            if opcode == 0x80 | CLOSE:
                raise EOFError

    def vanish(self) -> None:
        """Be gone without a word, unless that was done: by a TCP reset, as of a program that was killed."""
        if self.writer.is_closing():
            return
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@asynccontextmanager
async def connecting(url: str, **query: str) -> AsyncIterator[RawSocket]:
    """Upgrade `/api/chat` of a speech server; in the end the socket vanishes."""
    port = URL(url).port
    assert port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    raw = RawSocket(reader, writer)
    try:
        raw.send(
            f"GET /api/chat?{urlencode(query)} HTTP/1.1\r\nHost: localhost\r\n{UPGRADE}\r\n\r\n".encode()
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in answer.splitlines()[0], answer
        yield raw
    finally:
        raw.vanish()
