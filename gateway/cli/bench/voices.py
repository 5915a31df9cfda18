"""The users' voices: eSpeak NG through a synthesizer, and flite where it is installed."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import numpy as np

from gateway.cli.bench import flite
from gateway.cli.bench.scenario import Hum, Line, Recording
from gateway.cli.bench.sounds import hum
from gateway.cli.child import Child, Spec
from gateway.cli.ports import free_port
from gateway.cli.wav import read_wav
from gateway.cli.waveforms import Pcm, trimmed
from gateway.session.clock import RATE
from services.base.problems import Problem

KEY = "bench"
SPEED = 0.95
"""Of eSpeak's 175 words a minute; people talk to machines a little slower than that."""


class NoVoice(Problem):
    """A voice cannot be had on this machine."""

    code, title = "no_voice", "This voice cannot be had"


@dataclass
class Voices:
    """Speaks lines; each sound is made once."""

    synthesizer_url: str
    key: str
    _made: dict[tuple[str, str], Pcm] = field(default_factory=dict)

    async def missing(self, voice: str) -> str | None:
        """Why this voice cannot be had here, or None."""
        program, _, name = voice.partition(":")
        if program == "flite":
            try:
                await flite.check(name)
            except flite.FliteFailed as error:
                return error.detail
            return None
        if program == "espeak" and name:
            return None
        return f"{voice!r} is neither espeak:NAME nor flite:NAME"

    async def those_here(self, voices: Sequence[str]) -> tuple[list[str], list[str]]:
        """Those of `voices` that can be had here, and of each other one why not.

        Raises:
            NoVoice: there are none.
        """
        reasons = {voice: await self.missing(voice) for voice in voices}
        notes = [f"{voice}: {reason}" for voice, reason in reasons.items() if reason]
        there = [voice for voice, reason in reasons.items() if not reason]
        if not there:
            raise NoVoice("; ".join(notes))
        return there, notes

    async def line(self, voice: str, line: Line) -> Pcm:
        """A line as this voice says it: from its first sound to its last.

        Raises:
            NoVoice
        """
        if isinstance(line, Hum):
            return hum(line.hum, _pitch(voice))
        if isinstance(line, Recording):
            return trimmed(np.frombuffer(read_wav(line.wav), "<i2"))
        parts = [line] if isinstance(line, str) else line
        sounds = []
        for place, part in enumerate(parts):
            if isinstance(part, str):
                # With a comma the voice stays up, as of one who goes on.
                goes_on = place < len(parts) - 1
                sounds.append(await self._words(voice, f"{part}," if goes_on else part))
            else:
                sounds.append(np.zeros(round(part * RATE), np.int16))
        return np.concatenate(sounds)

    async def _words(self, voice: str, text: str) -> Pcm:
        if (voice, text) not in self._made:
            program, _, name = voice.partition(":")
            make = self._flite if program == "flite" else self._espeak
            self._made[voice, text] = trimmed(await make(name, text))
        return self._made[voice, text]

    async def _espeak(self, name: str, text: str) -> Pcm:
        order = {"input": text, "voice": name, "response_format": "pcm", "speed": SPEED}
        try:
            async with (
                aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.key}"}) as http,
                http.post(f"{self.synthesizer_url}/v1/audio/speech", json=order) as answer,
            ):
                if answer.status != 200:
                    raise NoVoice(f"espeak:{name}: {await answer.text()}")
                return np.frombuffer(await answer.read(), "<i2")
        except aiohttp.ClientError as error:
            raise NoVoice(f"espeak:{name}: {error}") from error

    async def _flite(self, name: str, text: str) -> Pcm:
        try:
            return np.frombuffer(await flite.speak(name, text), "<i2")
        except flite.FliteFailed as error:
            raise NoVoice(f"flite:{name}: {error.detail}") from error


@asynccontextmanager
async def own_synthesizer() -> AsyncIterator[Voices]:
    """Voices of a synthesizer of our own, so that a gateway far away can be called, too.

    Raises:
        PartFailed: it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="antiphon-") as folder:
        port = free_port()
        environment = {
            **os.environ,
            "SYNTHESIZER_HOST": "127.0.0.1",
            "SYNTHESIZER_PORT": str(port),
            "ANTIPHON_INTERNAL_KEY": KEY,
        }
        command = (sys.executable, "-P", "-m", "gateway.cli.main", "synthesizer")
        log = Path(folder) / "synthesizer.log"
        child = Child(Spec("synthesizer", command, port, log, lambda: environment), lambda line: None)
        try:
            await child.start()
            yield Voices(f"http://127.0.0.1:{port}", KEY)
        finally:
            await child.stop(asyncio.Event())


def _pitch(voice: str) -> float:
    """Hz at which this voice hums; that a woman speaks is told by its name alone."""
    return 190.0 if "+f" in voice or voice.endswith("slt") else 115.0
