"""Opus by libopus itself, through ctypes. Names and numbers: `opus.h` and `opus_defines.h` of libopus 1.3 to 1.6.

The library is the system's, or the one inside PyAV's wheel. PyAV itself is not imported: its FFmpeg brings x264 and
x265, which are GPL, into the process, and decodes to 48 kHz alone; a resampler would hold samples back, so that frames
would lie across messages and each wait for the next.
"""

import ctypes
import sys
import weakref
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import numpy as np

from services.speech.opus.codec import BadPacket
from services.speech.opus.packets import MAX_PACKET_SAMPLES
from services.speech.samples import Samples
from services.speech.shapes import FRAME_SAMPLES, SAMPLE_RATE

PACKET_SAMPLES = 480
"""20 ms: what the codec makes at once in low delay; longer packets are several such behind one head."""
MAX_FRAME_BYTES = 1_275
"""RFC 6716, 3.4."""

LOW_DELAY = 2051  # OPUS_APPLICATION_RESTRICTED_LOWDELAY: no SILK, which costs 4 ms and three times the CPU
SET_BITRATE, SET_COMPLEXITY, GET_LOOKAHEAD = 4002, 4010, 4027
BITRATE = 40_000
"""Bits a second: the upper end of what RFC 7587, 3.1.1 recommends for full-band speech."""
COMPLEXITY = 5
"""Of 10. On speech, 9 costs a third more CPU and changes the error by less than 0.5 dB."""

SONAME = {"linux": "libopus.so.0", "darwin": "libopus.0.dylib"}


class LibOpus:
    """The loaded library."""

    name = "libopus"

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = _declared(library)
        self.version = library.opus_get_version_string().decode()

    @classmethod
    def find(cls) -> Self | None:
        """The system's or the wheel's; None where there is neither."""
        for path in places():
            try:
                return cls(ctypes.CDLL(path))
            except OSError:
                continue
        return None

    def decoder(self) -> "LibOpusDecoder":
        return LibOpusDecoder(self.library)

    def encoder(self) -> "LibOpusEncoder":
        return LibOpusEncoder(self.library)


class LibOpusDecoder:
    """Adds no delay: a packet's sound comes with it."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        status = ctypes.c_int()
        # Mono: libopus mixes stereo down by itself.
        self._state = library.opus_decoder_create(SAMPLE_RATE, 1, ctypes.byref(status))
        if status.value:
            raise MemoryError("libopus could not make a decoder")
        weakref.finalize(self, library.opus_decoder_destroy, self._state)
        self._out = np.zeros(MAX_PACKET_SAMPLES, np.float32)

    def decode(self, packet: bytes) -> Samples:
        room = self._out.ctypes.data
        count = self._library.opus_decode_float(self._state, packet, len(packet), room, MAX_PACKET_SAMPLES, 0)
        if count < 0:
            raise BadPacket(self._library.opus_strerror(count).decode())
        return self._out[:count].copy()


class LibOpusEncoder:
    """Packets of 20 ms in low delay, 2.5 ms late."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        status = ctypes.c_int()
        self._state = library.opus_encoder_create(SAMPLE_RATE, 1, LOW_DELAY, ctypes.byref(status))
        if status.value:
            raise MemoryError("libopus could not make an encoder")
        weakref.finalize(self, library.opus_encoder_destroy, self._state)
        self._set(SET_BITRATE, BITRATE)
        self._set(SET_COMPLEXITY, COMPLEXITY)
        lookahead = ctypes.c_int32()
        library.opus_encoder_ctl(self._state, GET_LOOKAHEAD, ctypes.byref(lookahead))
        self.lookahead = lookahead.value
        self._packet = ctypes.create_string_buffer(MAX_FRAME_BYTES)

    def encode(self, frame: Samples) -> list[bytes]:
        frame = np.ascontiguousarray(frame, np.float32)
        return [
            self._encoded(frame[at : at + PACKET_SAMPLES]) for at in range(0, FRAME_SAMPLES, PACKET_SAMPLES)
        ]

    def _encoded(self, part: Samples) -> bytes:
        count = self._library.opus_encode_float(
            self._state, part.ctypes.data, PACKET_SAMPLES, self._packet, MAX_FRAME_BYTES
        )
        if count < 0:
            raise ValueError(f"libopus: {self._library.opus_strerror(count).decode()}")
        return self._packet.raw[:count]

    def _set(self, request: int, value: int) -> None:
        if self._library.opus_encoder_ctl(self._state, request, ctypes.c_int32(value)):
            raise ValueError(f"libopus refuses {value} for request {request}")


def places() -> Iterator[str]:
    """Where a library may be, the system's first."""
    if name := SONAME.get(sys.platform):
        yield name
    wheel = find_spec("av")
    if wheel and wheel.origin:
        folder = Path(wheel.origin).parent
        # Where auditwheel and delocate put what a wheel brings along.
        for libraries in (folder.with_name("av.libs"), folder / ".dylibs"):
            yield from map(str, sorted(libraries.glob("libopus[-.]*")))


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """The library with its functions' types, without which ctypes would cut pointers to 32 bits."""
    state, number, count = ctypes.c_void_p, ctypes.c_int, ctypes.c_int32
    status = ctypes.POINTER(ctypes.c_int)
    library.opus_get_version_string.restype = ctypes.c_char_p
    library.opus_strerror.restype = ctypes.c_char_p
    library.opus_strerror.argtypes = (number,)
    library.opus_decoder_create.restype = state
    library.opus_decoder_create.argtypes = (count, number, status)
    library.opus_decoder_destroy.argtypes = (state,)
    library.opus_decoder_destroy.restype = None
    library.opus_decode_float.argtypes = (state, ctypes.c_char_p, count, state, number, number)
    library.opus_encoder_create.restype = state
    library.opus_encoder_create.argtypes = (count, number, number, status)
    library.opus_encoder_destroy.argtypes = (state,)
    library.opus_encoder_destroy.restype = None
    library.opus_encode_float.argtypes = (state, state, number, state, count)
    library.opus_encode_float.restype = count
    # The rest is variadic: Apple's ARM passes that in another way, which ctypes takes from its being undeclared.
    library.opus_encoder_ctl.argtypes = (state, number)
    return library
