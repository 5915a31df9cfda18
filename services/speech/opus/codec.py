"""The Opus codec itself, packet by packet, and which of the two is taken."""

from functools import cache
from typing import Protocol

from services.base.problems import Problem
from services.speech.samples import Samples


class BadPacket(ValueError):
    """The decoder refuses a packet."""


class MissingCodec(Problem):
    """There is no Opus on this machine; the detail says how to get one."""

    code, status, title = "opus_missing", 503, "There is no Opus codec"


class Decoder(Protocol):
    """Of one stream. Not for two threads at once."""

    def decode(self, packet: bytes) -> Samples:
        """The packet's sound: at 24 kHz, mono whatever it was.

        Args:
            packet: of at least a byte and at most 120 ms, by its first bytes.

        Raises:
            BadPacket: it is broken.
        """
        ...


class Encoder(Protocol):
    """Of one stream. Not for two threads at once."""

    lookahead: int
    """Samples by which the sound comes out late."""

    def encode(self, frame: Samples) -> list[bytes]:
        """The packets of a frame of 1,920 samples, in equal parts of it."""
        ...


class Codec(Protocol):
    """Makes decoders and encoders."""

    name: str

    def decoder(self) -> Decoder: ...

    def encoder(self) -> Encoder: ...


@cache
def chosen() -> Codec:
    """libopus where it can be found, else sphn.

    Measured on eSpeak's speech with all that Python does around it: a second of a call, both ways, costs 4.4 ms of CPU
    by libopus and 17 by sphn. ctypes leaves the GIL free meanwhile, sphn holds it: 64 calls would want 1.1 of the one
    core that Python has. libopus is also 4 ms less late.

    Raises:
        MissingCodec: there is neither.
    """
    # Each imports what may be missing.
    from services.speech.opus.libopus import LibOpus

    if libopus := LibOpus.find():
        return libopus
    try:
        from services.speech.opus.by_sphn import Sphn
    except ModuleNotFoundError as error:
        raise MissingCodec(
            "install libopus (Debian: libopus0, macOS: brew install opus), "
            "or what the extra `speech` brings (pip install 'antiphon[speech]')."
        ) from error
    return Sphn()
