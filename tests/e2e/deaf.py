"""A client of the realtime wire that says something and then never reads again."""

import asyncio
import base64
import json
import os
import socket
from urllib.parse import urlsplit

RECEIVE_BUFFER = 4096
"""The kernel takes little more than this for a process that does not read."""

PING_S = 0.5


class DeafClient:
    """Speaks RFC 6455 by itself: every library reads ahead of its user."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, url: str, secret: str) -> "DeafClient":
        parts = urlsplit(url)
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", parts.port))
        # Beyond twice this limit asyncio stops reading from the socket.
        reader, writer = await asyncio.open_connection(sock=plain, limit=RECEIVE_BUFFER)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Authorization: Bearer {secret}\r\n\r\n".encode()
        )
        status = await reader.readline()
        assert b" 101 " in status, status
        return cls(reader, writer)

    def send(self, kind: str, **fields: object) -> None:
        """One event; never waits."""
        self._frame(0x1, json.dumps({"type": kind, **fields}).encode())

    async def until_cut(self) -> None:
        """Ping until the gateway has given the connection up."""
        while not self._writer.is_closing():
            self._frame(0x9, b"")
            await asyncio.sleep(PING_S)

    def close(self) -> None:
        self._writer.transport.abort()

    def _frame(self, opcode: int, payload: bytes) -> None:
        mask = os.urandom(4)
        size = len(payload)
        assert size < 2**16
        head = (
            bytes([0x80 | opcode, 0x80 | size])
            if size < 126
            else bytes([0x80 | opcode, 0xFE]) + size.to_bytes(2, "big")
        )
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        self._writer.write(head + mask + masked)
