"""A client of the synthesizer's socket, for tests: what came for each text, put together."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from aiohttp import ClientWebSocketResponse, WSMsgType

from services.synthesizer.protocol import Done, Event, Failed, Speak, Word, decode, encode

PATIENCE_S = 30
"""For machines under load; nothing here takes a second by itself."""


@dataclass(slots=True)
class Heard:
    """All that came for one text."""

    id: str
    events: list[Event] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)
    frames: list[int] = field(default_factory=list)
    """Samples of each binary message."""
    late_words: list[Word] = field(default_factory=list)
    """Words that came behind the frame in which they begin: there must be none."""

    @property
    def pcm(self) -> npt.NDArray[np.int16]:
        return np.frombuffer(self.audio, "<i2")

    @property
    def words(self) -> list[Word]:
        return [event for event in self.events if isinstance(event, Word)]

    @property
    def end(self) -> Done | Failed:
        last = self.events[-1]
        assert isinstance(last, Done | Failed)
        return last


async def next_event(socket: ClientWebSocketResponse, heard: Heard | None = None) -> Event | None:
    """Take one message; None for a frame of sound, which is added to `heard`."""
    async with asyncio.timeout(PATIENCE_S):
        message = await socket.receive()
    if message.type is WSMsgType.TEXT:
        event = decode(message.data)
        assert not isinstance(event, Speak)
        if heard is not None:
            if isinstance(event, Word) and event.start < len(heard.audio) // 2:
                heard.late_words.append(event)
            heard.events.append(event)  # type: ignore[arg-type]
        return event  # type: ignore[return-value]
    assert message.type is WSMsgType.BINARY, message
    if heard is not None:
        heard.audio += message.data
        heard.frames.append(len(message.data) // 2)
    return None


async def hear(socket: ClientWebSocketResponse, id: str) -> Heard:
    """All of the text `id`, up to its end."""
    heard = Heard(id)
    while True:
        event = await next_event(socket, heard)
        if isinstance(event, Done | Failed):
            assert event.id == id
            return heard


async def say(
    socket: ClientWebSocketResponse, text: str, voice: str = "en-us+f2", id: str = "t", **how: float
) -> Heard:
    """Have `text` spoken, and hear it."""
    await socket.send_str(encode(Speak(id, text, voice, **how)))
    return await hear(socket, id)


def level(pcm: npt.NDArray[np.int16]) -> float:
    """Root mean square, in units of a sample; 0 of nothing."""
    return float(np.sqrt(np.mean(pcm.astype(np.float64) ** 2))) if len(pcm) else 0.0


def silences(pcm: npt.NDArray[np.int16], rate: int, at_least_s: float) -> Sequence[tuple[int, int]]:
    """The stretches of at least so many seconds in which no sample is above 2 % of the peak."""
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > 0.02 * np.abs(pcm.astype(np.int32)).max())
    gaps = np.flatnonzero(np.diff(loud) >= at_least_s * rate)
    return [(int(loud[gap]) + 1, int(loud[gap + 1])) for gap in gaps]
