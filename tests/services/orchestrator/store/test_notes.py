"""Notes as rows: one a wish, found by what they are about, gone when deleted."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.orchestrator.store import rows
from services.orchestrator.store.rows import MOST_KEPT, TooManyNotes
from services.orchestrator.store.store import Store
from services.orchestrator.store.tables import voice_notes
from services.orchestrator.whose import Whose
from tests.services.orchestrator.store.samples import HOUSE, NOON, note

KEY = "the key is under the mat"
MILK = "buy milk"


async def texts(store: Store, whose: Whose = HOUSE) -> list[str]:
    return [each.text for each in await store.notes.newest(whose, 10)]


async def test_the_newest_comes_first(store: Store) -> None:
    await store.notes.add(note(KEY))
    await store.notes.add(note(MILK, made_at=NOON + timedelta(minutes=1)))
    assert await texts(store) == [MILK, KEY]
    assert [each.text for each in await store.notes.newest(HOUSE, 1)] == [MILK]
    assert await store.notes.count(HOUSE) == 2


async def test_the_same_wish_again_is_noted_once(store: Store) -> None:
    await store.notes.add(note(KEY, idempotency_key="wish"))
    await store.notes.add(note(MILK, idempotency_key="wish"))
    assert await texts(store) == [KEY]


async def test_a_user_has_only_their_own(store: Store) -> None:
    await store.notes.add(note(KEY, user_id="ann"))
    ann, ben = Whose(user_id="ann"), Whose(user_id="ben")
    assert (await texts(store, ann), await texts(store, ben), await texts(store)) == ([KEY], [], [])


@pytest.mark.parametrize("user_id", [None, "ann"])
async def test_under_another_key_the_same_user_is_somebody_else(
    store: Store, monkeypatch: pytest.MonkeyPatch, user_id: str | None
) -> None:
    keys = [Whose(owner, user_id) for owner in ("bakery", "garage", None)]
    for each in keys:
        await store.notes.add(note(f"the key of {each.owner}", owner=each.owner, user_id=user_id))
    for each in keys:
        theirs = [f"the key of {each.owner}"]
        assert await texts(store, each) == theirs
        assert [found.text for found in await store.notes.about(each, "key", 10)] == theirs
        assert await store.notes.count(each) == 1
    assert await texts(store, Whose("barber", user_id)) == []
    # A place is theirs, too.
    monkeypatch.setattr(rows, "MOST_KEPT", 1)
    await store.notes.add(note(KEY, owner="barber", user_id=user_id))
    with pytest.raises(TooManyNotes):
        await store.notes.add(note(KEY, owner="bakery", user_id=user_id))


@pytest.mark.parametrize("asked", ["the key", "keys", "my keys and the mats", "KEY"])
async def test_a_note_is_found_by_its_words_in_any_form(store: Store, asked: str) -> None:
    await store.notes.add(note(KEY))
    await store.notes.add(note(MILK))
    assert [each.text for each in await store.notes.about(HOUSE, asked, 10)] == [KEY]


@pytest.mark.parametrize("asked", ["the", "the car", "key & !mat | ' \\ :*", ""])
async def test_what_is_not_noted_is_not_found(store: Store, asked: str) -> None:
    await store.notes.add(note("the mat is clean"))
    assert await store.notes.about(HOUSE, asked, 10) == []


async def test_of_a_deleted_note_the_text_is_gone_and_the_wish_is_known(store: Store) -> None:
    await store.notes.add(note(KEY, idempotency_key="noted"))
    await store.notes.delete(await store.notes.newest(HOUSE, 1), "deleted")
    assert await texts(store) == []
    assert await store.notes.deleted_by("deleted") == 1
    assert [row["text"] for row in await store.read(select(voice_notes))] == [""]
    # It was noted once; that it is gone doesn't make the wish a new one.
    await store.notes.add(note(KEY, idempotency_key="noted"))
    assert await texts(store) == []


async def test_there_is_a_limit_and_what_was_deleted_does_not_count(store: Store) -> None:
    for _ in range(MOST_KEPT):
        await store.notes.add(note("x"))
    with pytest.raises(TooManyNotes):
        await store.notes.add(note("x"))
    await store.notes.delete(await store.notes.newest(HOUSE, 1), "wish")
    await store.notes.add(note("x"))
