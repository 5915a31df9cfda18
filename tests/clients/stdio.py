"""The room in which a Python client is tried: it hears stdin, and what it plays and tells goes to stdout.

    .venvs/NAME/bin/python tests/clients/stdio.py NAME URL

runs `talk` of `tests/clients/NAME/talk.py`, in that client's own environment. Sound comes in as PCM16 (24 kHz, mono),
in real time; where it ends, the call is over. Out goes a line of JSON each: `versions`, then `listening` when the
client takes sound, `play` (base64) and `stop` for the loudspeaker, and what the client tells.
"""

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

CHUNK = 960
"""Bytes of 20 ms."""


def tell(kind: str, value: Any = None) -> None:
    """What happened, as the client sees it."""
    print(json.dumps({"kind": kind, "value": value}), flush=True)


class Loudspeaker:
    """Plays what it is given, one behind the other, until it is told to stop."""

    def play(self, pcm: bytes) -> None:
        tell("play", base64.b64encode(pcm).decode())

    def stop(self) -> None:
        tell("stop")


async def microphone() -> AsyncIterator[bytes]:
    """20 ms each, as they are spoken."""
    stdin = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    tell("listening")
    while len(pcm := await stdin.read(CHUNK)) > 0:
        yield pcm


def main(name: str, url: str) -> None:
    sys.path.insert(0, str(Path(__file__).parent / name))
    client = import_module("talk")
    tell("versions", {package: version(package) for package in client.PACKAGES})
    asyncio.run(client.talk(url, "none-is-needed-on-loopback", microphone(), Loudspeaker(), tell))


if __name__ == "__main__":
    main(*sys.argv[1:3])
