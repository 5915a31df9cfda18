"""Pages of Ogg, without anything in them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.speech.opus.ogg import (
    HEAD,
    MAX_BROKEN,
    MAX_SKIPPED,
    BadOgg,
    Page,
    PageReader,
    checksum,
    write_page,
)

WHOLE = Page(7, 0, 0, (b"hello",), first=True)


def pages(*messages: bytes) -> list[Page]:
    reader = PageReader()
    return [page for message in messages for page in reader.read(message)]


def slow_checksum(data: bytes) -> int:
    """RFC 3533, 6: polynomial 0x04c11db7, bit by bit."""
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    return crc


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=300))
def test_the_checksum_is_the_one_of_the_rfc(data: bytes) -> None:
    assert checksum(data) == slow_checksum(data)


@st.composite
def any_page(draw: st.DrawFn) -> Page:
    whole = draw(st.lists(st.binary(max_size=600), max_size=6))
    unfinished = draw(st.booleans())
    last = [bytes(255 * draw(st.integers(1, 4)))] if unfinished else []
    return Page(
        serial=draw(st.integers(0, 2**32 - 1)),
        sequence=draw(st.integers(0, 2**32 - 1)),
        granule=draw(st.integers(-1, 2**63 - 1)),
        pieces=tuple(whole + last),
        continued=draw(st.booleans()),
        first=draw(st.booleans()),
        last=draw(st.booleans()),
        open=unfinished,
    )


@settings(deadline=None, max_examples=50)
@given(st.lists(any_page(), min_size=1, max_size=5), st.integers(1, 40))
def test_pages_are_read_as_they_were_written_cut_anywhere(written: list[Page], size: int) -> None:
    data = b"".join(map(write_page, written))
    assert pages(*(data[at : at + size] for at in range(0, len(data), size))) == written


def test_a_page_holds_255_segments_and_no_more() -> None:
    longest = Page(1, 1, 0, (bytes(255 * 255 - 1),))
    assert pages(write_page(longest)) == [longest]
    assert len(write_page(longest)) == 65_306
    with pytest.raises(ValueError, match="255 segments"):
        write_page(Page(1, 1, 0, (bytes(255 * 255),)))
    with pytest.raises(ValueError, match="whole segments"):
        write_page(Page(1, 1, 0, (bytes(256),), open=True))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81", "WebM (as a browser's MediaRecorder makes it)"),
        (b"RIFF\x24\x08\x00\x00WAVEfmt ", "WAV"),
        (b"\x00\x00\x00\x20ftypM4A ", "MP4"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00\x00\x00", "MP3"),
        (b"\x01OggS\x00\x02\x00\x00\x00\x00\x00\x00", "a kind byte in front of Ogg"),
        (b"OpusHead\x01\x01\x38\x01", "Opus without Ogg"),
        (
            b"\x00\x00\x05\x00" * 3,
            "bytes that begin with 00 00 05 00 (if they are PCM16, ask for codec=pcm16)",
        ),
    ],
)
def test_what_never_was_ogg_is_told_by_its_name_however_it_is_cut(data: bytes, name: str) -> None:
    for cut in range(len(data)):
        with pytest.raises(BadOgg) as refused:
            pages(data[:cut], data[cut:])
        assert str(refused.value) == f"{name} came, Ogg Opus was wanted"


def test_what_lies_between_pages_is_passed_over_however_it_is_cut() -> None:
    # The last bytes look like the beginning of a page until the next one comes.
    data = write_page(WHOLE) + b"Ogg? Oggs! OggOg" + write_page(WHOLE)
    for size in range(1, len(data)):
        assert pages(*(data[at : at + size] for at in range(0, len(data), size))) == [WHOLE, WHOLE]


def test_much_that_belongs_to_no_page_is_refused() -> None:
    begun, half = write_page(WHOLE), bytes(MAX_SKIPPED // 2)
    assert pages(begun, half, begun, half, begun) == [WHOLE] * 3
    with pytest.raises(BadOgg, match="belong to no page"):
        pages(begun, half, begun, half, begun, b"hello")


def test_a_first_page_with_a_wrong_checksum_is_no_foreign_format() -> None:
    broken = bytearray(write_page(WHOLE))
    broken[-1] ^= 1
    assert pages(bytes(broken), write_page(WHOLE)) == [WHOLE]


def test_many_broken_pages_are_refused() -> None:
    begun = write_page(WHOLE)
    broken = bytes((*begun[:-1], begun[-1] ^ 1))
    assert pages(*[broken] * MAX_BROKEN, begun) == [WHOLE]
    with pytest.raises(BadOgg, match="wrong version or checksum"):
        pages(*[begun, broken] * (MAX_BROKEN + 1))


def test_beginnings_of_pages_by_the_thousand_are_not_all_followed() -> None:
    # Each says that 65 kB follow, whose checksum would have to be taken.
    beginning = HEAD.pack(b"OggS", 0, 0, 0, 1, 0, 0, 255)
    with pytest.raises(BadOgg, match="wrong version or checksum"):
        pages(write_page(WHOLE), (beginning + b"\xff" * 255) * 1000)
