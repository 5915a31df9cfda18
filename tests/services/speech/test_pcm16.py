"""Sound as plain numbers."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.speech.formats import reader_of, writer_of
from services.speech.opus import OpusReader, OpusWriter
from services.speech.pcm16 import BadPcm16, Pcm16Reader, Pcm16Writer


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-32_768, 32_767), min_size=6, max_size=60), st.data())
def test_sound_is_read_as_it_was_written_cut_anywhere(values: list[int], data: st.DataObject) -> None:
    sound = np.array(values, np.float32) / np.float32(32_768)
    sent = Pcm16Writer().write(sound)
    assert np.array_equal(np.frombuffer(sent, "<i2"), values)
    cuts = data.draw(st.lists(st.integers(0, len(sent)), max_size=5).map(sorted))
    reader = Pcm16Reader()
    parts = [reader.read(sent[start:end]) for start, end in pairwise([0, *cuts, len(sent)])]
    assert np.array_equal(np.concatenate(parts), sound)


def test_what_is_too_loud_is_cut_off_and_does_not_turn_over() -> None:
    loud = np.array([2, 1, 0, -1, -2], np.float32)
    assert np.frombuffer(Pcm16Writer().write(loud), "<i2").tolist() == [32767, 32767, 0, -32768, -32768]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"RIFF\x24\x08\x00\x00WAVEfmt ", "WAV"),
        (b"OggS\x00\x02" + bytes(8), "Ogg"),
        (b"\x1aE\xdf\xa3" + bytes(8), "WebM (as a browser's MediaRecorder makes it)"),
    ],
)
def test_a_files_head_is_not_played(head: bytes, name: str) -> None:
    reader = Pcm16Reader()
    assert len(reader.read(head[:11])) == 0
    for more in (head[11:], bytes(100)):
        with pytest.raises(BadPcm16, match="came, PCM16 without a head was wanted") as refused:
            reader.read(more)
        assert str(refused.value).startswith(name)
        assert refused.value.code == "bad_pcm16"


def test_each_codec_has_its_reader_and_writer() -> None:
    assert (type(reader_of("ogg")), type(writer_of("ogg"))) == (OpusReader, OpusWriter)
    assert (type(reader_of("pcm16")), type(writer_of("pcm16"))) == (Pcm16Reader, Pcm16Writer)
