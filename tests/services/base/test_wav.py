"""WAV files as people make them."""

import struct

import numpy as np
import numpy.typing as npt
import pytest

from services.base.wav import EXTENSIBLE, FLOAT, PCM, BadWav, parse_wav, pcm16

RATE = 44_100
Written = npt.NDArray[np.generic]


def tone(rate: int) -> npt.NDArray[np.float64]:
    """A second of 440 Hz."""
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)


def wav(
    samples: Written, kind: int, bits: int, channels: int = 1, rate: int = RATE, more: bytes = b""
) -> bytes:
    raw, step = samples.tobytes(), channels * bits // 8
    head = struct.pack("<HHIIHH", kind, channels, rate, rate * step, step, bits) + more
    body = b"fmt " + struct.pack("<I", len(head)) + head + b"LIST\x03\0\0\0abc\0"
    body += b"data" + struct.pack("<I", len(raw)) + raw
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def integers(bits: int) -> Written:
    whole: npt.NDArray[np.int32] = np.round(tone(RATE) * 2 ** (bits - 1)).astype(np.int32)
    match bits:
        case 8:
            return (whole + 128).astype(np.uint8)
        case 24:
            return whole.view(np.uint8).reshape(-1, 4)[:, :3].copy()
        case _:
            return whole.astype(f"<i{bits // 8}")


def extensible(kind: int) -> bytes:
    """The end of an extensible header: size, valid bits, speakers, and the kind at the head of a GUID."""
    return struct.pack("<HHIH", 22, 24, 4, kind) + b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"


WAVS = {
    "8 bits": wav(integers(8), PCM, 8),
    "16 bits": wav(integers(16), PCM, 16),
    "24 bits": wav(integers(24), PCM, 24),
    "32 bits": wav(integers(32), PCM, 32),
    "float": wav(tone(RATE).astype("<f4"), FLOAT, 32),
    "double": wav(tone(RATE), FLOAT, 64),
    "extensible": wav(integers(24), EXTENSIBLE, 24, more=extensible(PCM)),
    "extensible float": wav(tone(RATE).astype("<f4"), EXTENSIBLE, 32, more=extensible(FLOAT)),
    "stereo": wav(np.repeat(integers(16), 2), PCM, 16, channels=2),
    "8 kHz": wav(tone(8000).astype("<f4"), FLOAT, 32, rate=8000),
    "24 kHz": wav(tone(24_000).astype("<f4"), FLOAT, 32, rate=24_000),
    "96 kHz": wav(tone(96_000).astype("<f4"), FLOAT, 32, rate=96_000),
}


@pytest.mark.parametrize("name", WAVS)
def test_a_wav_of_any_kind_is_read(name: str) -> None:
    found = parse_wav(WAVS[name])
    np.testing.assert_allclose(found.samples, tone(found.rate), atol=0.01 if name == "8 bits" else 1e-3)


def test_a_stream_that_tells_no_size_is_read_to_its_end() -> None:
    raw = integers(16)
    whole = wav(raw, PCM, 16)
    head = len(whole) - raw.nbytes
    found = parse_wav(whole[: head - 4] + b"\xff\xff\xff\xff" + whole[head:] + b"\x01")
    assert len(found.samples) == RATE


def test_pcm16_comes_back_as_it_was_and_what_is_louder_is_cut() -> None:
    whole = np.arange(-32768, 32768, dtype="<i2")
    assert pcm16(parse_wav(wav(whole, PCM, 16)).samples) == whole.tobytes()
    assert np.frombuffer(pcm16(np.array([-1.5, 1.0, 2.0])), "<i2").tolist() == [-32768, 32767, 32767]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no WAV file"),
        (b"OggS" + bytes(100), "no WAV file"),
        (b"RIFF\0\0\0\0WAVE", "ends too early"),
        (wav(integers(16), 6, 8), "of format 6 with 8 bits"),
        (wav(integers(16), PCM, 12), "of format 1 with 12 bits"),
        (wav(integers(16), PCM, 16, channels=0), "0 channels"),
        (wav(integers(16), PCM, 16, rate=1), "at 1 Hz"),
        (wav(np.full(9000, np.nan, "<f4"), FLOAT, 32), "no numbers"),
    ],
)
def test_what_is_no_such_file_is_told(content: bytes, words: str) -> None:
    with pytest.raises(BadWav, match=rf"{words}.*; wanted: a WAV file of PCM"):
        parse_wav(content)
