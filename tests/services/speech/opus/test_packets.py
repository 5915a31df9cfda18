"""What the packets of an Ogg Opus stream say about themselves."""

import pytest

from services.speech.opus.ogg import BadOgg
from services.speech.opus.packets import HEAD, HEAD_MARK, OpusHead, read_head, samples_in, write_head


def test_a_head_is_read_as_it_was_written() -> None:
    assert read_head(write_head(60)) == OpusHead(channels=1, pre_skip=120, gain_db=0)


def test_the_head_of_nvidias_page_is_read() -> None:
    # Recorded of opus-recorder 8.0.5; what comes behind the known fields is let pass (RFC 7845, 5.1).
    head = bytes.fromhex("4f707573486561640101000f80bb0000000000")
    assert read_head(head) == read_head(head + b"more") == OpusHead(channels=1, pre_skip=3840, gain_db=0)


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (b"\x01vorbis\x00\x00", "Ogg Vorbis came"),
        (b"\x7fFLAC\x01", "Ogg FLAC came"),
        (b"\x80theora", "Ogg Theora, a video, came"),
        (b"", "an Ogg stream that begins with nothing came"),
        (b"hello", "an Ogg stream that begins with 68 65 6c 6c 6f came"),
        (HEAD_MARK + b"\x01\x01", "the head of the Opus stream is cut short"),
        (HEAD.pack(HEAD_MARK, 16, 1, 0, 48_000, 0, 0), "version 16 of Ogg Opus came"),
        (HEAD.pack(HEAD_MARK, 1, 0, 0, 48_000, 0, 0), "0 channels"),
        (
            HEAD.pack(HEAD_MARK, 1, 6, 0, 48_000, 0, 1),
            "6 channels (mapping family 1) came, mono or stereo was wanted",
        ),
    ],
)
def test_a_head_that_a_call_cannot_have_is_refused_by_name(packet: bytes, said: str) -> None:
    with pytest.raises(BadOgg) as refused:
        read_head(packet)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    ("first", "milliseconds"),
    [
        (0, 10),
        (1, 20),
        (2, 40),
        (3, 60),
        (11, 60),
        (12, 10),
        (15, 20),
        (16, 2.5),
        (17, 5),
        (30, 10),
        (31, 20),
    ],
)
def test_a_packet_says_how_long_it_is(first: int, milliseconds: float) -> None:
    one = round(milliseconds * 24)
    assert samples_in(bytes((first << 3,))) == one
    if 2 * one <= 2880:
        assert samples_in(bytes((first << 3 | 1, 0))) == samples_in(bytes((first << 3 | 2, 0))) == 2 * one
        assert samples_in(bytes((first << 3 | 7, 2))) == 2 * one


@pytest.mark.parametrize("packet", [b"", b"\x03", b"\x03\x00", b"\x03\x0d", b"\x1b\x03"])
def test_a_packet_of_no_length_or_of_more_than_120_ms_is_none(packet: bytes) -> None:
    with pytest.raises(BadOgg):
        samples_in(packet)
