"""Timers as rows: one a wish, taken up once, ended once."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.base.ids import new_id
from services.orchestrator.announcing import LiveCall
from services.orchestrator.store import rows, timers
from services.orchestrator.store.rows import MOST_WAITING, Timer, TooManyTimers
from services.orchestrator.store.store import Store
from services.orchestrator.store.tables import voice_timers
from services.orchestrator.store.timers import MOST_AT_ONCE
from services.orchestrator.whose import Whose
from tests.services.orchestrator.store.samples import CALL, HOUSE, NOON, timer


async def states(store: Store) -> list[str]:
    query = select(voice_timers.c.state).order_by(voice_timers.c.due_at)
    return [row["state"] for row in await store.read(query)]


def call(user_id: str | None = None, owner: str | None = None, **changed: Any) -> LiveCall:
    """A call under that key, or the house's."""
    fields: dict[str, Any] = {"session_id": new_id(), "conversation_id": "another"}
    return LiveCall(owner=owner, of_house=owner is None, user_id=user_id, started_at=NOON, **fields | changed)


HERE = call(session_id=CALL, conversation_id="talk")
"""The call in which timers are asked for."""


async def due(store: Store, at: datetime, *calls: LiveCall) -> list[Timer]:
    return await store.timers.due(at, calls or [HERE], ())


async def only_saying(store: Store) -> Timer:
    [saying] = await store.timers.saying()
    return saying


async def test_what_was_set_is_waiting_the_next_one_first(store: Store) -> None:
    later, sooner = timer(20, label="pasta"), timer(10, kind="reminder", label="call your mother")
    assert await store.timers.add(later) == later
    await store.timers.add(sooner)
    assert await store.timers.waiting(HOUSE) == [sooner, later]
    assert await store.timers.waiting(HOUSE, "timer") == [later]
    assert store.timers_changed.is_set()


async def test_the_same_wish_again_finds_the_first_timer(store: Store) -> None:
    first = timer(10, idempotency_key="wish")
    assert await store.timers.add(first) == first
    assert await store.timers.add(timer(20, idempotency_key="wish")) == first
    assert await store.timers.waiting(HOUSE) == [first]


async def test_a_timer_that_takes_the_place_of_another_ends_that_one_and_of_nobody_else(store: Store) -> None:
    five, anns = timer(5, idempotency_key="first"), timer(5, idempotency_key="ann's", user_id="ann")
    for each in (five, anns):
        await store.timers.add(each)
    ten = timer(10, idempotency_key="second")
    for _ in range(2):
        assert await store.timers.add(ten, instead_of="first") == ten
    twenty = timer(20, idempotency_key="third")
    await store.timers.add(twenty, instead_of="ann's")
    assert await store.timers.waiting(HOUSE) == [ten, twenty]
    assert [each.timer_id for each in await store.timers.cancelled_by("second")] == [five.timer_id]
    assert await store.timers.waiting(Whose(user_id="ann")) == [anns]


async def test_a_user_has_only_their_own(store: Store) -> None:
    anns, nobodys = timer(user_id="ann"), timer()
    await store.timers.add(anns)
    await store.timers.add(nobodys)
    assert await store.timers.waiting(Whose(user_id="ann")) == [anns]
    assert await store.timers.waiting(Whose(user_id="ben")) == []
    assert await store.timers.waiting(HOUSE) == [nobodys]


@pytest.mark.parametrize("user_id", [None, "ann"])
async def test_under_another_key_the_same_user_is_somebody_else(
    store: Store, monkeypatch: pytest.MonkeyPatch, user_id: str | None
) -> None:
    set_ = {owner: timer(owner=owner, user_id=user_id) for owner in ("bakery", "garage", None)}
    for each in set_.values():
        await store.timers.add(each)
    for owner, each in set_.items():
        assert await store.timers.waiting(Whose(owner, user_id)) == [each]
    assert await store.timers.waiting(Whose("barber", user_id)) == []
    # A place is theirs, too.
    monkeypatch.setattr(rows, "MOST_WAITING", 1)
    await store.timers.add(timer(owner="barber", user_id=user_id))
    with pytest.raises(TooManyTimers):
        await store.timers.add(timer(owner="bakery", user_id=user_id))


async def test_there_is_a_limit_and_what_was_ended_does_not_count(store: Store) -> None:
    for _ in range(MOST_WAITING):
        last = await store.timers.add(timer())
    with pytest.raises(TooManyTimers):
        await store.timers.add(timer())
    await store.timers.add(timer(user_id="ann"))
    await store.timers.cancel([last], "wish")
    await store.timers.add(timer())


