"""A stretch of bad network before a server, such as the gateway: it stalls, breaks or swallows when a test says so."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Self

CHUNK = 4096
"""Bytes that are passed on at a time."""


class Proxy:
    """Passes on what comes, both ways, on connections of its own."""

    def __init__(self, port: int) -> None:
        """`port` is the gateway's."""
        self._gateway = port
        self.port = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self._swallows = False
        self._refuses = False
        self._open: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def before(cls, port: int) -> AsyncIterator[Self]:
        """A proxy in front of the gateway on `port`."""
        proxy = cls(port)
        server = await asyncio.start_server(proxy._connected, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            proxy.reset()
            for pump in proxy._pumps:
                pump.cancel()
            if proxy._pumps:
                await asyncio.wait(proxy._pumps)

    def stall(self) -> None:
        """Hold everything back until `flow`."""
        self._flows.clear()

    def flow(self) -> None:
        """Pass on again, what was held back first."""
        self._flows.set()

    def swallow(self) -> None:
        """Take all and pass on nothing, on the connections that stand: each side believes that the other is there."""
        self._swallows = True

    def reset(self) -> None:
        """Break the connections that stand, with what is under way (RST); new ones pass."""
        self._swallows = False
        self._flows.set()
        for writer in self._open:
            if writer.is_closing():
                continue
            sock = writer.get_extra_info("socket")
            # Closing sends a reset then, and no end that could be taken for a close in order.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._open.clear()

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Meanwhile nobody is there."""
        self._refuses = True
        self.reset()
        yield
        self._refuses = False

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._gateway)
        self._open |= {writer, far_writer}
        for pump in (self._pump(reader, far_writer), self._pump(far_reader, writer)):
            task = asyncio.create_task(pump)
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(CHUNK):
                await self._flows.wait()
                if not self._swallows:
                    writer.write(piece)
                    await writer.drain()
        if not self._swallows:
            # Also where the other side was killed: nobody is to wait for it.
            writer.close()
