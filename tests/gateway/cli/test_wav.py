"""WAV files of every kind that people have, as the sound inside the gateway, and back."""

import wave
from pathlib import Path

import numpy as np
import pytest

from gateway.cli.wav import BadSound, read_wav, write_wav

RATE = 24_000


def tone(rate: int, seconds: float = 0.5) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """440 Hz at half of full scale, -1 to 1."""
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)


def written(path: Path, rate: int, width: int, channels: int = 1) -> Path:
    """A file with `tone` in it."""
    sound = np.repeat(tone(rate), channels)
    if width == 1:
        raw = (sound * 127 + 128).astype(np.uint8).tobytes()
    else:
        whole = np.round(sound * (2 ** (8 * width - 1) - 1)).astype("<i4")
        raw = whole.view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw)
    return path


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_rates_widths_and_channels_are_all_read(tmp_path: Path, rate: int, width: int, channels: int) -> None:
    pcm = read_wav(written(tmp_path / "a.wav", rate, width, channels))
    heard = np.frombuffer(pcm, "<i2") / 32768
    assert len(heard) == pytest.approx(RATE / 2, abs=2)
    inner = slice(1000, -1000)
    noise = heard[inner] - tone(RATE)[: len(heard)][inner]
    assert np.sqrt(np.mean(noise**2)) < 0.01


def test_our_own_format_comes_back_as_it_was(tmp_path: Path) -> None:
    pcm = np.arange(-32768, 32768, 7, dtype="<i2").tobytes()
    write_wav(tmp_path / "a.wav", pcm)
    assert read_wav(tmp_path / "a.wav") == pcm


def test_a_file_that_was_cut_off_is_read_to_its_last_whole_sample(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", RATE, 3, 2)
    path.write_bytes(path.read_bytes()[:-4])
    assert abs(len(read_wav(path)) // 2 - (RATE // 2 - 1)) <= 1


@pytest.mark.parametrize(
    "content", [b"", b"no sound at all", b"RIFF\x00\x00\x00\x00WAVE", b"OggS" + bytes(100)]
)
def test_what_is_no_wav_file_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(BadSound, match=r"a\.wav"):
        read_wav(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSound, match="nowhere"):
        read_wav(tmp_path / "nowhere.wav")
