"""Uploaded recordings."""

import io
import wave

import numpy as np
import pytest

from services.transcriber.sound import BadSound, read_wav

TONE = (8000 * np.sin(np.arange(1600) / 10)).astype(np.int16)


def wav(raw: bytes, width: int, channels: int = 1, rate: int = 16000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setsampwidth(width)
        out.setnchannels(channels)
        out.setframerate(rate)
        out.writeframes(raw)
    return file.getvalue()


def in_24_bits(samples: np.ndarray) -> bytes:
    return b"".join((int(sample) << 8).to_bytes(3, "little", signed=True) for sample in samples)


@pytest.mark.parametrize(
    ("raw", "width", "coarse"),
    [
        ((TONE // 256 + 128).astype(np.uint8).tobytes(), 1, 256),
        (TONE.tobytes(), 2, 1),
        (in_24_bits(TONE), 3, 1),
        ((TONE.astype(np.int32) << 16).tobytes(), 4, 1),
    ],
)
def test_every_width_gives_the_same_sound(raw: bytes, width: int, coarse: int) -> None:
    recording = read_wav(wav(raw, width))
    assert recording.rate == 16000
    assert recording.seconds == pytest.approx(0.1)
    assert np.abs(np.frombuffer(recording.pcm, "<i2") - TONE.astype(np.int32)).max() <= coarse


def test_two_channels_are_mixed() -> None:
    both = np.stack([TONE, np.zeros_like(TONE)], axis=1)
    mixed = np.frombuffer(read_wav(wav(both.tobytes(), 2, channels=2)).pcm, "<i2")
    assert np.abs(mixed - TONE / 2).max() <= 1


@pytest.mark.parametrize("data", [b"", b"RIFF", b"OggS" + bytes(100), wav(TONE.tobytes(), 2)[:20]])
def test_what_is_no_wav_is_named(data: bytes) -> None:
    with pytest.raises(BadSound, match="wanted: a WAV file"):
        read_wav(data)


def test_a_rate_that_cannot_be_is_named() -> None:
    with pytest.raises(BadSound, match="4000 Hz"):
        read_wav(wav(TONE.tobytes(), 2, rate=4000))


def test_a_recording_cut_short_is_read_as_far_as_it_goes() -> None:
    assert len(read_wav(wav(TONE.tobytes(), 2)[:-101]).pcm) == len(TONE.tobytes()) - 102
