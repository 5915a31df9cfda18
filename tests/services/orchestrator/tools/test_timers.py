"""Timers and reminders as the user meets them: set once a wish, told, cancelled, refused in plain words."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import count

import pytest

from services.base.ids import new_id
from services.orchestrator.store import rows
from services.orchestrator.store.store import Store
from services.orchestrator.tooling import Answer, Caller, Refused
from services.orchestrator.tools import timers
from services.orchestrator.whose import Whose
from tests.services.orchestrator.store.samples import HOUSE

CALL = new_id()
NUMBERS = count()


NOW = datetime(2026, 7, 14, 18, 42, tzinfo=UTC)


class Clock(datetime):
    """The tools' clock, as a test sets it."""

    at = NOW

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Clock":
        return cls.fromtimestamp(cls.at.timestamp(), tz)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    """It is Tuesday, July 14, 2026, 8:42 in the evening in Berlin."""
    monkeypatch.setattr(Clock, "at", NOW)
    monkeypatch.setattr("services.orchestrator.tools.timers.datetime", Clock)
    monkeypatch.setattr("services.orchestrator.localtime.datetime", Clock)
    return Clock


def caller(key: str = "", user_id: str | None = None, owner: str | None = None) -> Caller:
    """Somebody in Berlin, whose every wish is another one unless it has a `key`."""
    return Caller(key or f"wish {next(NUMBERS)}", "talk", CALL, user_id, "Europe/Berlin", owner=owner)


def at(**ahead: float) -> str:
    return (NOW + timedelta(**ahead)).isoformat()


async def code(wish: Awaitable[Answer]) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        await wish
    return refused.value.code, refused.value.text


async def test_a_timer_runs_from_now_for_as_long_as_was_said(store: Store) -> None:
    answer = await timers.set_timer(caller("k", user_id="ann"), store, "PT1H30M")
    assert answer.text == "Your 1 hour 30 minute timer is running."
    [timer] = await store.timers.waiting(Whose(user_id="ann"))
    assert timer.due_at == NOW + timedelta(minutes=90)
    assert (timer.session_id, timer.conversation_id, timer.timezone) == (CALL, "talk", "Europe/Berlin")
    assert answer.data["due_at"] == timer.due_at.isoformat()


async def test_a_reminder_is_told_back_with_its_time_and_to_whom_it_matters(store: Store) -> None:
    told = await timers.set_reminder(caller(), store, "call my mother", at(minutes=20))
    assert told.text == "I'll remind you in 20 minutes: call your mother."
    [reminder] = await store.timers.waiting(HOUSE, "reminder")
    assert (reminder.label, reminder.duration_s) == ("call your mother", None)


async def test_the_same_wish_again_sets_one_timer_and_says_the_same(store: Store) -> None:
    first = await timers.set_timer(caller("k"), store, "PT10M")
    assert await timers.set_timer(caller("k"), store, "PT10M") == first
    assert len(await store.timers.waiting(HOUSE)) == 1


async def test_timers_are_told_with_what_is_left(store: Store, clock: type[Clock]) -> None:
    assert (await timers.list_timers(caller(), store)).text == "No timer is running."
    await timers.set_timer(caller(), store, "PT2H", "roast")
    assert (await timers.list_timers(caller(), store)).text == "Your roast timer has 2 hours left."
    await timers.set_timer(caller(), store, "PT1H")
    clock.at += timedelta(seconds=20)
    told = await timers.list_timers(caller(), store)
    assert told.text == (
        "You have 2 timers: your 1 hour timer has 59 minutes and 40 seconds left "
        "and your roast timer has 1 hour and 59 minutes left."
    )
    assert [timer["label"] for timer in told.data] == [None, "roast"]


async def test_reminders_are_told_with_their_times(store: Store) -> None:
    assert (await timers.list_reminders(caller(), store)).text == "You have no reminders."
    await timers.set_reminder(caller(), store, "feed the cat", at(minutes=50))
    await timers.set_timer(caller(), store, "PT1H")
    assert (await timers.list_reminders(caller(), store)).text == (
        "You have one reminder: in 50 minutes, feed the cat."
    )


@pytest.mark.parametrize(
    ("label", "duration", "told"),
    [
        (None, "PT1H", "Your 1 hour timer has 1 hour left."),
        ("roast", None, "Your roast timer has 2 hours left."),
    ],
)
async def test_of_one_timer_the_time_left_is_told(
    store: Store, label: str | None, duration: str | None, told: str
) -> None:
    await timers.set_timer(caller(), store, "PT2H", "roast")
    await timers.set_timer(caller(), store, "PT1H")
    assert (await timers.time_left(caller(), store, label, duration)).text == told


