"""What an Ogg Opus stream of a call must do, whichever codec makes it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.speech.opus import OpusReader, OpusWriter
from services.speech.opus.codec import Codec
from services.speech.opus.ogg import HEAD, BadOgg, Page, PageReader, write_page
from services.speech.opus.packets import HEAD as OPUS_HEAD
from services.speech.opus.packets import HEAD_MARK, samples_in
from services.speech.opus.streams import TooMuchSound
from services.speech.shapes import FRAME_SAMPLES
from tests.services.speech.opus.streaming import (
    energy,
    frames,
    likeness,
    read,
    resemblance,
    shift,
    speech,
    stream,
    tone,
    written,
)

# The codec is the same for all examples; the machine may be loaded.
law = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def sound_packets(messages: list[bytes]) -> list[bytes]:
    """The packets of sound in a stream."""
    pages = [page for message in messages for page in PageReader().read(message)]
    return [packet for page in pages[2:] for packet in page.pieces]


def test_a_frame_comes_out_with_the_message_that_brought_it(codec: Codec) -> None:
    reader, writer = OpusReader(codec), OpusWriter(codec)
    for frame in frames(tone(5)):
        sound = reader.read(writer.write(frame))
        assert sound.shape == (FRAME_SAMPLES,)
        assert sound.dtype == np.float32


def test_a_stream_cut_at_every_byte_gives_the_same_sound(codec: Codec) -> None:
    messages = written(codec, tone(4))
    one_by_one = (bytes((byte,)) for byte in b"".join(messages))
    assert np.array_equal(read(codec, one_by_one), read(codec, messages))


@law
@given(data=st.data())
def test_a_stream_cut_into_messages_anyhow_gives_the_same_sound(codec: Codec, data: st.DataObject) -> None:
    messages = written(codec, tone(3))
    whole = b"".join(messages)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=12).map(sorted))
    pieces = [whole[start:end] for start, end in pairwise([0, *cuts, len(whole)])]
    assert np.array_equal(read(codec, pieces), read(codec, messages))


def test_nine_seconds_in_one_message_give_the_same_sound(codec: Codec) -> None:
    messages = written(codec, np.tile(tone(1), 112))
    assert np.array_equal(read(codec, [b"".join(messages)]), read(codec, messages))


def test_a_tone_survives(codec: Codec) -> None:
    sound = tone(25)
    back = read(codec, written(codec, sound))
    late = codec.encoder().lookahead
    # An onset out of nothing is the codec's to smear.
    assert likeness(sound[FRAME_SAMPLES:], back[FRAME_SAMPLES:], late) > 0.97
    assert energy(back) == pytest.approx(energy(sound), rel=0.1)


def test_speech_survives(codec: Codec) -> None:
    back = read(codec, written(codec, speech()))
    assert resemblance(speech(), back, codec.encoder().lookahead) > 0.97
    assert energy(back) == pytest.approx(energy(speech()), rel=0.15)


def test_the_sound_is_as_late_as_the_encoder_says(codec: Codec) -> None:
    noise = np.random.default_rng(5).normal(0, 0.1, 50 * FRAME_SAMPLES).astype(np.float32)
    assert shift(noise, read(codec, written(codec, noise))) == pytest.approx(codec.encoder().lookahead, abs=1)


def test_the_head_tells_how_late_the_sound_is(codec: Codec) -> None:
    first = next(iter(PageReader().read(written(codec, tone(1))[0])))
    mark, version, channels, pre_skip, rate, gain, family = OPUS_HEAD.unpack(first.pieces[0])
    assert (mark, version, channels, rate, gain, family) == (HEAD_MARK, 1, 1, 24_000, 0, 0)
    assert pre_skip == 2 * codec.encoder().lookahead


def test_a_frame_is_a_page_whose_place_counts_at_48_khz(codec: Codec) -> None:
    pages = [page for message in written(codec, tone(3)) for page in PageReader().read(message)]
    assert [page.granule for page in pages] == [0, 0, 3840, 7680, 11520]
    assert [page.sequence for page in pages] == [0, 1, 2, 3, 4]
    assert [page.first for page in pages] == [True, False, False, False, False]
    assert {sum(map(samples_in, page.pieces)) for page in pages[2:]} == {FRAME_SAMPLES}


def test_a_frame_of_another_length_is_our_own_fault(codec: Codec) -> None:
    with pytest.raises(ValueError, match=r"a frame is \[1920\], not \[960\]"):
        OpusWriter(codec).write(tone(1)[:960])


def test_silence_stays_silent(codec: Codec) -> None:
    assert energy(read(codec, written(codec, np.zeros(5 * FRAME_SAMPLES, np.float32)))) < 1e-9


def test_what_is_too_loud_is_only_loud(codec: Codec) -> None:
    back = read(codec, written(codec, tone(5) * 20))
    assert np.isfinite(back).all()
    assert energy(back) > energy(tone(5))


def test_stereo_is_mixed_down(codec: Codec) -> None:
    # Two channels' silence, by configuration 31 with the stereo bit.
    head = OPUS_HEAD.pack(HEAD_MARK, 1, 2, 0, 48_000, 0, 0)
    assert read(codec, [stream(b"\xfc\xff\xfe", head=head)]).shape == (480,)


def test_a_streams_own_gain_is_applied(codec: Codec) -> None:
    packets = sound_packets(written(codec, tone(5)))
    halved = OPUS_HEAD.pack(HEAD_MARK, 1, 1, 0, 24_000, round(-6.0206 * 256), 0)
    plain, quieter = read(codec, [stream(*packets)]), read(codec, [stream(*packets, head=halved)])
    assert quieter == pytest.approx(plain / 2, abs=1e-4)


def test_who_joins_late_hears_what_comes_from_then_on(codec: Codec) -> None:
    messages = written(codec, tone(10))
    late = read(codec, messages[5:])
    assert late.shape == (5 * FRAME_SAMPLES,)
    assert energy(late[FRAME_SAMPLES:]) == pytest.approx(energy(tone(1)), rel=0.1)


def test_another_stream_may_follow(codec: Codec) -> None:
    one, other = written(codec, tone(3)), written(codec, tone(3, 440))
    apart = np.concatenate([read(codec, one), read(codec, other)])
    assert np.array_equal(read(codec, [*one, *other]), apart)


def test_a_stream_of_another_serial_begins_afresh_without_its_first_page(codec: Codec) -> None:
    packets = sound_packets(written(codec, tone(3)))
    other = b"".join(write_page(Page(77, 5 + index, 0, (packet,))) for index, packet in enumerate(packets))
    one = stream(*packets, serial=7)
    assert np.array_equal(read(codec, [one, other]), np.tile(read(codec, [one]), 2))


def test_a_packet_over_two_pages_is_put_together(codec: Codec) -> None:
    # 255 bytes are a whole segment, after which a packet can go on in another page. Padding makes it long enough.
    packet = bytes((0xFB, 0x41, 254)) + bytes(400 - 3)
    whole = read(codec, [stream(packet)])
    pages = [Page(9, 2, -1, (packet[:255],), open=True), Page(9, 3, 0, (packet[255:],), continued=True)]
    assert np.array_equal(read(codec, [stream(), *map(write_page, pages)]), whole)
    assert whole.shape == (480,)


def test_half_a_packet_whose_other_half_was_lost_is_left_out(codec: Codec) -> None:
    good = sound_packets(written(codec, tone(1)))[0]
    end = write_page(Page(9, 2, 0, (b"the end of a lost one", good), continued=True))
    beginning = write_page(Page(9, 3, 0, (good, bytes(255)), open=True))
    after_a_gap = write_page(Page(9, 5, 0, (b"the end of another", good), continued=True))
    length = samples_in(good)
    assert read(codec, [stream() + end + beginning + after_a_gap]).shape == (3 * length,)


def test_a_packet_without_an_end_is_refused(codec: Codec) -> None:
    endless = (
        write_page(Page(9, 2 + index, -1, (bytes(255 * 50),), continued=index > 0, open=True))
        for index in range(9)
    )
    with pytest.raises(BadOgg, match="a packet of more than 61440 bytes came"):
        read(codec, [stream(), *endless])


def test_garbage_between_pages_is_passed_over_and_counted(codec: Codec) -> None:
    messages = written(codec, tone(4))
    reader = OpusReader(codec)
    sound = [reader.read(piece) for piece in (messages[0], b"Ogg? Oggs!", *messages[1:])]
    assert np.array_equal(np.concatenate(sound), read(codec, messages))
    assert reader.skipped == 10


def test_a_page_with_a_wrong_checksum_is_lost_and_the_next_is_not(codec: Codec) -> None:
    messages = written(codec, tone(4))
    broken = bytearray(messages[1])
    broken[60] ^= 1
    assert read(codec, [messages[0], bytes(broken), *messages[2:]]).shape == (3 * FRAME_SAMPLES,)


@pytest.mark.parametrize(
    "packet", [b"", b"\x03", b"\x03\x00", b"\x1b\x03", b"\x03\x0d", b"\x03\x02abc", bytes(2000)]
)
def test_a_packet_that_is_no_opus_is_refused(codec: Codec, packet: bytes) -> None:
    with pytest.raises(BadOgg):
        OpusReader(codec).read(stream(packet))


def test_more_than_ten_seconds_at_once_are_refused_before_they_are_decoded(codec: Codec) -> None:
    silence = bytes((0x1B, 0x02)) + b"\x01\x01"  # Two frames of 60 ms.
    pages = [Page(9, 2 + index, 0, (silence,) * 60) for index in range(2)]
    with pytest.raises(TooMuchSound, match=r"more than 10 s of sound came at once"):
        OpusReader(codec).read(stream() + b"".join(map(write_page, pages)))


@pytest.mark.parametrize(
    ("bad", "said"),
    [(b"RIFF\x24\x08\x00\x00WAVE", "WAV came, Ogg Opus was wanted"), (stream(b""), "an empty packet came")],
    ids=["a file", "a broken packet"],
)
def test_what_was_refused_once_stays_refused(codec: Codec, bad: bytes, said: str) -> None:
    reader = OpusReader(codec)
    for message in (bad, *written(codec, tone(1))):
        with pytest.raises(BadOgg, match=said) as refused:
            reader.read(message)
        assert refused.value.code == "bad_ogg"


@law
@given(garbage=st.binary(max_size=400), at=st.integers(0, 400), flipped=st.integers(0, 10**6))
def test_no_bytes_do_more_than_be_refused(codec: Codec, garbage: bytes, at: int, flipped: int) -> None:
    messages = written(codec, tone(2))
    whole = bytearray(b"".join(messages))
    whole[flipped % len(whole)] ^= 0x55
    for data in (garbage, bytes(whole[:at]) + garbage + bytes(whole[at:])):
        try:
            assert len(OpusReader(codec).read(data)) <= 2 * FRAME_SAMPLES
        except BadOgg as refused:
            assert str(refused)  # noqa: PT017


def test_a_page_that_lies_about_its_length_ends_in_an_error_and_not_in_a_wait(codec: Codec) -> None:
    messages = written(codec, tone(3))
    # 65 kB are said to follow; then the checksum is wrong, and all that came meanwhile is there at once.
    liar = HEAD.pack(b"OggS", 0, 0, 0, 1, 3, 0, 255) + bytes((255,)) * 255
    with pytest.raises(TooMuchSound):
        read(codec, [messages[0], liar, *[messages[1]] * (2**16 // len(messages[1]) + 1)])
