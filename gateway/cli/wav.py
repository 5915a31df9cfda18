"""WAV files in and out: any rate and width that the standard library reads, PCM16 mono at 24 kHz inside."""

import wave
from pathlib import Path

import numpy as np
import soxr

from gateway.session.clock import BYTES, RATE
from services.base.problems import Problem


class BadSound(Problem):
    """The file is no sound that can be read here."""

    code, title = "bad_sound", "The sound file cannot be read"


def read_wav(path: Path) -> bytes:
    """PCM16 mono at 24 kHz.

    Raises:
        BadSound: no WAV file, or not integer PCM.
    """
    try:
        with wave.open(str(path), "rb") as file:
            rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            raw = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise BadSound(f"{path}: {error}; expected a WAV file of 8, 16, 24 or 32 bit PCM") from error
    # A file that was cut off may end within a frame.
    whole = len(raw) - len(raw) % (width * channels)
    sound = _floats(raw[:whole], width).reshape(-1, channels).mean(axis=1)
    if rate != RATE:
        sound = soxr.resample(sound, rate, RATE)
    return bytes(np.clip(np.round(sound * 32768), -32768, 32767).astype("<i2").tobytes())


def write_wav(path: Path, pcm: bytes) -> None:
    """Write PCM16 mono at 24 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(BYTES)
        file.setframerate(RATE)
        file.writeframes(pcm)


def _floats(raw: bytes, width: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Samples of `width` bytes as -1 to 1."""
    if width == 1:
        return (np.frombuffer(raw, np.uint8).astype(np.float64) - 128) / 128
    if width == 3:
        parts = np.frombuffer(raw, np.uint8).reshape(-1, 3).astype(np.int32)
        whole = (parts[:, 0] << 8) | (parts[:, 1] << 16) | (parts[:, 2] << 24)
        return (whole >> 8).astype(np.float64) / 2**23
    return np.frombuffer(raw, f"<i{width}").astype(np.float64) / float(2 ** (8 * width - 1))