async def test_what_is_cancelled_is_told_again_to_the_same_wish_and_never_due(store: Store) -> None:
    pasta = await store.timers.add(timer(label="pasta"))
    await store.timers.cancel([pasta], "wish")
    await store.timers.cancel([pasta], "another")
    assert [each.label for each in await store.timers.cancelled_by("wish")] == ["pasta"]
    assert await store.timers.cancelled_by("another") == []
    assert await due(store, NOON + timedelta(days=1)) == []


async def test_it_is_due_at_its_time_and_not_before(store: Store) -> None:
    set_ = await store.timers.add(timer(10))
    await store.timers.add(timer(30))
    assert await store.timers.next_due(NOON) == set_.due_at
    before = set_.due_at - timedelta(milliseconds=1)
    assert await due(store, before) == []
    assert not await store.timers.is_any_due(before)
    assert await due(store, set_.due_at) == [set_]
    assert await store.timers.is_any_due(set_.due_at)
    assert await store.timers.due(set_.due_at, [HERE], {set_.timer_id}) == []
    assert await store.timers.next_due(NOON + timedelta(hours=1)) is None


async def test_what_is_due_under_one_key_does_not_stand_before_what_is_under_another(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "MOST_AT_ONCE", 2)
    waits = [timer(minutes, owner="garage", user_id=f"user {minutes}") for minutes in (1, 2, 3)]
    bakerys, houses = timer(4, owner="bakery"), timer(5)
    for each in (*waits, bakerys, houses):
        await store.timers.add(each)
    calls = [HERE, call(owner="bakery"), *(call(each.user_id, "garage") for each in waits)]
    assert await due(store, NOON + timedelta(hours=1), *calls) == [*waits[:2], bakerys, houses]


async def test_of_two_announcers_one_takes_it_up(store: Store) -> None:
    set_ = await store.timers.add(timer())
    taken = await store.timers.take_up(set_, CALL)
    assert taken is not None
    assert (taken.state, taken.said_in, taken.attempt) == ("saying", CALL, 1)
    assert await store.timers.take_up(set_, new_id()) is None
    assert await only_saying(store) == taken


async def test_it_is_said_once_with_the_text_that_said_it(store: Store) -> None:
    taken = await store.timers.take_up(await store.timers.add(timer()), CALL)
    assert taken
    injection_id = new_id()
    await store.timers.placed(taken, injection_id)
    assert (await only_saying(store)).injection_id == injection_id
    await store.timers.said(taken)
    await store.timers.put_back(taken)
    assert await states(store) == ["said"]
    [row] = await store.read(select(voice_timers))
    assert row["ended_at"]


async def test_what_was_put_back_is_taken_up_anew(store: Store) -> None:
    set_ = await store.timers.add(timer())
    first = await store.timers.take_up(set_, CALL)
    assert first
    await store.timers.put_back(first)
    second = await store.timers.take_up(set_, CALL)
    assert second
    assert (second.attempt, second.injection_id) == (2, None)
    # What comes late of the first attempt changes nothing.
    await store.timers.put_back(first)
    await store.timers.placed(first, new_id())
    assert await only_saying(store) == second


async def test_what_can_be_told_nowhere_stands_in_nobodys_way(store: Store) -> None:
    for minutes in range(MOST_AT_ONCE):
        await store.timers.add(timer(minutes, user_id="away", session_id=new_id(), conversation_id="away"))
    asked, talked, anns, nobodys = (
        timer(user_id="ben"),
        timer(user_id="ben", session_id=None, conversation_id="talk"),
        timer(user_id="ann", session_id=None, conversation_id=None),
        timer(session_id=None, conversation_id=None),
    )
    for each in (asked, talked, anns, nobodys):
        await store.timers.add(each)
    later = NOON + timedelta(days=1)
    ids = {each.timer_id for each in await due(store, later)}
    assert ids == {asked.timer_id, talked.timer_id, nobodys.timer_id}
    assert await due(store, later, call("ann")) == [anns]
    assert await due(store, later, call("ann", "garage", session_id=CALL, conversation_id="talk")) == []
    assert await store.timers.due(later, [], ()) == []


async def test_what_is_given_up_or_said_is_told_once(store: Store) -> None:
    waiting, taken, next_day = timer(10), timer(20), timer(30)
    for each in (waiting, taken, next_day):
        await store.timers.add(each)
    await store.timers.take_up(taken, CALL)
    ended = await store.timers.give_up(next_day.due_at)
    assert {each.timer_id for each in ended} == {waiting.timer_id, taken.timer_id}
    assert await states(store) == ["missed", "missed", "waiting"]
    assert await store.timers.give_up(next_day.due_at) == []
    heard = await store.timers.take_up(next_day, CALL)
    assert heard
    assert await store.timers.said(heard)
    assert not await store.timers.said(heard)
    assert not await store.timers.said(taken)
    assert await states(store) == ["missed", "missed", "said"]
