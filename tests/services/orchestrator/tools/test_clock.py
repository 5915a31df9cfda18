"""The clock, at a moment that the test chooses."""

from datetime import UTC, datetime, tzinfo

import pytest

from services.orchestrator.tooling import Refused
from services.orchestrator.tools import clock


@pytest.fixture(autouse=True)
def _moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is Tuesday, July 14, 2026, 19:42 in London."""

    class Frozen(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Frozen":
            return cls(2026, 7, 14, 18, 42, tzinfo=UTC).astimezone(tz)

    monkeypatch.setattr("services.orchestrator.tools.clock.datetime", Frozen)
    monkeypatch.setattr("services.orchestrator.localtime.datetime", Frozen)


LONDON = "Europe/London"


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (None, "It's 7:42 in the evening."),
        ("Tokyo", "It's 3:42 at night tomorrow in Tokyo."),
        ("New York City", "It's 2:42 in the afternoon in New York City."),
        ("Russia", "It's 9:42 in the evening in Moscow, Russia."),
        ("India", "It's 12:12 at night tomorrow in India."),
        ("Europe/Berlin", "It's 8:42 in the evening in Berlin."),
    ],
)
async def test_the_time_is_told_for_the_ear(place: str | None, sentence: str) -> None:
    assert (await clock.tell_time(place, timezone=LONDON)).text == sentence


async def test_the_time_is_told_exactly_beside() -> None:
    answer = await clock.tell_time("Tokyo", timezone=LONDON)
    assert answer.data == {
        "at": "2026-07-15T03:42:00+09:00",
        "timezone": "Asia/Tokyo",
        "place": "Tokyo",
        "also": [],
    }


async def test_the_time_in_a_while_is_told() -> None:
    answer = await clock.tell_time(after="PT2H18M", timezone=LONDON)
    assert answer.text == "It will be 10 o'clock at night."


async def test_the_date_is_that_of_the_place() -> None:
    assert (await clock.tell_date(timezone=LONDON)).text == "It's Tuesday, July 14, 2026."
    assert (await clock.tell_date("Tokyo")).text == "It's Wednesday, July 15, 2026 in Tokyo."


async def test_days_are_named_and_counted() -> None:
    assert (await clock.date_of("2026-12-25", LONDON)).text == "That is Friday, December 25."
    assert (await clock.date_of("1976-07-04", LONDON)).text == "That was Sunday, July 4, 1976."
    assert (await clock.days_until("2026-07-15", LONDON)).text == "Wednesday, July 15 is in 1 day."
    assert (await clock.days_since("2026-07-04", LONDON)).text == "Saturday, July 4 was 10 days ago."
    assert (await clock.days_until("2026-07-14", LONDON)).text == "That's today."


@pytest.mark.parametrize(
    ("place", "other", "sentence"),
    [
        ("Berlin", "New York City", "Berlin is 6 hours ahead of New York City."),
        ("New York City", "London", "New York City is 5 hours behind London."),
        ("Delhi", "London", "Delhi is 4 and a half hours ahead of London."),
        ("Kathmandu", None, "Kathmandu is 4 hours and 45 minutes ahead of here."),
        ("Paris", "Berlin", "Paris and Berlin have the same time."),
        ("London", None, "London has the same time as here."),
    ],
)
async def test_places_are_compared(place: str, other: str | None, sentence: str) -> None:
    assert (await clock.time_difference(place, other, LONDON)).text == sentence


async def test_a_time_there_is_told_as_a_time_here() -> None:
    answer = await clock.convert_time("15:00", "Tokyo", "New York City", LONDON)
    assert answer.text == (
        "When it's 3 o'clock in the afternoon in New York City, it's 4 o'clock at night the next day in Tokyo."
    )
    answer = await clock.convert_time("12:00", None, "Los Angeles", LONDON)
    assert answer.text == "When it's noon in Los Angeles, it's 8 o'clock in the evening here."


async def test_a_zone_is_told_by_its_offset() -> None:
    assert (await clock.tell_zone("Tokyo")).text == "Tokyo is 9 hours ahead of Universal Time, on J S T."
    assert (await clock.tell_zone("Hanoi")).text == "Hanoi is 7 hours ahead of Universal Time."


async def test_the_next_change_of_clocks_is_found() -> None:
    london = await clock.clock_change("London", LONDON)
    assert london.text == "The clocks go back by 1 hour on Sunday, October 25 in London."
    assert london.data["at"] == "2026-10-25T01:00:00+00:00"
    tokyo = await clock.clock_change("Tokyo", LONDON)
    assert tokyo.text == "The clocks don't change in Tokyo within the coming year."


async def test_arguments_that_no_planner_makes_are_refused() -> None:
    with pytest.raises(Refused):
        await clock.tell_time("Nowhereville")
    with pytest.raises(Refused):
        await clock.tell_time(after="soon")
    with pytest.raises(Refused):
        await clock.date_of("someday")
    with pytest.raises(Refused):
        await clock.convert_time("late")
