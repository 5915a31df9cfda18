"""The server's events of one session in their order: numbered, kept for a client that comes back, sent with limits."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from prometheus_client import Counter

KEPT = 2000
"""Control events that a returning client may ask for; minutes of a lively call."""

AUDIO_LATE_S = 1.0
CLIENT_LATE_S = 10.0

DROPPED = Counter("antiphon_realtime_audio_dropped", "Audio events that a slow reader never got")


class ClientTooSlow(Exception):
    """The client has not read for 10 s."""

    code = "client_too_slow"


@dataclass(frozen=True, slots=True)
class Message:
    """One event on its way."""

    number: int
    text: str
    is_audio: bool
    made_at: float
    """The loop's clock, seconds."""


class Line:
    """What one socket has not got yet."""

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()
        self._fresh = asyncio.Event()

    def put(self, message: Message) -> None:
        self._waiting.append(message)
        self._fresh.set()

    async def next(self) -> str:
        """The next event for the socket; sound that is late is left out.

        Raises:
            ClientTooSlow: an event has waited for more than 10 s.
        """
        while True:
            while not self._waiting:
                self._fresh.clear()
                await self._fresh.wait()
            message = self._waiting.popleft()
            waited = asyncio.get_running_loop().time() - message.made_at
            if waited > CLIENT_LATE_S:
                raise ClientTooSlow
            if not message.is_audio or waited <= AUDIO_LATE_S:
                return message.text
            # Old sound is worth less than being in time again.
            DROPPED.inc()

    def rest(self) -> list[str]:
        """Everything that still waits: the call is over."""
        waiting, self._waiting = self._waiting, deque()
        return [message.text for message in waiting]


class Journal:
    """Numbers events, keeps the control events, and hands all to the socket that is attached."""

    def __init__(self) -> None:
        self._prefix = f"event_{uuid4().hex[:8]}_"
        self._count = 0
        self._kept: deque[Message] = deque(maxlen=KEPT)
        self._line: Line | None = None

    def put(self, kind: str, fields: dict[str, Any], is_audio: bool = False) -> None:
        """Add an event; sound is not kept for later, since it would be stale."""
        self._count += 1
        body = {"type": kind, "event_id": f"{self._prefix}{self._count:07d}", **fields}
        now = asyncio.get_running_loop().time()
        message = Message(self._count, json.dumps(body, ensure_ascii=False), is_audio, now)
        if not is_audio:
            self._kept.append(message)
        if self._line is not None:
            self._line.put(message)

    def attach(self) -> Line:
        """A socket is there: it gets what comes from now on."""
        self._line = Line()
        return self._line

    def replay(self, after: int) -> bool:
        """Give the attached socket the control events behind number `after` again.

        Returns:
            False when some of them are no longer kept; then none is given.
        """
        first_kept = self._kept[0].number if self._kept else self._count + 1
        if after > self._count or (len(self._kept) == KEPT and after + 1 < first_kept):
            return False
        now = asyncio.get_running_loop().time()
        for message in self._kept:
            if message.number > after and self._line is not None:
                self._line.put(replace(message, made_at=now))
        return True

    def detach(self) -> None:
        """The socket is gone; events are kept for the next."""
        self._line = None
