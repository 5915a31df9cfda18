"""Notes as rows: one a wish, found by what they are about, gone when deleted."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.orchestrator.store.rows import MOST_KEPT, TooManyNotes
from services.orchestrator.store.store import Store
from services.orchestrator.store.tables import voice_notes
from tests.services.orchestrator.store.samples import NOON, note

KEY = "the key is under the mat"
MILK = "buy milk"


async def texts(store: Store, user_id: str | None = None) -> list[str]:
    return [each.text for each in await store.notes.newest(user_id, 10)]


async def test_the_newest_comes_first(store: Store) -> None:
    await store.notes.add(note(KEY))
    await store.notes.add(note(MILK, made_at=NOON + timedelta(minutes=1)))
    assert await texts(store) == [MILK, KEY]
    assert [each.text for each in await store.notes.newest(None, 1)] == [MILK]
    assert await store.notes.count(None) == 2


async def test_the_same_wish_again_is_noted_once(store: Store) -> None:
    await store.notes.add(note(KEY, idempotency_key="wish"))
    await store.notes.add(note(MILK, idempotency_key="wish"))
    assert await texts(store) == [KEY]


async def test_a_user_has_only_their_own(store: Store) -> None:
    await store.notes.add(note(KEY, user_id="ann"))
    assert (await texts(store, "ann"), await texts(store, "ben"), await texts(store)) == ([KEY], [], [])


@pytest.mark.parametrize("asked", ["the key", "keys", "my keys and the mats", "KEY"])
async def test_a_note_is_found_by_its_words_in_any_form(store: Store, asked: str) -> None:
    await store.notes.add(note(KEY))
    await store.notes.add(note(MILK))
    assert [each.text for each in await store.notes.about(None, asked, 10)] == [KEY]


@pytest.mark.parametrize("asked", ["the", "the car", "key & !mat | ' \\ :*", ""])
async def test_what_is_not_noted_is_not_found(store: Store, asked: str) -> None:
    await store.notes.add(note("the mat is clean"))
    assert await store.notes.about(None, asked, 10) == []


async def test_of_a_deleted_note_the_text_is_gone_and_the_wish_is_known(store: Store) -> None:
    await store.notes.add(note(KEY, idempotency_key="noted"))
    await store.notes.delete(await store.notes.newest(None, 1), "deleted")
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
    await store.notes.delete(await store.notes.newest(None, 1), "wish")
    await store.notes.add(note("x"))
