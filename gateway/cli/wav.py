"""WAV files in and out: of any rate and width, PCM16 mono at 24 kHz inside."""

import wave
from pathlib import Path

import soxr

from gateway.session.clock import BYTES, RATE
from services.base.problems import Problem
from services.base.wav import BadWav, parse_wav, pcm16


class BadSound(Problem):
    """The file is no sound that can be read here."""

    code, title = "bad_sound", "The sound file cannot be read"


def read_wav(path: Path) -> bytes:
    """PCM16 mono at 24 kHz.

    Raises:
        BadSound: it can't be read, or is no WAV file.
    """
    try:
        found = parse_wav(path.read_bytes())
    except OSError as error:
        raise BadSound(f"{path} can't be read: {error.strerror}") from error
    except BadWav as error:
        raise BadSound(f"{path} {error}") from error
    return pcm16(found.samples if found.rate == RATE else soxr.resample(found.samples, found.rate, RATE))


def write_wav(path: Path, pcm: bytes) -> None:
    """Write PCM16 mono at 24 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(BYTES)
        file.setframerate(RATE)
        file.writeframes(pcm)
