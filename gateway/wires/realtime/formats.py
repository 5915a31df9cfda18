"""Audio formats of the wire: PCM16 at 24 kHz, and G.711 at 8 kHz (`audio/pcmu`, `audio/pcma`), as base64."""

import base64
import binascii
import reprlib
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from gateway.session.clock import BYTES, RATE
from gateway.wires.realtime.errors import WireError

PCM: dict[str, Any] = {"type": "audio/pcm", "rate": RATE}
PHONE_RATE = 8000
PHONE = ("audio/pcmu", "audio/pcma")

CONTAINERS = {
    b"RIFF": "a WAV file",
    b"OggS": "an Ogg stream",
    b"\x1aE\xdf\xa3": "a WebM stream",
    b"fLaC": "a FLAC file",
}
"""What is sent by mistake for raw sound, by its first bytes. Played as sound it is a crack, and noise."""


def parse_format(given: Any, param: str) -> dict[str, Any]:
    """Check a format object.

    Raises:
        WireError: saying what came and what was wanted.
    """
    wanted = "{type: audio/pcm, rate: 24000}, {type: audio/pcmu} or {type: audio/pcma}"
    kind = given.get("type") if isinstance(given, dict) else None
    if kind in PHONE and given.get("rate", PHONE_RATE) == PHONE_RATE:
        return {"type": kind}
    if kind == "audio/pcm" and given.get("rate", RATE) == RATE:
        return dict(PCM)
    raise WireError(
        "invalid_value", f"Invalid value for '{param}': got {reprlib.repr(given)}, expected {wanted}.", param
    )


class Resampler:
    """Sound of one rate as sound of another, piece by piece; its filter is 21 ms behind."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        # Not int16, which would be dithered: silence must stay silence.
        self._stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32")

    def push(self, sound: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
        """Take a piece; returns what is known by now."""
        return self._rounded(self._stream.resample_chunk(sound.astype(np.float32)))

    def finish(self) -> npt.NDArray[np.int16]:
        """What the filter still holds; what comes next begins anew."""
        rest = self._rounded(self._stream.resample_chunk(np.zeros(0, np.float32), last=True))
        self._stream.clear()
        return rest

    @staticmethod
    def _rounded(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
        return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


class Decoder:
    """Base64 of the client's format to PCM16 at the session's rate; streaming."""

    def __init__(self, form: dict[str, Any]) -> None:
        self._kind = form["type"]
        self._up = Resampler(PHONE_RATE, RATE) if self._kind in PHONE else None

    def most_samples(self, length: int) -> int:
        """How many samples at the session's rate `length` characters can hold."""
        count = length * 3 // 4
        return count * RATE // PHONE_RATE if self._up is not None else count // BYTES

    def decode(self, audio: str) -> bytes:
        """The sound that is known by now.

        Raises:
            WireError: not base64, half a sample, or a file instead of raw sound.
        """
        try:
            # As `base64.b64decode` with `validate`, without the copy that it makes of all text.
            raw = binascii.a2b_base64(audio, strict_mode=True)
        except ValueError as error:
            raise _bad_audio("not base64") from error
        if name := CONTAINERS.get(raw[:4]):
            raise _bad_audio(f"{name}, expected raw {self._kind}")
        if self._up is not None:
            return self._up.push(expansion(self._kind)[np.frombuffer(raw, dtype=np.uint8)]).tobytes()
        if len(raw) % BYTES:
            raise _bad_audio(f"{len(raw)} bytes are no whole 16-bit samples")
        return raw

    def finish(self) -> bytes:
        """What a filter still holds; what comes next begins anew."""
        return b"" if self._up is None else self._up.finish().tobytes()


class Encoder:
    """PCM16 at the session's rate to base64 of the client's format; streaming."""

    def __init__(self, form: dict[str, Any]) -> None:
        self._kind = form["type"]
        self._down = Resampler(RATE, PHONE_RATE) if self._kind in PHONE else None
        self.held = 0
        """Samples that went in and are not known yet as sound of the client's format."""

    def encode(self, pcm: bytes) -> str:
        """The sound that is known by now."""
        if self._down is None:
            return base64.b64encode(pcm).decode()
        sound = self._down.push(np.frombuffer(pcm, dtype="<i2"))
        self.held += len(pcm) // BYTES - len(sound) * RATE // PHONE_RATE
        return self._compressed(sound)

    def finish(self) -> str:
        """What a filter still holds; what comes next begins anew."""
        self.held = 0
        return "" if self._down is None else self._compressed(self._down.finish())

    def _compressed(self, linear: npt.NDArray[np.int16]) -> str:
        return base64.b64encode(compression(self._kind)[linear.astype(np.int32) + 32768].tobytes()).decode()


def _bad_audio(found: str) -> WireError:
    return WireError("invalid_value", f"Invalid 'audio': {found}.", "audio")


@cache
def expansion(kind: str) -> npt.NDArray[np.int16]:
    """Linear PCM16 of each of the 256 codes (ITU-T G.711)."""
    codes = np.arange(256, dtype=np.int32)
    if kind == "audio/pcmu":
        bits = ~codes & 0xFF
        magnitude = ((((bits & 0x0F) << 3) + 0x84) << ((bits & 0x70) >> 4)) - 0x84
        return np.where(bits & 0x80, -magnitude, magnitude).astype(np.int16)
    bits = codes ^ 0x55
    segment, step = (bits & 0x70) >> 4, (bits & 0x0F) << 4
    magnitude = np.where(segment == 0, step + 8, (step + 0x108) << np.maximum(segment - 1, 0))
    return np.where(bits & 0x80, magnitude, -magnitude).astype(np.int16)


@cache
def compression(kind: str) -> npt.NDArray[np.uint8]:
    """The nearest code for each of the 65,536 samples, from -32768 on; of two that are as near, the higher."""
    levels = expansion(kind).astype(np.int32)
    order = np.argsort(levels, kind="stable")
    edges = (levels[order][1:] + levels[order][:-1]) / 2
    return order[np.searchsorted(edges, np.arange(-32768, 32768), side="right")].astype(np.uint8)
