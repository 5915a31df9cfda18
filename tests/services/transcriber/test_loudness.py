"""Quiet and loud voices."""

import numpy as np
import pytest

from services.transcriber.loudness import GAINS, TARGET, Loudness

VOICE = np.sin(np.arange(5120, dtype=np.float32) / 5) * np.float32(np.sqrt(2))


def level(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(sound.astype(np.float64) ** 2)))


@pytest.mark.parametrize("rms", [500.0, 3000.0, 15000.0])
def test_every_voice_comes_out_alike(rms: float) -> None:
    assert level(Loudness().even(VOICE * np.float32(rms))) == pytest.approx(TARGET, rel=0.05)


def test_what_is_hardly_there_stays_quiet() -> None:
    assert level(Loudness().even(VOICE * np.float32(10))) == pytest.approx(10 * GAINS[1], rel=0.01)


def test_a_pause_is_not_made_as_loud_as_the_voice() -> None:
    loudness = Loudness()
    loudness.even(VOICE * np.float32(3000))
    assert level(loudness.even(VOICE * np.float32(30))) == pytest.approx(60, rel=0.05)


def test_a_shout_is_forgotten() -> None:
    loudness = Loudness()
    loudness.even(VOICE * np.float32(20000))
    for _ in range(250):
        late = loudness.even(VOICE * np.float32(1000))
    assert level(late) > 3000


def test_less_than_a_block_is_taken_at_the_present_gain() -> None:
    loudness = Loudness()
    loudness.even(VOICE * np.float32(3000))
    assert level(loudness.even(VOICE[:100] * np.float32(3000))) == pytest.approx(TARGET, rel=0.1)
