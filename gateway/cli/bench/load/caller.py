"""One caller of a load: talks in stretches, types a word between them, and checks every byte that comes back."""

import asyncio
import base64
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gateway.cli.bench.load import signal
from gateway.cli.bench.load.websocket import WebSocket
from gateway.session.clock import BYTES, samples

TALK_S, HUSH_S = 9.0, 1.0
"""A turn of each side every ten seconds, as in a lively call; they begin with the hush."""

TYPED = "thanks"
"""What is typed in each hush, and answered with the next stretch: small talk of every persona."""

OPEN_LIMIT_S = 20.0
CLOSE_LIMIT_S = 20.0
DELTAS = ("response.output_audio.delta", "input_audio_buffer.append")
"""What brings sound back: from the gateway, and from the relay."""

ASKED_TOO_EARLY = "conversation_already_has_active_response"
"""The one error that a caller who types may run into by right."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the load goes."""

    host: str
    port: int


@dataclass(slots=True)
class Sent:
    """A frame on its way."""

    pcm: bytes
    """What must come back."""
    at: float
    """By `time.perf_counter`."""
    counts: bool
    """Whether it was sent within the time that is measured."""


class Caller:
    """One call, from its socket's opening to its close.

    Args:
        answer: what must come back for a frame.
        echoed: told the seconds from the sending of a frame that counts to the coming of its last byte.
        late: told the seconds by which a frame left later than it was due.
    """

    def __init__(
        self,
        number: int,
        address: Address,
        frame_ms: int,
        answer: Callable[[bytes], bytes],
        echoed: Callable[[float], None],
        late: Callable[[float], None],
    ) -> None:
        self._number, self._address, self._frame_ms, self._answer = number, address, frame_ms, answer
        self._echoed, self._late = echoed, late
        self._loop = asyncio.get_running_loop()
        self._talk, self._hush = (round(s * 1000 / frame_ms) for s in (TALK_S, HUSH_S))
        self._socket: WebSocket | None = None
        self._ready, self._gone = asyncio.Event(), asyncio.Event()
        self._sent: deque[Sent] = deque()
        self._matched = 0
        """Bytes of the oldest frame on its way that have come."""
        self._frame = 0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.hushed = False
        """From now on only silence is sent."""
        self.counts = False
        """Whether frames that are sent now are measured."""
        self.frames = 0
        """Frames with sound that were sent and counted."""
        self.fault: str | None = None
        """The first thing that was wrong."""
        self.last_at = 0.0
        """When sound came last, by `time.perf_counter`."""

    @property
    def on_their_way(self) -> int:
        """Frames that have not come back yet."""
        return len(self._sent)

    async def open(self, greets: bool) -> None:
        """Connect; `greets`: the server greets, and confirms a `session.update`, as stock clients send it.

        Raises:
            ConnectionError, TimeoutError: it could not be opened.
        """
        host = f"{self._address.host}:{self._address.port}"
        async with asyncio.timeout(OPEN_LIMIT_S):
            _, self._socket = await self._loop.create_connection(
                lambda: WebSocket("/v1/realtime", host, self._heard, self._gone.set),
                self._address.host,
                self._address.port,
            )
            await self._socket.open
            if greets:
                await self._ready.wait()

    @property
    def _in_hush(self) -> bool:
        return self._frame % (self._hush + self._talk) < self._hush

    def begin(self, at: float, share: float = 0.0) -> None:
        """Send frames from `at` (the loop's time) on, in real time, with `share` of the ten seconds behind us."""
        self._frame = int(share * (self._hush + self._talk))
        if self._in_hush:
            self._ask()
        self._due = at
        self._timer = self._loop.call_at(at, self._send_frame)

    def stop(self) -> None:
        """Send no more."""
        if self._timer is not None:
            self._timer.cancel()

    async def close(self) -> None:
        """Hang up in order."""
        self.stop()
        if self._socket is None:
            return
        self._socket.close()
        try:
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await self._gone.wait()
        except TimeoutError:
            self._wrong("the server did not close")
            self._socket.abort()

    # Up.

    def _send_frame(self) -> None:
        now = self._loop.time()
        self._late(now - self._due)
        if self._in_hush or self.hushed:
            pcm = bytes(samples(self._frame_ms) * BYTES)
        else:
            pcm = signal.frame(self._number, self._frame, self._frame_ms)
            self._sent.append(Sent(self._answer(pcm), time.perf_counter(), self.counts))
            self.frames += self.counts
        self._frame += 1
        self._say(b'{"type":"input_audio_buffer.append","audio":"' + base64.b64encode(pcm) + b'"}')
        self._due += self._frame_ms / 1000
        self._timer = self._loop.call_at(self._due, self._send_frame)

    def _ask(self) -> None:
        """Type a word, and ask for an answer: the bridge's way."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": TYPED}]}
        self._say(json.dumps({"type": "conversation.item.create", "item": item}).encode())
        self._say(b'{"type":"response.create"}')

    def _say(self, text: bytes) -> None:
        assert self._socket is not None, "opened before"
        if self._gone.is_set():
            self._wrong("the server hung up")
            return
        self._socket.send(text)

    # Down.

    def _heard(self, text: bytes) -> None:
        event = json.loads(text)
        kind = event["type"]
        if kind in DELTAS:
            self._take(base64.b64decode(event.get("delta") or event.get("audio")).strip(b"\0"))
        elif kind == "session.created":
            self._say(b'{"type":"session.update","session":{"type":"realtime"}}')
        elif kind == "session.updated":
            self._ready.set()
        elif kind == "response.done":
            if self._in_hush and not self.hushed:
                self._ask()
        elif kind == "error" and event["error"]["code"] != ASKED_TOO_EARLY:
            self._wrong(f"{event['error']['code']}: {event['error']['message']}")

    def _take(self, sound: bytes) -> None:
        """Check what came back against what was sent, byte by byte."""
        # The loop's own clock is only as fine as its timers: a millisecond.
        now = time.perf_counter()
        if sound:
            self.last_at = now
        place = 0
        while place < len(sound):
            if not self._sent:
                self._wrong(f"{len(sound) - place} bytes came that were not sent")
                return
            first = self._sent[0]
            part = sound[place : place + len(first.pcm) - self._matched]
            if not first.pcm.startswith(part, self._matched):
                self._wrong(_difference(first, self._matched, part, now))
                return
            place += len(part)
            self._matched += len(part)
            if self._matched == len(first.pcm):
                self._sent.popleft()
                self._matched = 0
                if first.counts:
                    self._echoed(now - first.at)

    def _wrong(self, what: str) -> None:
        self.fault = self.fault or f"caller {self._number}: {what}"
        self.stop()


def _difference(sent: Sent, place: int, came: bytes, now: float) -> str:
    """What is wrong with the part from byte `place` on of a frame that came back."""
    wanted = sent.pcm[place : place + len(came)]
    at = next(number for number, (one, other) in enumerate(zip(wanted, came, strict=True)) if one != other)
    what = "silence" if not any(came[at:]) else "other sound"
    return f"wrong bytes: {what} from byte {place + at} on in a frame that was sent {now - sent.at:.3f} s ago"
