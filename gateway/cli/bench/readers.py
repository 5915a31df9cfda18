"""Who reads aloud for a measurement: eSpeak NG by a synthesizer, flite by its own program, people from recordings."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp

from gateway.cli.bench import flite
from gateway.cli.wav import read_wav
from services.base.problems import Problem

READ_S = 20.0
"""What one phrase may take; half a second is usual."""

ESPEAK = ("en-us", "en-us+f2", "en-us+m3", "en-us+m6")
FLITE = ("slt", "rms", "awb", "kal16")


class NotRead(Problem):
    """A voice can't be had; the detail says what is missing."""

    code, title = "not_read", "A voice cannot read"


@dataclass(frozen=True, slots=True)
class Reading:
    """A phrase as sound."""

    said: str
    pcm: bytes
    """PCM16 mono, 24 kHz."""


class Reader(Protocol):
    """Reads its phrases."""

    @property
    def name(self) -> str: ...

    def readings(self) -> AsyncIterator[Reading]:
        """One phrase after the other.

        Raises:
            NotRead: this reader is not here.
        """
        ...


@dataclass(frozen=True, slots=True)
class Synthesized:
    """A voice of a synthesizer."""

    http: aiohttp.ClientSession
    url: str
    key: str
    voice: str
    phrases: Sequence[str]

    @property
    def name(self) -> str:
        return f"eSpeak NG {self.voice}"

    async def readings(self) -> AsyncIterator[Reading]:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        for phrase in self.phrases:
            order = {"input": phrase, "voice": self.voice, "response_format": "pcm"}
            try:
                async with (
                    asyncio.timeout(READ_S),
                    self.http.post(f"{self.url}/v1/audio/speech", json=order, headers=headers) as answer,
                ):
                    body = await answer.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                raise NotRead(f"the synthesizer at {self.url}: {error!r}") from error
            if answer.status != 200:
                raise NotRead(f"the synthesizer answered {answer.status}: {body.decode(errors='replace')}")
            yield Reading(phrase, body)


@dataclass(frozen=True, slots=True)
class Flite:
    """A voice of the program `flite`."""

    voice: str
    phrases: Sequence[str]

    @property
    def name(self) -> str:
        return f"flite {self.voice}"

    async def readings(self) -> AsyncIterator[Reading]:
        for phrase in self.phrases:
            try:
                pcm = await flite.speak(self.voice, phrase)
            except flite.FliteFailed as error:
                raise NotRead(error.detail) from error
            yield Reading(phrase, pcm)


@dataclass(frozen=True, slots=True)
class People:
    """Recordings in a folder, with `{"file", "text"}` a line in its `transcripts.jsonl`; null is left out."""

    folder: Path

    @property
    def name(self) -> str:
        return "people"

    async def readings(self) -> AsyncIterator[Reading]:
        try:
            text = (self.folder / "transcripts.jsonl").read_text("utf-8")
            rows = [json.loads(line) for line in text.splitlines()]
            said = [(row["file"], row["text"]) for row in rows if row["text"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotRead(f"{self.folder}/transcripts.jsonl: {error!r}") from error
        for file, words in said:
            yield Reading(words, await asyncio.to_thread(read_wav, self.folder / file))
