"""Eight calls of the toy over the wire, in real time: no gap that the model's thread caused."""

import asyncio
from dataclasses import replace

import pytest

from services.speech.soak import Soaked, soak

SECONDS = 12
"""`make soak` takes ten minutes."""
GOOD = Soaked(
    slots=8,
    seconds=12.0,
    calls=9,
    sent=1_000,
    unanswered=0,
    said=1_000,
    late_by_model=0,
    late_by_machine=300,
    failed=0,
    still_taken=0,
    real_time=0.5,
    answer_p50=40.0,
    answer_p99=80.0,
    join_new=90.0,
    join_known=30.0,
)


@pytest.mark.timeout(400)
def test_eight_calls_hear_each_frame_once_and_none_late_by_the_model_s_thread() -> None:
    found = asyncio.run(soak(slots=8, seconds=SECONDS))
    assert list(found.faults()) == []
    assert found.sent >= 6 * SECONDS * 12.5
    assert found.calls >= 1 + 6 + 2  # The first, those who stay, and guests.


@pytest.mark.parametrize(
    ("found", "faults"),
    [
        (GOOD, []),  # A machine that others load is no fault.
        (
            replace(GOOD, late_by_model=2),
            ["2 frames waited for the model's thread for longer than they sound"],
        ),
        (replace(GOOD, unanswered=1), ["1 frames were not answered"]),
        (replace(GOOD, said=1_001), ["1000 frames were sent, and 1001 were said"]),
        (replace(GOOD, failed=1), ["1 calls ended by an error"]),
        (replace(GOOD, still_taken=1), ["1 slots are taken, and nobody calls"]),
    ],
)
def test_what_must_not_be_is_told(found: Soaked, faults: list[str]) -> None:
    assert list(found.faults()) == faults
