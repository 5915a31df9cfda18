"""The noise under all sound."""

import numpy as np
import pytest

from services.transcriber.room import LENGTH, LEVEL, Room


def silence(samples: int) -> np.ndarray:
    return np.zeros(samples, np.float32)


def test_silence_becomes_a_room_of_its_level() -> None:
    noise = Room().under(silence(LENGTH))
    assert np.sqrt(np.mean(noise.astype(np.float64) ** 2)) == pytest.approx(LEVEL, rel=1e-3)


def test_pieces_and_the_whole_sound_alike_also_where_the_noise_repeats() -> None:
    whole, room = Room().under(silence(2 * LENGTH + 500)), Room()
    pieces = [room.under(silence(size)) for size in (512, LENGTH, 5632, LENGTH - 5644)]
    assert np.array_equal(np.concatenate(pieces), whole)
    # The last sample goes over into the first as any other into the next.
    steps = np.abs(np.diff(whole))
    assert steps[LENGTH - 1] < 6 * steps.mean()


def test_the_low_range_is_louder_than_the_high() -> None:
    power = np.abs(np.fft.rfft(Room().under(silence(16_000)))) ** 2
    assert power[100:200].mean() > 5 * power[1000:2000].mean() > 0


def test_the_voice_stays_as_it_is() -> None:
    voice = np.full(1000, 3000.0, np.float32)
    assert np.allclose(Room().under(voice) - Room().under(silence(1000)), voice)
