"""Whether a voice stays up where it pauses."""

import numpy as np
import pytest

from services.transcriber.pitch import RATE, Pitch
from tests.services.transcriber.voices import human, spoken


def voice(*course: float, seconds: float = 1.2) -> np.ndarray:
    """A buzz, as of vocal folds, whose pitch goes through these frequencies in Hz."""
    count = round(seconds * RATE)
    hz = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(course)), course)
    phase = np.cumsum(hz) / RATE
    partials = [np.cos(2 * np.pi * k * phase) / k for k in range(1, 12)]
    return np.asarray(3000 * np.sum(partials, axis=0), np.float32)


def stays_up(sound: np.ndarray, piece: int = 512) -> bool:
    pitch = Pitch()
    for start in range(0, len(sound), piece):
        pitch.hear(sound[start : start + piece].astype(np.float32))
    return pitch.stays_up()


@pytest.mark.parametrize("middle", [80, 120, 200, 300])
def test_a_rise_to_the_middle_stays_up_and_a_fall_does_not(middle: float) -> None:
    assert stays_up(voice(middle, middle * 1.1, middle * 0.9, middle * 1.05))
    assert not stays_up(voice(middle, middle * 1.1, middle * 0.7))


def test_silence_and_room_behind_the_voice_change_nothing() -> None:
    room = np.random.default_rng(0).normal(0, 10, RATE // 2)
    assert stays_up(np.concatenate((voice(120, 110, 130), room)))
    assert not stays_up(np.concatenate((voice(120, 130, 90), room)))


@pytest.mark.parametrize("piece", [100, 512, 4096])
def test_pieces_may_have_any_length(piece: int) -> None:
    assert stays_up(voice(120, 130, 105, 130), piece)


def test_of_noise_and_of_too_little_voice_nothing_is_said() -> None:
    assert not stays_up(np.random.default_rng(0).normal(0, 3000, RATE))
    assert not stays_up(voice(110, 120, seconds=0.15))
    assert not Pitch().stays_up()


@pytest.mark.parametrize("name", ["cards_001", "cards_003", "goforward", "something"])
def test_people_s_commands_come_down(name: str) -> None:
    assert not stays_up(human(f"{name}.wav", RATE))


@pytest.mark.parametrize("text", ["what is the weather like in", "set an alarm for", "i need to buy some"])
def test_a_synthesizer_stays_up_at_a_comma_and_comes_down_at_a_full_stop(text: str) -> None:
    assert stays_up(spoken(f"{text},", RATE))
    assert not stays_up(spoken(f"{text}.", RATE))
