"""HTTP as no client library sends it: heads of any bytes."""

import asyncio


async def status(port: int, method: str, path: str, *lines: bytes) -> int:
    """What a server on this machine answers to a request with these header lines and no body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = [f"{method} {path} HTTP/1.1".encode(), b"Host: localhost", b"Connection: close", *lines]
        writer.write(b"\r\n".join([*head, b"", b""]))
        async with asyncio.timeout(20):
            return int((await reader.readline()).split()[1])
    finally:
        writer.close()
        await writer.wait_closed()
