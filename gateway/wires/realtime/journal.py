"""The server's events of one session in their order: numbered, kept for a client that comes back, sent with limits."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from prometheus_client import Counter

KEPT = 2000
"""Control events that a returning client may ask for; minutes of a lively call."""

KEPT_S = 120.0
"""For so long. A client that is gone is missed after 23 s at most and awaited for 20 s: no call need keep more."""

KEPT_CHARS = 4_000_000
"""The same in characters: a client may have large things given back to it."""

WAITING_CHARS = 16_000_000
"""What may wait for a reader; ten seconds of sound are 0.7 million."""

AUDIO_LATE_S = 1.0
CLIENT_LATE_S = 10.0

JSON = json.JSONEncoder(ensure_ascii=False)
"""Made once: `json.dumps` makes one for each event."""

DROPPED = Counter("antiphon_realtime_audio_dropped", "Audio events that a slow reader never got")


class ClientTooSlow(Exception):
    """The client is 10 s behind, or too much waits for it."""

    code = "client_too_slow"


@dataclass(frozen=True, slots=True)
class Message:
    """One event on its way."""

    number: int
    text: str
    is_audio: bool
    made_at: float
    """Monotonic seconds."""


class Line:
    """What one socket has not got yet."""

    def __init__(self, now: Callable[[], float], dropped: Callable[[int], None]) -> None:
        self._now, self._dropped = now, dropped
        self._waiting: deque[Message] = deque()
        self._chars = 0
        self._fresh = asyncio.Event()
        self._ended = False

    def put(self, message: Message) -> None:
        self._waiting.append(message)
        self._chars += len(message.text)
        self._fresh.set()

    async def pour(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Send one event after the other, to the last when the line ends; sound that is late is left out.

        Raises:
            ClientTooSlow: an event was not taken within 10 s, or too much waits.
        """
        while message := await self._next():
            left = message.made_at + CLIENT_LATE_S - self._now()
            if left <= 0 or self._chars > WAITING_CHARS:
                raise ClientTooSlow
            if message.is_audio and left < CLIENT_LATE_S - AUDIO_LATE_S:
                # Old sound is worth less than being in time again.
                DROPPED.inc()
                self._dropped(message.number)
                continue
            try:
                async with asyncio.timeout(left):
                    await send(message.text)
            except TimeoutError as error:
                raise ClientTooSlow from error

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._fresh.set()

    async def _next(self) -> Message | None:
        while not self._waiting:
            if self._ended:
                return None
            self._fresh.clear()
            await self._fresh.wait()
        message = self._waiting.popleft()
        self._chars -= len(message.text)
        return message


class Journal:
    """Numbers events, keeps the control events, and hands all to the socket that is attached."""

    def __init__(
        self, dropped: Callable[[int], None] = lambda number: None, now: Callable[[], float] = time.monotonic
    ) -> None:
        """`dropped` is told the number of each event with sound that the reader does not get."""
        self._now, self._dropped = now, dropped
        self._prefix = f"event_{uuid4().hex[:8]}_"
        self._count = 0
        self._kept: deque[Message] = deque()
        self._kept_chars = 0
        self._lost = 0
        """Number of the last control event that is no longer kept."""
        self._line: Line | None = None
        self._sound_fields: dict[str, Any] | None = None
        self._sound_head = ""
        """The beginning of an event with sound and these fields."""

    def put(self, kind: str, fields: dict[str, Any]) -> int:
        """Add a control event and return its number."""
        message = self._message(kind, fields)
        self._keep(message)
        return self._pass_on(message)

    def put_sound(self, kind: str, fields: dict[str, Any], base64: str) -> int:
        """Add an event with sound, its `delta`, and return its number. It is not kept: later it would be stale.

        The same `fields` object again saves work; it must not have changed.
        """
        if self._sound_fields is not fields:
            # All but the number and the sound is the same throughout a turn.
            self._sound_fields, self._sound_head = fields, JSON.encode({"type": kind, **fields})[:-1]
        # Base64 needs no escapes, and looking for them takes longer than all the rest.
        text = f'{self._sound_head}, "event_id": "{self._next_id()}", "delta": "{base64}"}}'
        return self._pass_on(Message(self._count, text, True, self._now()))

    def _message(self, kind: str, fields: dict[str, Any]) -> Message:
        text = JSON.encode({"type": kind, "event_id": self._next_id(), **fields})
        return Message(self._count, text, False, self._now())

    def _next_id(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count:07d}"

    def _pass_on(self, message: Message) -> int:
        if self._line is not None:
            self._line.put(message)
        return message.number

    def attach(self) -> Line:
        """A socket is there: it gets what comes from now on."""
        self._line = Line(self._now, self._dropped)
        return self._line

    def replay(self, after: int) -> bool:
        """Give the attached socket the control events behind number `after` again.

        Returns:
            False when some of them are no longer kept, or `after` was never reached; then none is given.
        """
        if not self._lost <= after <= self._count:
            return False
        now = self._now()
        for message in self._kept:
            if message.number > after and self._line is not None:
                self._line.put(replace(message, made_at=now))
        return True

    def detach(self) -> None:
        """The socket is gone; events are kept for the next."""
        self._line = None

    def _keep(self, message: Message) -> None:
        self._kept.append(message)
        self._kept_chars += len(message.text)
        stale = message.made_at - KEPT_S
        while len(self._kept) > KEPT or self._kept_chars > KEPT_CHARS or self._kept[0].made_at < stale:
            oldest = self._kept.popleft()
            self._kept_chars -= len(oldest.text)
            self._lost = oldest.number
