"""The gateway's end of the transcriber's wire: one socket a call, made anew when it is lost.

What was said since the last final words is kept and sent again, so that a transcriber killed in mid-word costs
time and no words.
"""

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp

from gateway.session import events as on
from gateway.session.clock import BYTES, RATE, samples
from services.transcriber import protocol as wire

log = logging.getLogger(__name__)

KEPT_IN_SPEECH = samples(60_000)
"""Sound kept for a new transcriber while a turn is open; a longer turn loses its beginning. A client may send as
much at once, and more would overflow the transcriber."""

KEPT_IN_SILENCE = samples(1000)
"""While nobody speaks: enough for an onset that was not told yet."""

LONGEST_PIECE = samples(1000)

CONNECT_LIMIT_S = 5.0
HEARTBEAT_S = 5.0
"""A transcriber that stands still is found out within half as much again."""

GOODBYE_S = 0.5
FIRST_TRY_AFTER_S = 0.1
LAST_TRY_AFTER_S = 2.0


@dataclass(frozen=True, slots=True)
class Piece:
    """Sound (or, where `pcm` is None, the order to finish) at `position` of all that was heard."""

    number: int
    position: int
    pcm: bytes | None

    @property
    def length(self) -> int:
        return len(self.pcm or b"") // BYTES


class Lost(Exception):
    """The transcriber cannot be reached, or is of no more use; the message says why."""


class TranscriberEars:
    """Feeds a transcriber and tells the session what it makes out."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        urls: Sequence[str],
        key: str,
        language: str,
        now: Callable[[], int],
        clock: Callable[[int], int],
    ) -> None:
        """`now` is the session clock; `clock` lays a position of the heard sound on it."""
        self._http, self._urls, self._language = http, itertools.cycle(urls), language
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._now, self._clock = now, clock
        self._kept: deque[Piece] = deque()
        self._kept_samples = 0
        self._made = 0
        self._next = 0
        """Number of the piece that the socket gets next."""
        self._position = 0
        self._voiced = False
        """Somebody speaks, as far as was told."""
        self._onset = -1
        """Where the voice that was told of last began."""
        self._turn_open = False
        """Voice was told of whose final words are not here yet."""
        self._fresh = asyncio.Event()
        self.missing: str | None = None

    def hear(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), LONGEST_PIECE * BYTES):
            piece = pcm[start : start + LONGEST_PIECE * BYTES]
            self._keep(piece)
            self._position += len(piece) // BYTES

    def finish(self) -> None:
        self._keep(None)

    async def run(self, tell: Callable[[on.Event], None]) -> None:
        # A call that is only typed takes no place at the transcriber.
        await self._fresh.wait()
        pause = FIRST_TRY_AFTER_S
        while True:
            try:
                async with await self._connect(next(self._urls)) as socket:
                    pause, self.missing = FIRST_TRY_AFTER_S, None
                    await self._listen(socket, tell)
            except Lost as lost:
                log.warning("transcriber lost", extra={"error": str(lost), "retry_s": pause})
                if pause >= LAST_TRY_AFTER_S:
                    self.missing = str(lost)
            await asyncio.sleep(pause)
            pause = min(LAST_TRY_AFTER_S, pause * 2)

    async def _connect(self, url: str) -> aiohttp.ClientWebSocketResponse:
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                return await self._http.ws_connect(
                    f"{url}/v1/listen",
                    params={"rate": str(RATE), "language": self._language},
                    headers=self._headers,
                    heartbeat=HEARTBEAT_S,
                    timeout=aiohttp.ClientWSTimeout(ws_close=GOODBYE_S),
                )
        except TimeoutError as error:
            raise Lost(f"{url}: no answer within {CONNECT_LIMIT_S:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Lost(f"{url}: {error}") from error

    async def _listen(
        self, socket: aiohttp.ClientWebSocketResponse, tell: Callable[[on.Event], None]
    ) -> None:
        """One socket, to its loss."""
        base = self._kept[0].position if self._kept else self._position
        self._next = self._kept[0].number if self._kept else self._made
        self._fresh.set()
        sender = asyncio.create_task(self._send(socket, base), name="ears send")
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    event = self._heard(message.data, base)
                    if event is not None:
                        tell(event)
        finally:
            sender.cancel()
            await asyncio.wait({sender})
        if not sender.cancelled() and (error := sender.exception()):
            raise error
        raise Lost(f"the socket closed with {socket.close_code}")

    async def _send(self, socket: aiohttp.ClientWebSocketResponse, base: int) -> None:
        """Send what is kept and what comes; when that cannot go on the socket is closed, and reading ends too."""
        try:
            while True:
                await self._fresh.wait()
                self._fresh.clear()
                while self._next < self._made:
                    place = self._next - self._kept[0].number
                    if place < 0:
                        raise Lost("too slow: sound was given up before it was sent")
                    piece = self._kept[place]
                    self._next += 1
                    if piece.pcm is None:
                        await socket.send_str(wire.encode_finish(wire.Finish(piece.position - base)))
                    else:
                        await socket.send_bytes(piece.pcm)
        except (aiohttp.ClientError, OSError) as error:
            raise Lost(f"the socket broke: {error!r}") from error
        finally:
            await socket.close()

    def _heard(self, text: str, base: int) -> on.Event | None:
        """What a message means for the session.

        Raises:
            Lost: it is the transcriber's last, or means nothing.
        """
        try:
            return self._event(wire.decode(text), base)
        except wire.BadMessage as error:
            raise Lost(f"it sent what cannot be understood: {error}") from error

    def _event(self, event: wire.Event, base: int) -> on.Event | None:
        now = self._now()
        match event:
            case wire.SpeechStarted(at):
                self._onset, self._voiced, self._turn_open = base + at, True, True
                return on.SpeechStarted(now, self._clock(base + at))
            case wire.SpeechStopped(at, raised):
                self._voiced = False
                return on.SpeechStopped(now, self._clock(base + at), raised)
            case wire.Partial(text, words):
                return on.WordsHeard(now, text, words[-1].end - words[-1].start if words else 0)
            case wire.Final(text, words, confidence, language):
                placed = tuple(
                    on.Word(w.text, self._clock(base + w.start), self._clock(base + w.end)) for w in words
                )
                self._forget_finished()
                return on.TranscriptReady(now, text, placed, confidence, language)
            case wire.Failed(code, message, fatal):
                if fatal:
                    raise Lost(f"{code}: {message}")
                log.warning("the transcriber left something out", extra={"code": code, "pii_detail": message})
                return None

    def _keep(self, pcm: bytes | None) -> None:
        piece = Piece(self._made, self._position, pcm)
        self._made += 1
        self._kept.append(piece)
        self._kept_samples += piece.length
        spare = KEPT_IN_SPEECH if self._turn_open else KEPT_IN_SILENCE
        while self._kept_samples > spare and self._kept[0].number < self._next:
            self._drop_first()
        # Nobody takes it: the beginning is lost, memory is not.
        while self._kept_samples > KEPT_IN_SPEECH:
            self._drop_first()
        self._fresh.set()

    def _forget_finished(self) -> None:
        """A turn has its final words: what led to them need not be sent again."""
        while self._kept and self._kept[0].number < self._next:
            piece = self._drop_first()
            if piece.pcm is None:
                # The next turn may have begun before the words of this one were there.
                self._turn_open = self._voiced or self._onset >= piece.position
                return

    def _drop_first(self) -> Piece:
        first = self._kept.popleft()
        self._kept_samples -= first.length
        return first
