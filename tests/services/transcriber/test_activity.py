"""Where speech begins and ends, by sequences of probabilities."""

import pytest

from services.transcriber.activity import Activity, Began, Ended

Change = Began | Ended


def changes(probabilities: str, activity: Activity | None = None) -> list[tuple[int, Change]]:
    """What is told, with the frame at which it is told; each figure is a tenth."""
    activity = activity or Activity()
    told = [(frame, activity.hear(int(figure) / 10)) for frame, figure in enumerate(probabilities)]
    return [(frame, change) for frame, change in told if change]


def test_two_voiced_frames_are_a_beginning() -> None:
    assert changes("0009") == []
    assert changes("00099") == [(4, Began(3))]


def test_a_rising_voice_is_told_at_its_first_loud_frame() -> None:
    assert changes("000390") == [(4, Began(3))]


@pytest.mark.parametrize("spikes", ["0009000", "0900900", "0008107000", "004444000"])
def test_spikes_and_murmurs_are_ignored(spikes: str) -> None:
    assert changes(spikes) == []


def test_four_quiet_frames_are_an_end_which_lies_before_them() -> None:
    # Frames 2 to 9 are voiced; the model is two frames late.
    assert changes("00999999990000") == [(3, Began(2)), (13, Ended(8))]


def test_the_closure_of_a_consonant_is_no_end() -> None:
    assert changes("00999900099990009999") == [(3, Began(2))]


def test_half_sure_frames_keep_speech_going() -> None:
    assert changes("0099990400400400400400") == [(3, Began(2))]


def test_an_end_never_lies_before_its_beginning() -> None:
    assert changes("03900000") == [(2, Began(1)), (6, Ended(2))]


def test_speech_can_begin_again() -> None:
    told = [change for _, change in changes("0999900000999900000")]
    assert told == [Began(1), Ended(3), Began(10), Ended(12)]


def test_speech_that_is_going_on_already_only_ends() -> None:
    assert changes("99990000", Activity(speaking=True)) == [(7, Ended(2))]
