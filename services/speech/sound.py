"""A WAV file as 24 kHz mono: PCM of 8, 16, 24 or 32 bits, or float, of any rate and number of channels.

The standard library's `wave` knows neither float nor, before Python 3.12, the header that files of 24 bits often have.
Format: Microsoft's "Multiple channel audio data and WAVE files".
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from services.speech.errors import VoiceBroken
from services.speech.samples import Samples
from services.speech.shapes import SAMPLE_RATE

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
RATES = range(8_000, 192_001)
"""Hz. Lower has no speech in it; higher is no recording of speech."""
WANTED = "wanted: a WAV file of PCM (8 to 32 bits) or float"


def read_wav(path: Path) -> Samples:
    """Read a file, mixed to one channel.

    Raises:
        VoiceBroken: it is no such file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise VoiceBroken(f"{path.name} can't be read: {error.strerror}") from error
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise VoiceBroken(f"{path.name} is no WAV file; {WANTED}")
    chunks = dict(_chunks(data))
    head, raw = chunks.get(b"fmt ", b""), chunks.get(b"data", b"")
    if len(head) < 16:
        raise VoiceBroken(f"{path.name} ends too early; {WANTED}")
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", head[:16])
    if kind == EXTENSIBLE and len(head) >= 26:
        (kind,) = struct.unpack("<H", head[24:26])
    if rate not in RATES or not channels:
        raise VoiceBroken(f"{path.name} has {channels} channels at {rate} Hz; {WANTED}")
    step = channels * bits // 8
    whole = (
        raw[: len(raw) // step * step] if step else b""
    )  # A file that was cut off may end within a sample.
    sound = _samples(whole, kind, bits, path.name).reshape(-1, channels).mean(axis=1)
    if not np.isfinite(sound).all():
        raise VoiceBroken(f"{path.name} holds what are no numbers")
    return np.asarray(soxr.resample(sound, rate, SAMPLE_RATE), np.float32)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each; the last ends with the file, whatever size it tells (streams tell none)."""
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack("<4sI", data[at : at + 8])
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _samples(raw: bytes, kind: int, bits: int, name: str) -> npt.NDArray[np.float64]:
    """-1 to 1."""
    match kind, bits:
        case 1, 8:
            return (np.frombuffer(raw, np.uint8) - 128.0) / 128
        case 1, 24:
            wide = np.zeros((len(raw) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
            return wide.view("<i4")[:, 0] / 2.0**31
        case 1, 16 | 32:
            return np.frombuffer(raw, f"<i{bits // 8}") / 2.0 ** (bits - 1)
        case 3, 32 | 64:
            return np.frombuffer(raw, f"<f{bits // 8}").astype(np.float64)
        case _:
            raise VoiceBroken(f"{name} is of format {kind} with {bits} bits; {WANTED}")
