"""Notes as the user meets them: taken once a wish, read back, found, deleted."""

from collections.abc import Awaitable
from itertools import count

import pytest

from services.orchestrator.store import rows
from services.orchestrator.store.store import Store
from services.orchestrator.tooling import Answer, Caller, Refused
from services.orchestrator.tools import notes
from tests.services.orchestrator.store.samples import HOUSE

NUMBERS = count()


def caller(key: str = "", user_id: str | None = None, owner: str | None = None) -> Caller:
    return Caller(key or f"wish {next(NUMBERS)}", "talk", user_id=user_id, owner=owner)


async def code(wish: Awaitable[Answer]) -> str:
    with pytest.raises(Refused) as refused:
        await wish
    return refused.value.code


async def taken(store: Store, *texts: str) -> None:
    for text in texts:
        await notes.take_note(caller(), store, text)


async def test_a_note_is_read_back_as_the_user_would_hear_it(store: Store) -> None:
    told = await notes.take_note(caller(), store, "my key is under the mat")
    assert told == Answer("Noted: your key is under the mat.", {"text": "my key is under the mat"})


async def test_the_same_wish_again_notes_once(store: Store) -> None:
    for _ in range(2):
        assert (await notes.take_note(caller("k"), store, "buy milk")).text == "Noted: buy milk."
    assert (await notes.list_notes(caller(), store)).text == "You have one note: buy milk."


async def test_of_many_notes_the_last_are_read_and_all_are_counted(store: Store) -> None:
    assert (await notes.list_notes(caller(), store)).text == "You have no notes."
    await taken(store, "one", "two")
    assert (await notes.list_notes(caller(), store)).text == "You have 2 notes: two; one."
    await taken(store, "three", "four")
    told = await notes.list_notes(caller(), store)
    assert told.text == "You have 4 notes. The last 3 are: four; three; two."
    assert told.data["count"] == 4


async def test_a_note_is_found_by_what_it_is_about(store: Store) -> None:
    await taken(store, "the key is under the mat", "buy milk")
    assert (await notes.find_notes(caller(), store, "my keys")).text == "You noted: the key is under the mat."
    told = await notes.find_notes(caller(), store, "my car")
    assert (told.text, told.data) == ("You have noted nothing about your car.", {"notes": []})


async def test_the_last_note_is_deleted_or_the_one_that_is_meant(store: Store) -> None:
    await taken(store, "the key is under the mat", "buy milk", "buy bread")
    assert (await notes.delete_note(caller(), store)).text == "I've deleted the note: buy bread."
    assert (await notes.delete_note(caller(), store, "the key")).text == (
        "I've deleted the note: the key is under the mat."
    )
    assert (await notes.list_notes(caller(), store)).text == "You have one note: buy milk."


async def test_deleting_again_for_the_same_wish_deletes_no_second_note(store: Store) -> None:
    await taken(store, "one", "two")
    for _ in range(2):
        assert (await notes.delete_note(caller("k"), store)).text.startswith("I've deleted")
    assert (await notes.list_notes(caller(), store)).text == "You have one note: one."


@pytest.mark.parametrize("user_id", [None, "ann"])
async def test_nobody_hears_finds_or_deletes_what_was_noted_under_another_key(
    store: Store, user_id: str | None
) -> None:
    bakery, garage, house = (caller("", user_id, owner) for owner in ("bakery", "garage", None))
    await notes.take_note(bakery, store, "the key is under the mat")
    for other in (garage, house):
        assert (await notes.list_notes(other, store)).text == "You have no notes."
        assert (await notes.find_notes(other, store, "key")).data == {"notes": []}
        assert await code(notes.delete_note(other, store)) == "no_note"
        assert await code(notes.delete_note(other, store, "key")) == "no_note"
    assert (await notes.list_notes(bakery, store)).text == "You have one note: the key is under the mat."


async def test_what_cannot_be_done_is_refused_and_nothing_is_deleted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await code(notes.delete_note(caller(), store)) == "no_note"
    await taken(store, "buy milk", "buy bread")
    assert await code(notes.delete_note(caller(), store, "buying")) == "which_one"
    assert await code(notes.delete_note(caller(), store, "the car")) == "no_note"
    assert await code(notes.delete_note(caller(user_id="ann"), store)) == "no_note"
    assert await code(notes.take_note(caller(), store, "x" * 501)) == "too_long"
    monkeypatch.setattr(rows, "MOST_KEPT", 2)
    assert await code(notes.take_note(caller(), store, "one more")) == "too_many_notes"
    assert await store.notes.count(HOUSE) == 2