async def test_the_timer_that_is_meant_is_cancelled_and_no_other(store: Store) -> None:
    await timers.set_timer(caller(), store, "PT2H", "roast")
    await timers.set_timer(caller(), store, "PT1H")
    await timers.set_reminder(caller(), store, "call my mother", at(hours=1))
    which = await code(timers.cancel_timer(caller(), store))
    assert which == (
        "which_one",
        "You have 2 timers: the 1 hour timer and the roast timer. Say which one, or all.",
    )
    assert (await timers.cancel_timer(caller(), store, "roast")).text == "I've cancelled the roast timer."
    assert (await timers.cancel_timer(caller(), store)).text == "I've cancelled the 1 hour timer."
    told = await timers.cancel_reminder(caller(), store, "my mother")
    assert told.text == "I've cancelled the reminder, call your mother."
    assert await store.timers.waiting(HOUSE) == []


async def test_cancelling_again_for_the_same_wish_cancels_no_second_one(store: Store) -> None:
    await timers.set_timer(caller(), store, "PT1H")
    first = await timers.cancel_timer(caller("k"), store)
    await timers.set_timer(caller(), store, "PT2H")
    assert await timers.cancel_timer(caller("k"), store) == first
    assert await timers.cancel_all_timers(caller("k"), store) == first
    assert len(await store.timers.waiting(HOUSE)) == 1


async def test_all_timers_are_cancelled_and_the_reminders_stay(store: Store) -> None:
    for duration in ("PT1H", "PT2H"):
        await timers.set_timer(caller(), store, duration)
    await timers.set_reminder(caller(), store, "x", at(hours=1))
    assert (await timers.cancel_all_timers(caller(), store)).text == "I've cancelled 2 timers."
    assert [each.kind for each in await store.timers.waiting(HOUSE)] == ["reminder"]
    assert (await timers.cancel_all_reminders(caller(), store)).text == "I've cancelled the reminder, x."


async def test_timers_of_others_are_not_touched(store: Store) -> None:
    await timers.set_timer(caller(user_id="ann"), store, "PT1H")
    for wish in (timers.cancel_timer, timers.cancel_all_timers, timers.time_left):
        assert await code(wish(caller(user_id="ben"), store)) == ("no_timer", "No timer is running.")


REFUSED: dict[str, tuple[Callable[[Store], Awaitable[Answer]], str]] = {
    "a duration that is none": (lambda s: timers.set_timer(caller(), s, "soon"), "bad_duration"),
    "one without end": (lambda s: timers.set_timer(caller(), s, "P9999D"), "too_far"),
    "a moment that is none": (lambda s: timers.set_reminder(caller(), s, "x", "soon"), "bad_moment"),
    "the past": (lambda s: timers.set_reminder(caller(), s, "x", at(minutes=-5)), "past_moment"),
    "a text without end": (lambda s: timers.set_reminder(caller(), s, "x" * 501, at(hours=1)), "too_long"),
    "a timer nobody set": (lambda s: timers.cancel_timer(caller(), s, "pasta"), "no_such_timer"),
    "a reminder nobody set": (lambda s: timers.cancel_reminder(caller(), s, "my mother"), "no_such_timer"),
}


@pytest.mark.parametrize("user_id", [None, "ann"])
async def test_nobody_hears_or_cancels_what_was_asked_for_under_another_key(
    store: Store, user_id: str | None
) -> None:
    bakery = caller("", user_id, "bakery")
    await timers.set_timer(bakery, store, "PT10M")
    await timers.set_reminder(caller("another", user_id, "bakery"), store, "buy flour", at(hours=1))
    for other in (caller("", user_id, "garage"), caller("", user_id)):
        assert (await timers.list_timers(other, store)).data == []
        assert (await timers.list_reminders(other, store)).data == []
        for wish in (timers.time_left, timers.cancel_timer, timers.cancel_all_timers):
            assert await code(wish(other, store)) == ("no_timer", "No timer is running.")
        for wish in (timers.cancel_reminder, timers.cancel_all_reminders):
            assert await code(wish(other, store)) == ("no_timer", "You have no reminders.")
    assert len((await timers.list_timers(bakery, store)).data) == 1
    assert len((await timers.list_reminders(bakery, store)).data) == 1


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_done_is_refused_in_words(store: Store, name: str) -> None:
    wish, expected = REFUSED[name]
    found, text = await code(wish(store))
    assert found == expected
    assert text.endswith(".")


async def test_a_moment_that_passed_on_the_way_is_due_at_once(store: Store) -> None:
    told = await timers.set_reminder(caller(), store, "x", at(seconds=-1))
    assert await store.timers.is_any_due(NOW)
    assert told.text.startswith("I'll remind you ")


async def test_of_too_many_the_last_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MOST_WAITING", 1)
    await timers.set_timer(caller(), store, "PT1H")
    assert (await code(timers.set_timer(caller(), store, "PT1H")))[0] == "too_many_timers"
