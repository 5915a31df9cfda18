"""Opus by sphn 0.2, Kyutai's own wheel: what stock servers and clients use.

It reads and writes whole Ogg streams, but checks no checksum, holds an endless packet whole, fails for ever after one
byte of garbage and at more than 5 s of sound in one call, makes seconds of sound out of an empty packet, and counts
granule positions at 24 kHz. So it is given one packet at a time, in a page of its own, and its pages are opened again.
"""

import numpy as np
import sphn

from services.speech.opus.codec import BadPacket
from services.speech.opus.ogg import Page, PageReader, write_page
from services.speech.opus.packets import HEAD_MARK, TAGS_MARK
from services.speech.samples import Samples
from services.speech.shapes import SAMPLE_RATE

LOOKAHEAD = 156
"""6.5 ms, libopus' in its VoIP mode, which is sphn's."""


class Sphn:
    """Makes decoders and encoders."""

    name = "sphn"

    def decoder(self) -> "SphnDecoder":
        return SphnDecoder()

    def encoder(self) -> "SphnEncoder":
        return SphnEncoder()


class SphnDecoder:
    """Adds no delay: a packet's sound comes with it."""

    def __init__(self) -> None:
        self._reader = sphn.OpusStreamReader(SAMPLE_RATE)

    def decode(self, packet: bytes) -> Samples:
        try:
            samples = self._reader.append_bytes(write_page(Page(1, 0, 0, (packet,))))
        except ValueError as error:
            raise BadPacket(str(error)) from error
        return np.asarray(samples, np.float32)


class SphnEncoder:
    """Packets of 40 ms in VoIP mode, 6.5 ms late, about 30 kbit a second. Nothing of it can be set."""

    lookahead = LOOKAHEAD

    def __init__(self) -> None:
        self._writer = sphn.OpusStreamWriter(SAMPLE_RATE)
        self._pages = PageReader()

    def encode(self, frame: Samples) -> list[bytes]:
        written = bytes(self._writer.append_pcm(np.ascontiguousarray(frame, np.float32)))
        packets = (packet for page in self._pages.read(written) for packet in page.pieces)
        return [packet for packet in packets if not packet.startswith((HEAD_MARK, TAGS_MARK))]
