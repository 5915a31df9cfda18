"""Audio formats of the wire: PCM16 at 24 kHz, and G.711 at 8 kHz (`audio/pcmu`, `audio/pcma`), as base64."""

import base64
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


class Decoder:
    """Base64 of the client's format to PCM16 at the session's rate; streaming, keeps a filter's state."""

    def __init__(self, form: dict[str, Any]) -> None:
        self._kind = form["type"]
        self._up = soxr.ResampleStream(PHONE_RATE, RATE, 1, dtype="int16") if self._kind in PHONE else None

    def decode(self, audio: str) -> bytes:
        """The sound that is known by now; the filter of a G.711 format is 21 ms behind.

        Raises:
            WireError: not base64, half a sample, or a file instead of raw sound.
        """
        try:
            raw = base64.b64decode(audio, validate=True)
        except ValueError as error:
            raise _bad_audio("not base64") from error
        if name := CONTAINERS.get(raw[:4]):
            raise _bad_audio(f"{name}, expected raw {self._kind}")
        if self._up is not None:
            linear = expansion(self._kind)[np.frombuffer(raw, dtype=np.uint8)]
            return bytes(self._up.resample_chunk(linear).tobytes())
        if len(raw) % BYTES:
            raise _bad_audio(f"{len(raw)} bytes are no whole 16-bit samples")
        return raw

    def finish(self) -> bytes:
        """The sound that the filter still holds; what comes next begins anew."""
        return b"" if self._up is None else bytes(_drain(self._up).tobytes())


class Encoder:
    """PCM16 at the session's rate to base64 of the client's format; streaming."""

    def __init__(self, form: dict[str, Any]) -> None:
        self._kind = form["type"]
        self._down = soxr.ResampleStream(RATE, PHONE_RATE, 1, dtype="int16") if self._kind in PHONE else None

    def encode(self, pcm: bytes) -> str:
        """The sound that is known by now; the filter of a G.711 format is 21 ms behind."""
        if self._down is None:
            return base64.b64encode(pcm).decode()
        return self._compressed(self._down.resample_chunk(np.frombuffer(pcm, dtype="<i2")))

    def finish(self) -> str:
        """The sound that the filter still holds; what comes next begins anew."""
        return "" if self._down is None else self._compressed(_drain(self._down))

    def _compressed(self, linear: npt.NDArray[np.int16]) -> str:
        return base64.b64encode(compression(self._kind)[linear.astype(np.int32) + 32768].tobytes()).decode()


def _bad_audio(found: str) -> WireError:
    return WireError("invalid_value", f"Invalid 'audio': {found}.", "audio")


def _drain(stream: soxr.ResampleStream) -> npt.NDArray[np.int16]:
    rest: npt.NDArray[np.int16] = stream.resample_chunk(np.zeros(0, np.int16), last=True)
    stream.clear()
    return rest


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
