"""Whether the device keeps up, by times that are given."""

import logging

import pytest
from prometheus_client import REGISTRY

from services.speech.pace import MOST_BEHIND_S, RECENT_TICKS, Pace
from services.speech.shapes import FRAME_S

TOO_LONG, SHORT = 1.2 * FRAME_S, 0.5 * FRAME_S


def late() -> dict[str, float]:
    return {
        cause: REGISTRY.get_sample_value("antiphon_speech_late_frames_total", {"cause": cause}) or 0
        for cause in ("model", "machine")
    }


def slow() -> Pace:
    pace = Pace(most_real_time=0.9)
    for _ in range(RECENT_TICKS):
        pace.ticked(TOO_LONG)
    return pace


@pytest.mark.parametrize(
    ("waits", "worked", "model", "machine"),
    [
        ([0.0, FRAME_S, -5.0], 2 * FRAME_S, 0, 0),  # In time, just in time, and sent ahead.
        ([0.1, 0.2, 0.01], 0.15, 2, 0),  # The thread did other things meanwhile.
        ([0.1, 0.2, 0.01], 0.03, 0, 2),  # It would have liked to go on.
    ],
)
def test_a_late_frame_is_counted_with_its_cause(
    waits: list[float], worked: float, model: int, machine: int
) -> None:
    before = late()
    Pace(most_real_time=0.9).gathered(waits, worked)
    assert late() == {"model": before["model"] + model, "machine": before["machine"] + machine}


def test_a_device_that_gets_too_slow_is_told_until_it_keeps_up_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pace = slow()
    found = [pace.slow]
    for _ in range(RECENT_TICKS):
        pace.ticked(SHORT)
    found.append(pace.slow)
    assert found == [True, False]
    assert pace.real_time == pytest.approx(SHORT / FRAME_S)
    told = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert told == ["the device got too slow", "the device keeps up again"]


def test_a_few_long_ticks_make_no_slow_device() -> None:
    pace = Pace(most_real_time=0.9)
    for number in range(2 * RECENT_TICKS):
        pace.ticked(1.0 if number % 5 == 0 else SHORT)
    assert not pace.slow


def test_of_a_slow_device_s_calls_one_at_a_time_has_to_end() -> None:
    pace = slow()
    assert not pace.sheds(now=100.0, longest=0.9 * MOST_BEHIND_S)
    assert pace.sheds(now=101.0, longest=1.1 * MOST_BEHIND_S)
    assert not pace.sheds(now=101.1, longest=1.2 * MOST_BEHIND_S)
    assert pace.sheds(now=101.1 + MOST_BEHIND_S, longest=1.2 * MOST_BEHIND_S)


def test_a_device_that_is_fast_enough_gives_up_nobody() -> None:
    assert not Pace(most_real_time=0.9).sheds(now=100.0, longest=10 * MOST_BEHIND_S)
