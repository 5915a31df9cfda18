"""Ogg pages (RFC 3533), read out of bytes that come in any pieces, and written."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from services.speech.opus.foreign import named
from services.speech.samples import BadSound

CAPTURE = b"OggS"
HEAD = struct.Struct("<4sBBqIIIB")
"""Capture pattern, version, flags, granule position, serial, sequence, checksum, count of lacing values."""
CONTINUED, FIRST, LAST = 0x01, 0x02, 0x04
FULL = 255
"""A lacing value that says: the packet goes on in the next segment."""

ENOUGH = 12
"""Bytes that tell a foreign format from another."""
MAX_SKIPPED = 2**16
"""Bytes that belong to no page, in all: as many as the longest page has. Nothing gets lost on a socket, so that none at
all is what comes from whoever writes Ogg."""
MAX_BROKEN = 8
"""Pages with a wrong checksum, in all. Each may cost the checksum of 65 kB before the search goes on behind its first
bytes, and a message can hold thousands of such beginnings."""

_MIRROR = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class BadOgg(BadSound):
    """It isn't Ogg Opus, or none that a call can have."""

    code = "bad_ogg"


@dataclass(frozen=True, slots=True)
class Page:
    """Packets of one stream, or pieces of them."""

    serial: int
    """Which stream."""
    sequence: int
    """Counts the stream's pages."""
    granule: int
    """Where the last packet that ends here ends; its unit is the codec's. -1 where none ends."""
    pieces: tuple[bytes, ...]
    """Of packets. Each ends here but, with `open`, the last."""
    continued: bool = False
    """The first piece goes on with a packet of the page before."""
    first: bool = False
    """The stream begins."""
    last: bool = False
    open: bool = False


def checksum(page: bytes) -> int:
    """Ogg's CRC-32 of a page whose own checksum is 0.

    Ogg shifts its bits the other way round than zlib, begins with 0 and inverts nothing. A loop in Python would take a
    hundred times as long.
    """
    crc = zlib.crc32(page.translate(_MIRROR), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "little").translate(_MIRROR), "big")


def write_page(page: Page) -> bytes:
    """One page. Its pieces may have 255 segments of 255 bytes in all.

    Raises:
        ValueError: they have more.
    """
    lacing = bytearray()
    for index, piece in enumerate(page.pieces):
        full, rest = divmod(len(piece), FULL)
        lacing += bytes((FULL,)) * full
        if not (page.open and index == len(page.pieces) - 1):
            lacing.append(rest)
        elif rest:
            raise ValueError("a piece that goes on in the next page is made of whole segments")
    if len(lacing) > 255:
        raise ValueError("more than 255 segments in a page of Ogg")
    flags = page.continued * CONTINUED | page.first * FIRST | page.last * LAST
    body = bytes(lacing) + b"".join(page.pieces)
    head = (CAPTURE, 0, flags, page.granule, page.serial, page.sequence)
    unchecked = HEAD.pack(*head, 0, len(lacing)) + body
    return HEAD.pack(*head, checksum(unchecked), len(lacing)) + body


class PageReader:
    """Finds pages. It holds at most one unfinished page and the bytes of one call.

    What lies between two pages is passed over, a page with a wrong checksum too, and counted in `skipped`. What never
    was Ogg is refused at its first bytes, and by its name where it has one.
    """

    def __init__(self) -> None:
        self.skipped = 0
        """Bytes, since the beginning."""
        self._bytes = bytearray()
        self._needed = ENOUGH
        """Bytes before which there is nothing more to see."""
        self._ogg = False
        """It began with the capture pattern."""
        self._broken = 0
        """Pages with a wrong checksum."""

    def read(self, data: bytes) -> Iterator[Page]:
        """The pages that are whole with these bytes. Take all of them before the next call.

        Raises:
            BadOgg: no page is to be found.
        """
        self._bytes += data
        while len(self._bytes) >= self._needed:
            if page := self._next():
                yield page

    def _next(self) -> Page | None:
        """The page at the beginning, or None after a step towards one."""
        found = self._bytes.find(CAPTURE)
        if found != 0:
            if not self._ogg:
                raise BadOgg(f"{named(bytes(self._bytes[:ENOUGH]))} came, Ogg Opus was wanted")
            # The pattern's first bytes may be the last that are there.
            self._skip(found if found > 0 else len(self._bytes) - len(CAPTURE) + 1)
            return None
        self._ogg = True
        if len(self._bytes) < HEAD.size:
            self._needed = HEAD.size
            return None
        _, version, flags, granule, serial, sequence, crc, count = HEAD.unpack_from(self._bytes)
        lacing = bytes(self._bytes[HEAD.size : HEAD.size + count])
        whole = HEAD.size + count + sum(lacing)
        if len(lacing) < count or len(self._bytes) < whole:
            self._needed = max(whole, HEAD.size + count)
            return None
        self._needed = len(CAPTURE)
        raw = self._bytes[:whole]
        raw[22:26] = bytes(4)
        if version != 0 or checksum(bytes(raw)) != crc:
            self._broken += 1
            if self._broken > MAX_BROKEN:
                raise BadOgg(f"{self._broken} pages of Ogg have a wrong version or checksum")
            self._skip(len(CAPTURE))
            return None
        del self._bytes[:whole]
        pieces, unfinished = _cut(lacing, bytes(raw[HEAD.size + count :]))
        return Page(
            serial,
            sequence,
            granule,
            pieces,
            continued=bool(flags & CONTINUED),
            first=bool(flags & FIRST),
            last=bool(flags & LAST),
            open=unfinished,
        )

    def _skip(self, count: int) -> None:
        del self._bytes[:count]
        self._needed = len(CAPTURE)
        self.skipped += count
        if self.skipped > MAX_SKIPPED:
            raise BadOgg(f"{self.skipped} bytes came that belong to no page of Ogg")


def _cut(lacing: bytes, body: bytes) -> tuple[tuple[bytes, ...], bool]:
    """The pieces of a page's body, and whether the last goes on in the next page."""
    ends, at = [0], 0
    for value in lacing:
        at += value
        if value < FULL:
            ends.append(at)
    unfinished = bool(lacing) and lacing[-1] == FULL
    if unfinished:
        ends.append(at)
    return tuple(body[start:end] for start, end in pairwise(ends)), unfinished
