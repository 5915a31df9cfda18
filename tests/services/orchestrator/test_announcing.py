"""When a timer speaks up, where, in which words, and what became of it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.base.ids import new_id
from services.orchestrator.announcing import (
    FIRST_REST,
    FOLLOW_S,
    LONGEST_REST,
    LONGEST_S,
    LOOK_S,
    CallRecord,
    Fate,
    Injection,
    LiveCall,
    fate_of,
    key_of,
    pause,
    place_for,
    rest_after,
    words_of,
)
from tests.services.orchestrator.store.samples import CALL, NOON, timer


def call(minutes: float = 0, **changed: Any) -> LiveCall:
    """A call that began so long after noon."""
    fields: dict[str, Any] = {
        "session_id": new_id(),
        "conversation_id": str(new_id()),
        "owner": "olga",
        "of_house": True,
        "user_id": None,
        "started_at": NOON + timedelta(minutes=minutes),
    }
    return LiveCall(**fields | changed)


def test_it_is_said_where_it_was_asked_for_else_in_its_conversation_else_to_its_user() -> None:
    same, talk, house, anns = (
        call(session_id=CALL),
        call(conversation_id="talk"),
        call(),
        call(user_id="ann"),
    )
    assert place_for(timer(), [anns, house, talk, same]) == same
    assert place_for(timer(), [anns, house, talk]) == talk
    assert place_for(timer(), [anns, house]) == house
    assert place_for(timer(), [anns]) is None
    assert place_for(timer(user_id="ann"), [house, anns]) == anns
    assert place_for(timer(user_id="ben", conversation_id=None), [house, anns]) is None


@pytest.mark.parametrize("named", [{}, {"user_id": "ann"}])
def test_it_is_never_said_under_another_key_whatever_is_named_alike(named: dict[str, Any]) -> None:
    alike: dict[str, Any] = {"session_id": CALL, "conversation_id": "talk", **named}
    bakery, garage = (call(owner=owner, of_house=False, **alike) for owner in ("bakery", "garage"))
    unknown, olga, local = (
        call(owner=None, of_house=False, **alike),
        call(**alike),
        call(owner="local", **alike),
    )
    everybody = [bakery, garage, unknown, olga, local]
    assert place_for(timer(owner="garage", **named), everybody) == garage
    assert place_for(timer(owner="barber", **named), everybody) is None
    assert place_for(timer(**named), everybody) == olga
    assert place_for(timer(**named), [bakery, garage, unknown]) is None
    # What local asked for, an operator may hear, and the other way round: both are the house.
    assert place_for(timer(**named), [bakery, local]) == local


PASTA: dict[str, Any] = {"label": "pasta", "duration_s": 600.0}
MOTHER: dict[str, Any] = {"kind": "reminder", "label": "call your mother", "duration_s": None}


@pytest.mark.parametrize(
    ("asked", "began", "words"),
    [
        ({}, 0, "Your 10 minute timer is up."),
        (PASTA, 0, "Your pasta timer is up."),
        (MOTHER, 0, "You asked me to remind you: call your mother."),
        (PASTA, 20, "While you were away, your pasta timer went off at 1:10 in the afternoon."),
        (
            MOTHER,
            20,
            "While you were away, I wanted to remind you at 1:10 in the afternoon: call your mother.",
        ),
    ],
)
def test_who_came_later_is_told_when_it_was(asked: dict[str, Any], began: float, words: str) -> None:
    assert words_of(timer(**asked), call(began), NOON + timedelta(minutes=30)) == words


def test_of_yesterday_the_day_is_told() -> None:
    words = words_of(timer(), call(24 * 60), NOON + timedelta(days=1))
    assert words == "While you were away, your 10 minute timer went off yesterday at 1:10 in the afternoon."


def record(active: bool, *injections: Injection) -> CallRecord:
    return CallRecord(call(), active, injections)


TAKEN = timer(state="saying", attempt=2, said_in=CALL)


@pytest.mark.parametrize(
    ("state", "heard_ms", "active", "fate"),
    [
        ("heard", 900, True, Fate.SAID),
        ("spoken", 900, False, Fate.SAID),
        ("cut", 200, True, Fate.SAID),
        ("cut", 0, True, Fate.UNSAID),
        ("cut", None, False, Fate.UNSAID),
        ("dropped", 0, True, Fate.UNSAID),
        ("waiting", 0, True, Fate.OPEN),
        ("speaking", 0, True, Fate.OPEN),
        # Its gateway died.
        ("speaking", 0, False, Fate.UNSAID),
    ],
)
def test_it_was_said_when_something_of_it_was_heard(
    state: str, heard_ms: float | None, active: bool, fate: Fate
) -> None:
    others = Injection(new_id(), None, "heard", 5000), Injection(new_id(), "another", "heard", 5000)
    ours = Injection(new_id(), key_of(TAKEN), state, heard_ms)
    assert fate_of(TAKEN, record(active, *others, ours)) is fate


def test_what_a_call_knows_nothing_of_may_be_on_its_way_until_the_call_is_over() -> None:
    assert fate_of(TAKEN, record(True)) is Fate.UNKNOWN
    assert fate_of(TAKEN, record(False)) is Fate.UNSAID
    assert fate_of(TAKEN, None) is Fate.UNSAID


def test_each_time_it_is_taken_up_it_has_a_key_of_its_own() -> None:
    first = timer(attempt=1)
    assert key_of(first) == key_of(first)
    assert len({key_of(first), key_of(timer(attempt=1)), key_of(TAKEN)}) == 3


def test_what_cannot_be_said_rests_twice_as_long_each_time_but_not_for_ever() -> None:
    rests = [rest_after(attempt) for attempt in (1, 2, 3)]
    assert rests == [2 * FIRST_REST, 4 * FIRST_REST, 8 * FIRST_REST]
    assert rest_after(10_000) == LONGEST_REST


@pytest.mark.parametrize(
    ("being_said", "waiting", "next_due", "seconds"),
    [
        (False, False, None, LONGEST_S),
        (False, False, NOON + timedelta(days=1), LONGEST_S),
        (False, False, NOON + timedelta(seconds=4), 4),
        (False, False, NOON - timedelta(seconds=4), 0),
        (False, True, None, LOOK_S),
        (True, True, None, FOLLOW_S),
        (False, True, NOON + timedelta(seconds=0.1), 0.1),
    ],
)
def test_nobody_sleeps_past_the_next_one_nor_long(
    being_said: bool, waiting: bool, next_due: datetime | None, seconds: float
) -> None:
    assert pause(being_said, waiting, next_due, NOON) == seconds
