"""The one thread that owns eSpeak, and takes pieces of text in turn from everyone."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import soxr

from services.synthesizer.espeak import Espeak, EspeakVoice
from services.synthesizer.placing import Placed, place, trim

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Manner:
    """How a text is to be spoken."""

    voice: str
    speed: float
    pitch: float
    rate: int
    """Samples a second of the wanted sound."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The sound of one piece of text; positions count from its own beginning."""

    pcm: bytes
    """PCM16 little endian, mono, at the wanted rate."""
    samples: int
    words: tuple[Placed, ...]


class Speaker:
    """Speaks pieces, first come, first served. Who waits for each piece before he asks for the next, as this
    service does, gets his fair share: the line is never longer than there are speakers in it."""

    def __init__(self, data: Path | None = None) -> None:
        self._data = data
        self._thread = ThreadPoolExecutor(1, "espeak")
        self._espeak: Espeak | None = None

    async def start(self) -> None:
        """Load eSpeak.

        Raises:
            EspeakError: when it cannot be had.
        """
        self._espeak = await self._run(lambda: Espeak(self._data))

    async def stop(self) -> None:
        """Unload it, behind the pieces that were asked for."""
        if self._espeak:
            await self._run(self._espeak.close)
        self._thread.shutdown()

    async def answers(self) -> None:
        """Returns once the thread has come to this question: it is alive and its line short."""
        await self._run(lambda: None)

    @property
    def languages(self) -> dict[str, EspeakVoice]:
        return self._loaded.languages

    @property
    def variants(self) -> dict[str, EspeakVoice]:
        return self._loaded.variants

    def knows(self, voice: str) -> bool:
        """Whether there is such a voice."""
        return self._loaded.knows(voice)

    async def speak(self, text: str, manner: Manner, last: bool, cancelled: threading.Event) -> Piece:
        """Say one piece; behind all but the `last` the pause that belongs there.

        Raises:
            EspeakError: when eSpeak refuses.
        """
        try:
            return await self._run(lambda: self._speak(text, manner, last, cancelled))
        except asyncio.CancelledError:
            # Nobody waits for it any more; the thread is for those who do.
            cancelled.set()
            raise

    def _speak(self, text: str, manner: Manner, last: bool, cancelled: threading.Event) -> Piece:
        espeak = self._loaded
        made = espeak.speak(
            text, manner.voice, manner.speed, manner.pitch, end_pause=not last, cancelled=cancelled.is_set
        )
        sound = trim(made, espeak.rate, keep_tail=not last)
        # A piece ends in silence, so resampling it by itself leaves no seam and holds nothing back.
        pcm = soxr.resample(sound.pcm, espeak.rate, manner.rate) if len(sound.pcm) else sound.pcm
        factor = manner.rate / espeak.rate
        words = tuple(
            Placed(word.text, *(min(round(at * factor), len(pcm)) for at in (word.start, word.end)))
            for word in place(text, sound)
        )
        return Piece(np.asarray(pcm, "<i2").tobytes(), len(pcm), words)

    @property
    def _loaded(self) -> Espeak:
        if self._espeak is None:
            raise RuntimeError("the speaker was not started")
        return self._espeak

    async def _run(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, job)
