"""Audio formats of the wire: PCM16 at 24 kHz, and G.711 at 8 kHz (`audio/pcmu`, `audio/pcma`), as base64."""

import base64
import binascii
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
    raise WireError("invalid_value", f"Invalid value for '{param}': got {given!r}, expected {wanted}.", param)


class Decoder:
    """Base64 of the client's format to PCM16 at the session's rate; streaming, keeps a filter's state."""

    def __init__(self, form: dict[str, Any]) -> None:
        self._kind = form["type"]
        self._up = soxr.ResampleStream(PHONE_RATE, RATE, 1, dtype="int16") if self._kind in PHONE else None

    def decode(self, audio: str) -> bytes:
        """
        Raises:
            WireError: not base64, or half a sample.
        """
        try:
            raw = base64.b64decode(audio, validate=True)
        except (binascii.Error, ValueError) as error:
            raise WireError("invalid_value", "Invalid 'audio': not base64.", "audio") from error
        if self._up is not None:
            linear = expansion(self._kind)[np.frombuffer(raw, dtype=np.uint8)]
            return bytes(self._up.resample_chunk(linear).tobytes())
        if raw[:4] == b"RIFF":
            # The header of a WAV file played as sound is a crack, and its rate may be another.
            raise WireError(
                "invalid_value", "Invalid 'audio': a WAV file; send raw PCM16 at 24 kHz.", "audio"
            )
        if len(raw) % BYTES:
            raise WireError(
                "invalid_value", f"Invalid 'audio': {len(raw)} bytes are no whole 16-bit samples.", "audio"
            )
        return raw


class Encoder:
    """PCM16 at the session's rate to base64 of the client's format; streaming."""

    def __init__(self, form: dict[str, Any]) -> None:
        self._kind = form["type"]
        self._down = soxr.ResampleStream(RATE, PHONE_RATE, 1, dtype="int16") if self._kind in PHONE else None

    def encode(self, pcm: bytes) -> str:
        """May hold back a few milliseconds of sound in a G.711 format."""
        if self._down is not None:
            linear = self._down.resample_chunk(np.frombuffer(pcm, dtype="<i2"))
            pcm = compression(self._kind)[linear.astype(np.int32) + 32768].tobytes()
        return base64.b64encode(pcm).decode()


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
    """The nearest code for each of the 65,536 samples, from -32768 on."""
    levels = expansion(kind).astype(np.int32)
    order = np.argsort(levels, kind="stable")
    edges = (levels[order][1:] + levels[order][:-1]) / 2
    return order[np.searchsorted(edges, np.arange(-32768, 32768))].astype(np.uint8)
