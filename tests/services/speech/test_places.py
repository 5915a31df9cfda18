"""Who gets a slot."""

import pytest

from services.base.problems import Busy
from services.speech.places import Places


async def test_the_lowest_free_slot_is_taken() -> None:
    places = Places(3, longest_line=2)
    assert [places.take(), places.take()] == [0, 1]
    places.give_back(0, 10.0)
    assert places.take() == 0
    assert (places.used, places.total) == (2, 3)


async def test_a_slot_goes_to_who_waits_longest() -> None:
    places = Places(1, longest_line=3)
    places.take()
    first, second, third = places.line_up(), places.line_up(), places.line_up()
    assert [places.place(each) for each in (first, second, third)] == [1, 2, 3]
    second.cancel()
    assert places.place(third) == 2
    places.give_back(0, 10.0)
    assert first.result() == 0
    assert places.place(third) == 1
    assert (places.used, places.waiting) == (1, 1)


async def test_a_line_with_a_free_slot_is_none() -> None:
    assert Places(1, longest_line=0).line_up().result() == 0


async def test_a_full_line_is_told() -> None:
    places = Places(1, longest_line=1)
    places.take()
    left = places.line_up()
    with pytest.raises(Busy, match="all 1 slots are taken, and 1 callers wait"):
        places.line_up()
    left.cancel()
    places.line_up()


async def test_how_long_it_takes_goes_by_the_calls_that_ended() -> None:
    places = Places(2, longest_line=5)
    places.take(), places.take()
    assert places.wait_s(1) is None
    with pytest.raises(Busy) as nothing_known:
        places.take()
    assert nothing_known.value.extra["retry_after"] == 5
    for length in (20.0, 40.0):
        places.give_back(0, length)
        places.take()
    assert places.wait_s(1) == 15.0
    assert places.wait_s(3) == 45.0
    with pytest.raises(Busy) as known:
        places.take()
    assert known.value.extra["retry_after"] == 15


async def test_nobody_is_sent_away_for_hours() -> None:
    places = Places(1, longest_line=0)
    places.take()
    places.give_back(0, 36_000.0)
    places.take()
    with pytest.raises(Busy) as busy:
        places.take()
    assert busy.value.extra["retry_after"] == 60
