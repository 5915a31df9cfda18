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

KEPT_IN_SPEECH = samples(30_000)
"""Sound kept for a new transcriber while a turn is open; a longer turn loses its beginning."""

KEPT_IN_SILENCE = samples(1000)
"""While nobody speaks: enough for an onset that was not told yet."""

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
        self._speech_open = False
        self._fresh = asyncio.Event()

    def hear(self, pcm: bytes) -> None:
        self._keep(pcm)
        self._position += len(pcm) // BYTES

    def finish(self) -> None:
        self._keep(None)

    async def run(self, tell: Callable[[on.Event], None]) -> None:
        pause = FIRST_TRY_AFTER_S
        while True:
            try:
                await self._listen(next(self._urls), tell)
                pause = FIRST_TRY_AFTER_S
            except (aiohttp.ClientError, OSError, TimeoutError, wire.BadMessage) as error:
                log.warning(
                    "transcriber lost", extra={"error": f"{type(error).__name__}: {error}", "retry_s": pause}
                )
            await asyncio.sleep(pause)
            pause = min(LAST_TRY_AFTER_S, pause * 2)

    async def _listen(self, url: str, tell: Callable[[on.Event], None]) -> None:
        """One socket, from its opening to its loss."""
        query = {"rate": str(RATE), "language": self._language}
        async with self._http.ws_connect(f"{url}/v1/listen", params=query, headers=self._headers) as socket:
            base = self._kept[0].position if self._kept else self._position
            self._next = self._kept[0].number if self._kept else self._made
            self._fresh.set()
            sender = asyncio.create_task(self._send(socket, base), name="ears send")
            try:
                async for message in socket:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        self._heard(wire.decode(message.data), base, tell)
            finally:
                sender.cancel()
                await asyncio.wait({sender})

    async def _send(self, socket: aiohttp.ClientWebSocketResponse, base: int) -> None:
        try:
            while True:
                await self._fresh.wait()
                while self._next < self._made:
                    place = self._next - self._kept[0].number
                    if place < 0:
                        raise OSError("the transcriber is too slow: sound was lost before it was sent")
                    piece = self._kept[place]
                    self._next += 1
                    if piece.pcm is None:
                        await socket.send_str(wire.encode_finish(wire.Finish(piece.position - base)))
                    else:
                        await socket.send_bytes(piece.pcm)
                self._fresh.clear()
        except (aiohttp.ClientError, OSError):
            # The reading side sees the loss too, and makes a new socket.
            await socket.close()

    def _heard(self, event: wire.Event, base: int, tell: Callable[[on.Event], None]) -> None:
        now = self._now()
        match event:
            case wire.SpeechStarted(at):
                self._speech_open = True
                tell(on.SpeechStarted(now, self._clock(base + at)))
            case wire.SpeechStopped(at):
                tell(on.SpeechStopped(now, self._clock(base + at)))
            case wire.Partial(text, _):
                tell(on.WordsHeard(now, text))
            case wire.Final(text, words, confidence, language):
                self._forget_finished()
                placed = tuple(
                    on.Word(w.text, self._clock(base + w.start), self._clock(base + w.end)) for w in words
                )
                tell(on.TranscriptReady(now, text, placed, confidence, language))
            case wire.Failed(code, message):
                raise aiohttp.ClientError(f"{code}: {message}")

    def _keep(self, pcm: bytes | None) -> None:
        piece = Piece(self._made, self._position, pcm)
        self._made += 1
        self._kept.append(piece)
        self._kept_samples += piece.length
        spare = KEPT_IN_SPEECH if self._speech_open else KEPT_IN_SILENCE
        while self._kept_samples > spare and self._kept[0].number < self._next:
            self._drop_first()
        # Nobody takes it: the beginning is lost, memory is not.
        while self._kept_samples > KEPT_IN_SPEECH:
            self._drop_first()
        self._fresh.set()

    def _forget_finished(self) -> None:
        """The turn has its final words: what led to them need not be sent again."""
        self._speech_open = False
        while self._kept and self._kept[0].number < self._next:
            if self._drop_first().pcm is None:
                return

    def _drop_first(self) -> Piece:
        first = self._kept.popleft()
        self._kept_samples -= first.length
        return first
