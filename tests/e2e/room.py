"""A room with a stock client in it: a microphone that never stops and a loudspeaker that is recorded, on one clock."""

import asyncio
import base64
import json
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from gateway.cli.waveforms import AUDIBLE_DB, Pcm, levels
from gateway.session.clock import RATE

CHUNK = RATE // 50
"""Samples of 20 ms: what the microphone hears, and the loudspeaker plays, at a time."""

PATIENCE_S = 45.0
"""For whatever must come; most of it does within two seconds."""

NOTHING_S = 15.0
"""A silence behind which no answer comes. A recogniser on a busy machine has been 6 s behind."""

OVER_S = 1.8
"""A silence of the agent that ends what it has to say. Between an acknowledgement and the tool's result lies less."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the client told."""

    at: float
    """Seconds of the recording."""
    kind: str
    value: Any


@dataclass(slots=True)
class Room:
    """The recording is the clock: times are seconds of it."""

    process: asyncio.subprocess.Process
    notes: list[Note] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)
    """What the loudspeaker played."""
    last_sound: float = 0.0
    """When it could be heard last."""
    _lips: deque[bytes] = field(default_factory=deque)
    _waiting: bytearray = field(default_factory=bytearray)
    """What the loudspeaker has still to play."""
    _breath: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    @asynccontextmanager
    async def with_client(cls, command: Sequence[str | Path], errors: Path) -> AsyncIterator[Self]:
        """Start the client, and wait until it listens; in the end the microphone falls away, and it leaves by itself.

        Args:
            errors: Where its stderr goes.
        """
        with errors.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *command,
                # Pipecat's log tells every frame by default.
                env={**os.environ, "LOGURU_LEVEL": "WARNING"},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                limit=1 << 20,
            )
        room = cls(process)
        listening = asyncio.create_task(room._listen())
        breathing = asyncio.create_task(room._breathe())
        try:
            await room.until(lambda: room.told("listening") != [])
            yield room
        finally:
            breathing.cancel()
            await asyncio.wait({breathing})
            assert process.stdin is not None
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), PATIENCE_S)
            except TimeoutError:
                process.kill()
                await process.wait()
            await listening

    def now(self) -> float:
        return len(self.heard) / 2 / RATE

    def told(self, kind: str, after: float = 0.0, before: float = float("inf")) -> list[Any]:
        """What the client told of this kind, in a part of the call."""
        return [note.value for note in self.notes if note.kind == kind and after <= note.at < before]

    def sound(self, from_s: float = 0.0, to_s: float | None = None) -> Pcm:
        """What was heard between two moments."""
        pcm = np.frombuffer(bytes(self.heard), "<i2")
        return pcm[round(from_s * RATE) : None if to_s is None else round(to_s * RATE)]

    async def say(self, pcm: Pcm) -> float:
        """Speak; returns when that began."""
        began = self.now()
        raw = pcm.astype("<i2").tobytes()
        size = CHUNK * 2
        self._lips.extend(raw[at : at + size].ljust(size, b"\0") for at in range(0, len(raw), size))
        await self.until(lambda: not self._lips)
        return began

    async def until_it_sounds(self, since: float) -> float:
        """Wait for sound after `since`; returns when it was heard."""
        await self.until(lambda: self.last_sound > since)
        return self.last_sound

    async def until_it_is_over(self) -> float:
        """Wait until the agent has something to say, and then nothing more; returns when it had."""
        since = self.now()
        await self.until(lambda: self.last_sound > since or self.now() - since > NOTHING_S)
        await self.until(lambda: self.now() - self.last_sound > OVER_S)
        return self.last_sound

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds.

        Raises:
            AssertionError: the client has left, or it took too long.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not holds():
                    assert self.process.returncode is None, f"it has left: {self.brief()}"
                    self._breath.clear()
                    await self._breath.wait()
        except TimeoutError:
            raise AssertionError(f"it did not come within {PATIENCE_S:g} s: {self.brief()}") from None

    def brief(self) -> str:
        """The last that the client told."""
        return "; ".join(f"{note.at:.2f} {note.kind} {note.value}" for note in self.notes[-20:])

    async def _breathe(self) -> None:
        """Give the client 20 ms of the microphone and play 20 ms of its sound, over and over."""
        loop = asyncio.get_running_loop()
        size = CHUNK * 2
        due = loop.time()
        while True:
            if self.told("listening"):
                self._exchange(self._lips.popleft() if self._lips else bytes(size), size)
            self._breath.set()
            due += CHUNK / RATE
            await asyncio.sleep(due - loop.time())

    def _exchange(self, spoken: bytes, size: int) -> None:
        assert self.process.stdin is not None
        if not self.process.stdin.is_closing():
            self.process.stdin.write(spoken)
        played = bytes(self._waiting[:size]).ljust(size, b"\0")
        del self._waiting[:size]
        self.heard += played
        if levels(np.frombuffer(played, "<i2"))[0] > AUDIBLE_DB:
            self.last_sound = self.now()

    async def _listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            told = json.loads(line)
            match told["kind"]:
                case "play":
                    self._waiting += base64.b64decode(told["value"])
                case kind:
                    if kind == "stop":
                        self._waiting.clear()
                    self.notes.append(Note(self.now(), kind, told["value"]))
