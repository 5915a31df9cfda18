"""What the service and its workers say to each other: length, kind and body, over a socket pair."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from enum import IntEnum

HEAD = struct.Struct("!BI")
COUNT = struct.Struct("!Q")
RECEIVE = 2**16

Message = tuple["Kind", bytes]


class Kind(IntEnum):
    """What the body is; the first four go to the worker, the others come from it."""

    OPEN = 1
    """JSON: `rate`, `language`."""
    SOUND = 2
    """PCM16."""
    SKIP = 3
    """A count of samples that were lost."""
    FINISH = 4
    """Empty."""
    READY = 5
    """A count: the worker's process id."""
    EVENT = 6
    """An event as the wire has it, to be passed on."""
    FINAL = 7
    """The event that answers `FINISH`."""
    TAKEN = 8
    """A count of samples that need no more waiting for."""


def pack(kind: Kind, body: bytes = b"") -> bytes:
    """One message."""
    return HEAD.pack(kind, len(body)) + body


def count(kind: Kind, number: int) -> bytes:
    """One message whose body is a number."""
    return pack(kind, COUNT.pack(number))


def number(body: bytes) -> int:
    """The body of a message made by `count`."""
    value: int = COUNT.unpack(body)[0]
    return value


async def head(reader: asyncio.StreamReader) -> tuple[Kind, int]:
    """The kind and length of the next message. May be cancelled without a loss.

    Raises:
        asyncio.IncompleteReadError: the worker is gone.
    """
    kind, length = HEAD.unpack(await reader.readexactly(HEAD.size))
    return Kind(kind), length


def messages(connection: socket.socket) -> Iterator[Message]:
    """What comes over a blocking socket, until the peer closes it."""
    waiting = bytearray()
    while piece := connection.recv(RECEIVE):
        waiting += piece
        while len(waiting) >= HEAD.size:
            kind, length = HEAD.unpack_from(waiting)
            end = HEAD.size + length
            if len(waiting) < end:
                break
            body = bytes(waiting[HEAD.size : end])
            del waiting[:end]
            yield Kind(kind), body
