"""Places by the names people say."""

import pytest

from services.orchestrator.language.places import find_place, places
from services.orchestrator.language.words import tokenise


@pytest.mark.parametrize(
    ("said", "name", "zone"),
    [
        ("tokyo", "Tokyo", "Asia/Tokyo"),
        ("new york", "New York City", "America/New_York"),
        ("sao paulo", "São Paulo", "America/Sao_Paulo"),
        ("portland maine", "Portland, Maine", "America/New_York"),
        ("paris in texas", "Paris, Texas", "America/Chicago"),
        ("london ontario", "London, Ontario", "America/Toronto"),
        ("bombay", "Mumbai", "Asia/Kolkata"),
        ("the netherlands", "The Netherlands", "Europe/Amsterdam"),
        ("michigan", "Michigan", "America/Detroit"),
        ("georgia", "Georgia", "Asia/Tbilisi"),
        ("pacific standard time", "Pacific time", "America/Los_Angeles"),
        ("england", "England", "Europe/London"),
        ("Europe/Berlin", "Europe/Berlin", "Europe/Berlin"),
        ("washington d.c.", "Washington", "America/New_York"),
        ("washington state", "Washington state", "America/Los_Angeles"),
    ],
)
def test_a_place_is_found_by_what_people_call_it(said: str, name: str, zone: str) -> None:
    place = find_place(tokenise(said))
    assert place is not None
    assert (place.name, place.zone) == (name, zone)


def test_of_two_that_could_be_meant_the_larger_is_named_in_full_and_the_other_noted() -> None:
    place = places().find("springfield")
    assert place is not None
    assert place.name == "Springfield, Missouri"
    assert "Springfield, Massachusetts" in place.also


def test_a_country_with_several_zones_says_whose_time_it_is() -> None:
    russia, japan = places().find("russia"), places().find("japan")
    assert russia is not None
    assert japan is not None
    assert (russia.seat, japan.seat) == ("Moscow", "")


@pytest.mark.parametrize(
    "name", ["Tokyo", "portland", "springfield", "russia", "nyc", "birmingham", "hollywood", "gmt"]
)
def test_a_found_name_finds_the_same_place_again(name: str) -> None:
    place = places().find(name)
    assert place is not None
    again = places().find(place.name)
    assert again is not None
    assert again.zone == place.zone


@pytest.mark.parametrize("said", ["", "here", "the movie", "it", "a quick brown fox jumps over the fence"])
def test_what_is_no_place_is_none(said: str) -> None:
    assert find_place(tokenise(said)) is None
