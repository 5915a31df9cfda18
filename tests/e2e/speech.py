"""The user's voice in the tests, and how loud a sound is: eSpeak NG through the synthesizer, laid on a timeline."""

import wave
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np

from gateway.cli.waveforms import AUDIBLE_DB, FRAME, Pcm, levels
from gateway.session.clock import RATE


@dataclass(frozen=True, slots=True)
class Voice:
    """Speaks through a synthesizer's OpenAI-compatible call."""

    url: str
    key: str
    name: str = "en-us+benjamin"
    """Of eSpeak's, the one that the offline recogniser understands best."""

    async def say(self, text: str) -> Pcm:
        """The sound of `text`."""
        headers = {"Authorization": f"Bearer {self.key}"}
        order = {"input": text, "voice": self.name, "response_format": "pcm", "speed": 0.9}
        async with (
            aiohttp.ClientSession(raise_for_status=True) as http,
            http.post(f"{self.url}/v1/audio/speech", json=order, headers=headers) as answer,
        ):
            return np.frombuffer(await answer.read(), "<i2")


def silence(seconds: float) -> Pcm:
    """Nothing, for so long."""
    return np.zeros(round(seconds * RATE), np.int16)


def timeline(*parts: Pcm | float) -> Pcm:
    """Utterances and pauses (in seconds) one behind the other."""
    return np.concatenate([silence(part) if isinstance(part, int | float) else part for part in parts])


def audible_s(pcm: Pcm) -> float:
    """How many seconds of it can be heard."""
    return float(np.count_nonzero(levels(pcm) > AUDIBLE_DB)) * FRAME / RATE


def pause_near(pcm: Pcm, at_s: float, within_s: float = 0.25) -> float:
    """The middle of the longest pause around a second of it; where there is none, its quietest moment."""
    first = max(0, round((at_s - within_s) * RATE / FRAME))
    around = levels(pcm)[first : round((at_s + within_s) * RATE / FRAME)]
    quiet = np.flatnonzero(around <= max(AUDIBLE_DB, float(around.min())))
    runs = np.split(quiet, np.flatnonzero(np.diff(quiet) > 1) + 1)
    longest = max(runs, key=len)
    return float(first + longest.mean()) * FRAME / RATE


def cut(pcm: Pcm, start_s: float, end_s: float) -> Pcm:
    """The part between two seconds."""
    return pcm[max(0, round(start_s * RATE)) : round(end_s * RATE)]


def without_waiting(pcm: Pcm, longest_s: float = 0.3) -> Pcm:
    """The same with each pause cut to `longest_s`: the ear takes a long one for a word that does not fit."""
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME)
    longest, quiet, kept = round(longest_s * RATE / FRAME), 0, []
    for frame, level in zip(frames, levels(pcm), strict=False):
        quiet = 0 if level > AUDIBLE_DB else quiet + 1
        if quiet <= longest:
            kept.append(frame)
    return np.concatenate(kept) if kept else pcm[:0]


def shuffled(pcm: Pcm, piece_s: float = 0.08, seed: int = 7) -> Pcm:
    """The same sound in pieces, out of order: as loud, and no sentence."""
    size = round(piece_s * RATE)
    pieces = [pcm[at : at + size] for at in range(0, len(pcm), size)]
    np.random.default_rng(seed).shuffle(pieces)
    return np.concatenate(pieces)


def write_wav(path: Path, pcm: Pcm, rate: int = RATE) -> Path:
    """Write PCM16 mono."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.astype("<i2").tobytes())
    return path


def read_wav(path: Path) -> Pcm:
    """Read PCM16 mono at 24 kHz, and nothing else."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE), path
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")
