"""What is in an Ogg Opus stream: two packets that describe it (RFC 7845, 5), and packets of sound (RFC 6716, 3)."""

import struct
from dataclasses import dataclass

from services.speech.opus.foreign import codec_named
from services.speech.opus.ogg import BadOgg
from services.speech.shapes import SAMPLE_RATE

HEAD_MARK, TAGS_MARK = b"OpusHead", b"OpusTags"
HEAD = struct.Struct("<8sBBHIhB")
"""Mark, version, channels, pre-skip, rate of the original, gain, channel mapping family."""

MAX_PACKET = 61_440
"""Bytes: RFC 7845, 6 lets a reader refuse longer ones. 120 ms of sound have at most 48 frames of 1,275 bytes."""
MAX_PACKET_SAMPLES = 2_880
"""120 ms (RFC 6716, 3.4)."""
GRANULES = 2
"""To a sample: granule positions and the pre-skip count at 48 kHz, whatever the rate (RFC 7845, 4)."""

SILK, HYBRID, CELT = (240, 480, 960, 1440), (240, 480), (60, 120, 240, 480)
FRAME_SAMPLES = SILK * 3 + HYBRID * 2 + CELT * 4
"""Of each of the 32 configurations (RFC 6716, table 2), at 24 kHz."""


@dataclass(frozen=True, slots=True)
class OpusHead:
    """How a stream is to be read."""

    channels: int
    pre_skip: int
    """Samples at 48 kHz that a player leaves out at the beginning."""
    gain_db: float


def read_head(packet: bytes) -> OpusHead:
    """The first packet of a stream.

    Raises:
        BadOgg: it is another codec's, or one that a call cannot have.
    """
    if not packet.startswith(HEAD_MARK):
        raise BadOgg(f"{codec_named(packet)} came, Ogg Opus was wanted")
    if len(packet) < HEAD.size:
        raise BadOgg("the head of the Opus stream is cut short")
    _, version, channels, pre_skip, _, gain, family = HEAD.unpack_from(packet)
    # 5.1: the upper half of the version breaks with readers, the lower does not.
    if version >> 4:
        raise BadOgg(f"version {version} of Ogg Opus came, 0 to 15 were wanted")
    if family != 0 or channels not in (1, 2):
        raise BadOgg(f"{channels} channels (mapping family {family}) came, mono or stereo was wanted")
    return OpusHead(channels, pre_skip, gain / 256)


def write_head(lookahead: int) -> bytes:
    """The first packet of a mono stream of 24 kHz, whose encoder looks ahead by so many samples."""
    return HEAD.pack(HEAD_MARK, 1, 1, lookahead * GRANULES, SAMPLE_RATE, 0, 0)


def write_tags() -> bytes:
    """The second packet: who made the stream, and no comment."""
    vendor = b"antiphon"
    return TAGS_MARK + struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", 0)


def samples_in(packet: bytes) -> int:
    """How many samples at 24 kHz a packet of sound holds.

    Raises:
        BadOgg: it can be none.
    """
    # RFC 6716, 3.1: the first byte has the configuration, whether it is stereo, and how the frames are counted.
    if not packet:
        raise BadOgg("an empty packet came, a packet of Opus was wanted")
    each = FRAME_SAMPLES[packet[0] >> 3]
    match packet[0] & 3:
        case 0:
            frames = 1
        case 1 | 2:
            frames = 2
        case _:
            frames = packet[1] & 63 if len(packet) > 1 else 0
    if not 0 < frames * each <= MAX_PACKET_SAMPLES:
        raise BadOgg("a packet came that is no Opus")
    return frames * each
