"""An Ogg Opus stream of a call, read and written."""

from collections.abc import Iterator

import numpy as np

from services.speech.opus.codec import BadPacket, Codec, chosen
from services.speech.opus.ogg import BadOgg, Page, PageReader, write_page
from services.speech.opus.packets import (
    GRANULES,
    MAX_PACKET,
    TAGS_MARK,
    read_head,
    samples_in,
    write_head,
    write_tags,
)
from services.speech.samples import BadSound, Samples
from services.speech.shapes import FRAME_SAMPLES, SAMPLE_RATE

MAX_AT_ONCE = 10 * SAMPLE_RATE
"""Samples out of one call: a message of a call holds 20 to 80 ms. 64 kB of packets that say "silence" would be an hour,
and 350 MB."""


class TooMuchSound(BadSound):
    """More sound at once than a call brings."""

    code = "too_much_sound"


class OpusReader:
    """Bytes of an Ogg Opus stream to sound.

    Nothing is held back but a page that isn't whole: stock clients end their pages with each message. The pre-skip is
    not left out. A player leaves it out to meet a file's time; in a call nothing is to be met, stock servers keep it,
    and without it frames of 80 ms would lie across messages of 80 ms, so that each would wait for the next. NVIDIA's
    page writes 80 ms there, which its encoder does not need, and would lose the first frame of its user.

    A stream may begin in its midst, and another may follow in the same bytes ("chained"): a page that begins a stream,
    or belongs to another than the one before, starts a fresh decoder.
    """

    def __init__(self, codec: Codec | None = None) -> None:
        self._codec = codec or chosen()
        self._decoder = self._codec.decoder()
        self._pages = PageReader()
        self._serial: int | None = None
        self._sequence = 0
        self._unfinished = b""
        """Of a packet that goes on in the next page."""
        self._gain = 1.0
        self._refused: BadSound | None = None

    @property
    def skipped(self) -> int:
        """Bytes that belonged to no page, so far."""
        return self._pages.skipped

    def read(self, data: bytes) -> Samples:
        """All sound that is whole with these bytes, cut anywhere.

        Raises:
            BadOgg: it is something else, or broken. From then on every call raises the same.
            TooMuchSound: more than ten seconds come at once.
        """
        if self._refused:
            raise self._refused
        try:
            return self._sound(data)
        except BadSound as error:
            self._refused = error
            raise

    def _sound(self, data: bytes) -> Samples:
        count, parts = 0, []
        for page in self._pages.read(data):
            for packet in self._packets(page):
                if packet.startswith(TAGS_MARK):
                    continue
                count += samples_in(packet)
                if count > MAX_AT_ONCE:
                    raise TooMuchSound(f"more than {MAX_AT_ONCE // SAMPLE_RATE} s of sound came at once")
                parts.append(self._decoded(packet))
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _packets(self, page: Page) -> Iterator[bytes]:
        """The packets of sound or comments that end in this page."""
        pieces = list(page.pieces)
        if page.first or page.serial != self._serial:
            self._begin(page)
            if page.first:
                # RFC 7845, 3: the head is alone in the first page.
                self._gain = 10 ** (read_head(pieces.pop(0) if pieces else b"").gain_db / 20)
        elif page.sequence != (self._sequence + 1) % 2**32:
            self._unfinished = b""
        self._sequence = page.sequence
        if pieces and page.continued:
            # Without its beginning, which was lost or came before we listened, its end is of no use.
            whole = self._unfinished + pieces[0]
            pieces[:1] = [whole] if self._unfinished else []
        self._unfinished = pieces.pop() if pieces and page.open else b""
        if len(self._unfinished) > MAX_PACKET:
            raise BadOgg(f"a packet of more than {MAX_PACKET} bytes came")
        yield from pieces

    def _begin(self, page: Page) -> None:
        if self._serial is not None:
            self._decoder = self._codec.decoder()
        self._serial, self._unfinished, self._gain = page.serial, b"", 1.0

    def _decoded(self, packet: bytes) -> Samples:
        try:
            samples = self._decoder.decode(packet)
        except BadPacket as error:
            raise BadOgg(f"a packet came that is no Opus: {error}") from error
        return samples if self._gain == 1 else samples * np.float32(self._gain)


class OpusWriter:
    """Sound to an Ogg Opus stream: a frame is a page.

    What comes out late is the encoder's: 60 samples by libopus, 156 by sphn. Nothing else is held back.
    """

    SERIAL = 1
    """One stream a socket."""

    def __init__(self, codec: Codec | None = None) -> None:
        self._encoder = (codec or chosen()).encoder()
        self._sequence = 0
        self._granule = 0

    def write(self, frame: Samples) -> bytes:
        """The next frame, [1920]; before the first come the two pages that a stream begins with.

        Raises:
            ValueError: the frame has another length.
        """
        if frame.shape != (FRAME_SAMPLES,):
            raise ValueError(f"a frame is [{FRAME_SAMPLES}], not {list(frame.shape)}")
        begun = b""
        if not self._sequence:
            begun = self._page((write_head(self._encoder.lookahead),), first=True)
            begun += self._page((write_tags(),))
        self._granule += FRAME_SAMPLES * GRANULES
        return begun + self._page(tuple(self._encoder.encode(frame)))

    def _page(self, packets: tuple[bytes, ...], first: bool = False) -> bytes:
        page = Page(self.SERIAL, self._sequence, self._granule, packets, first=first)
        self._sequence += 1
        return write_page(page)
