"""A client of the transcriber's socket, for tests."""

import asyncio

from aiohttp import ClientWebSocketResponse, WSMsgType

from services.transcriber.protocol import Event, Failed, Final, Finish, decode, encode_finish
from tests.services.transcriber.voices import Sound

PATIENCE_S = 60
"""For machines under load; nothing here takes a second by itself."""


async def next_event(socket: ClientWebSocketResponse) -> Event:
    async with asyncio.timeout(PATIENCE_S):
        message = await socket.receive()
    assert message.type is WSMsgType.TEXT, message
    return decode(message.data)


async def events_until(socket: ClientWebSocketResponse, kind: type[Event]) -> list[Event]:
    """All events up to the first of `kind`."""
    events = [await next_event(socket)]
    while not isinstance(events[-1], kind):
        assert not isinstance(events[-1], Failed), events[-1]
        events.append(await next_event(socket))
    return events


async def send(socket: ClientWebSocketResponse, sound: Sound) -> None:
    """Send `sound` in messages of 960 bytes, as a browser would."""
    pcm = sound.tobytes()
    for start in range(0, len(pcm), 960):
        await socket.send_bytes(pcm[start : start + 960])


async def finish(socket: ClientWebSocketResponse, at: int = 0) -> None:
    await socket.send_str(encode_finish(Finish(at)))


async def hear(socket: ClientWebSocketResponse, sound: Sound) -> list[Event]:
    """Send `sound` as one turn; everything that comes, the final words last."""
    await send(socket, sound)
    await finish(socket, len(sound))
    return await events_until(socket, Final)


def final(events: list[Event]) -> Final:
    """The last of `events`, which must be final words."""
    last = events[-1]
    assert isinstance(last, Final)
    return last
