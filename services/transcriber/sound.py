"""A recording that somebody uploads: WAV, as PCM16 of one channel at its own rate."""

import io
import wave
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.base.problems import Invalid

RATES = range(8_000, 192_001)
"""Lower has no speech in it; higher is no recording of speech."""
PCM16 = 32768.0


class BadSound(Invalid):
    """The upload is no sound that can be read here; the detail says what came and what is wanted."""

    code, title = "bad_audio", "The sound cannot be read"


@dataclass(frozen=True, slots=True)
class Recording:
    """Sound of one channel."""

    pcm: bytes
    """PCM16, little endian."""
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / self.rate


def read_wav(data: bytes) -> Recording:
    """Read a WAV file of 8, 16, 24 or 32 bits; several channels are mixed into one.

    Raises:
        BadSound: it is another format, damaged, or at a rate that cannot be.
    """
    try:
        with wave.open(io.BytesIO(data)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise BadSound(f"wanted: a WAV file of PCM samples; this one: {error or 'ends too early'}") from error
    if rate not in RATES:
        raise BadSound(f"a WAV file at {rate} Hz; wanted: {RATES.start} to {RATES[-1]} Hz")
    raw = raw[: len(raw) // (width * channels) * (width * channels)]
    mixed = _samples(raw, width).reshape(-1, channels).mean(axis=1)
    return Recording(np.clip(mixed, -PCM16, PCM16 - 1).astype("<i2").tobytes(), rate)


def _samples(raw: bytes, width: int) -> npt.NDArray[np.float32]:
    """Samples in the units of PCM16."""
    match width:
        case 1:
            # 8 bits are the only ones without a sign.
            return (np.frombuffer(raw, np.uint8).astype(np.float32) - 128) * 256
        case 2:
            return np.frombuffer(raw, "<i2").astype(np.float32)
        case 3:
            low, middle, high = np.frombuffer(raw, np.uint8).reshape(-1, 3).T
            whole = (
                low.astype(np.int32)
                | middle.astype(np.int32) << 8
                | high.view(np.int8).astype(np.int32) << 16
            )
            return (whole / 256).astype(np.float32)
        case 4:
            return (np.frombuffer(raw, "<i4") / 65536).astype(np.float32)
        case _:
            raise BadSound(f"a WAV file of {8 * width} bits a sample; wanted: 8, 16, 24 or 32")
