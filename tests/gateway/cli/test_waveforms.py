"""What two tracks tell of a call."""

import numpy as np
import pytest

from gateway.cli.waveforms import Pcm, answer_times, stretches
from gateway.session.clock import RATE


def track(*parts: tuple[float, float], lasts: float = 10.0) -> Pcm:
    """Silence with sound from begin to end, each in seconds."""
    pcm = np.zeros(round(lasts * RATE), np.int16)
    for begin, end in parts:
        pcm[round(begin * RATE) : round(end * RATE)] = 0x2000
    return pcm


def test_silence_has_no_stretches() -> None:
    assert stretches(track()) == []


def test_a_breath_does_not_end_a_stretch_and_a_pause_does() -> None:
    assert stretches(track((1, 2), (2.5, 3), (4, 5))) == [(1, 3), (4, 5)]


def test_an_answer_is_timed_from_the_end_of_the_words() -> None:
    user, agent = track((1, 2), (5, 6)), track((2.5, 3.5), (6.8, 8))
    assert answer_times(user, agent) == pytest.approx([0.5, 0.8])


def test_words_without_an_answer_before_the_next_have_no_time() -> None:
    assert answer_times(track((1, 2), (4, 5)), track((5.4, 6))) == pytest.approx([0.4])


def test_words_over_the_agent_s_sound_are_no_question() -> None:
    assert answer_times(track((1, 2), (4, 4.4)), track((3, 6))) == pytest.approx([1.0])
