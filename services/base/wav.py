"""WAV files as people make them: PCM of 8, 16, 24 or 32 bits, or float, of any rate and number of channels.

The standard library's `wave` knows neither float nor, before Python 3.12, the header that files of 24 bits often have.
Format: Microsoft's "Multiple channel audio data and WAVE files".
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
RATES = range(8_000, 192_001)
"""Hz. Lower has no speech in it; higher is no recording of speech."""
WANTED = f"wanted: a WAV file of PCM (8 to 32 bits) or float, at {RATES.start} to {RATES[-1]} Hz"


class BadWav(ValueError):
    """It is no such file: what is wrong with it and what was wanted, to be read after its name."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; {WANTED}")


@dataclass(frozen=True, slots=True)
class Wav:
    """What a file holds, mixed to one channel."""

    samples: npt.NDArray[np.float32]
    """[samples], -1 to 1."""
    rate: int
    """Hz."""


def parse_wav(data: bytes) -> Wav:
    """Read a file, which may be cut off.

    Raises:
        BadWav
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadWav("is no WAV file")
    chunks = dict(_chunks(data))
    head, raw = chunks.get(b"fmt ", b""), chunks.get(b"data")
    if len(head) < 16 or raw is None:
        raise BadWav("ends too early")
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", head[:16])
    if kind == EXTENSIBLE and len(head) >= 26:
        (kind,) = struct.unpack("<H", head[24:26])
    if rate not in RATES or not channels:
        raise BadWav(f"has {channels} channels at {rate} Hz")
    step = channels * bits // 8
    # A file that was cut off may end within a sample.
    whole = raw[: len(raw) // step * step] if step else b""
    sound = _samples(whole, kind, bits).reshape(-1, channels).mean(axis=1)
    if not np.isfinite(sound).all():
        raise BadWav("holds what are no numbers")
    return Wav(sound, rate)


def pcm16(samples: npt.NDArray[np.floating]) -> bytes:
    """Samples from -1 to 1 as PCM16, little endian; louder ones are cut."""
    return bytes(np.clip(np.round(samples * 32768), -32768, 32767).astype("<i2").tobytes())


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each; the last ends with the file, whatever size it tells (streams tell none)."""
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack("<4sI", data[at : at + 8])
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _samples(raw: bytes, kind: int, bits: int) -> npt.NDArray[np.float32]:
    """-1 to 1."""
    match kind, bits:
        case 1, 8:
            return np.asarray((np.frombuffer(raw, np.uint8).astype(np.float32) - 128) / 128, np.float32)
        case 1, 24:
            wide = np.zeros((len(raw) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
            return np.asarray(wide.view("<i4")[:, 0].astype(np.float32) / 2**31, np.float32)
        case 1, 16 | 32:
            return np.asarray(
                np.frombuffer(raw, f"<i{bits // 8}").astype(np.float32) / 2 ** (bits - 1), np.float32
            )
        case 3, 32 | 64:
            return np.frombuffer(raw, f"<f{bits // 8}").astype(np.float32)
        case _:
            raise BadWav(f"is of format {kind} with {bits} bits")
