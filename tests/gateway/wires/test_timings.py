"""Which spans of a turn are told, with which of the responses to it."""

from uuid import UUID

from gateway.wires.realtime.timings import TIMED_TURNS, Timings

TURN = UUID(int=1)


def test_all_that_was_measured_is_told_with_the_first_answer() -> None:
    timings = Timings()
    assert timings.note(TURN, "endpoint", 480.0) is None
    assert timings.sounded(TURN) is None, "its last span is still to come"
    assert timings.note(TURN, "first_audio", 90.0) == {"endpoint": 480.0, "first_audio": 90.0}


def test_a_later_response_brings_what_was_measured_since() -> None:
    timings = Timings()
    timings.note(TURN, "first_audio", 90.0)
    assert timings.sounded(TURN) is None
    timings.note(TURN, "tool", 39.0)
    assert timings.sounded(TURN) == {"tool": 39.0}
    assert timings.sounded(TURN) is None


def test_old_turns_are_forgotten() -> None:
    timings = Timings()
    timings.note(TURN, "first_audio", 90.0)
    timings.note(TURN, "tool", 39.0)
    for nth in range(TIMED_TURNS):
        timings.note(UUID(int=2 + nth), "first_audio", 90.0)
    assert timings.sounded(TURN) is None
