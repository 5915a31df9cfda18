"""Notes: taken, read back, found by what they are about, deleted."""

from datetime import UTC, datetime

from services.base.ids import new_id
from services.orchestrator.store.rows import MOST_KEPT, Note, TooManyNotes
from services.orchestrator.store.store import Store
from services.orchestrator.tooling import Answer, Caller, Refused
from services.orchestrator.tools.ear import to_you

MOST_CHARACTERS = 500
MOST_TOLD = 3
"""More nobody listens to; of the rest the number is told."""


async def take_note(caller: Caller, store: Store, text: str) -> Answer:
    """Keep what the user said."""
    if len(text) > MOST_CHARACTERS:
        raise Refused("too_long", "That is too long for one note. Say it in several.")
    note = Note(
        note_id=new_id(),
        text=text,
        made_at=datetime.now(UTC),
        idempotency_key=caller.idempotency_key,
        owner=caller.owner,
        user_id=caller.user_id,
        conversation_id=caller.conversation_id or None,
        session_id=caller.session_id,
    )
    try:
        await store.notes.add(note)
    except TooManyNotes as error:
        text = f"You have {MOST_KEPT} notes already, and I keep no more. Delete some first."
        raise Refused("too_many_notes", text) from error
    return Answer(f"Noted: {to_you(text)}.", {"text": text})


async def list_notes(caller: Caller, store: Store) -> Answer:
    """The newest notes, and how many there are."""
    count = await store.notes.count(caller.whose)
    if not count:
        return Answer("You have no notes.", {"count": 0, "notes": []})
    notes = await store.notes.newest(caller.whose, MOST_TOLD)
    if count == 1:
        head = "You have one note"
    else:
        head = f"You have {count} notes" + (f". The last {MOST_TOLD} are" if count > MOST_TOLD else "")
    return Answer(f"{head}: {_read_out(notes)}.", {"count": count, "notes": [_facts(note) for note in notes]})


async def find_notes(caller: Caller, store: Store, about: str) -> Answer:
    """What was noted about something."""
    notes = await store.notes.about(caller.whose, about, MOST_TOLD)
    if not notes:
        return Answer(f"You have noted nothing about {to_you(about)}.", {"notes": []})
    return Answer(f"You noted: {_read_out(notes)}.", {"notes": [_facts(note) for note in notes]})


async def delete_note(caller: Caller, store: Store, about: str | None = None) -> Answer:
    """Delete the last note, or the one about something; where several are, none."""
    if await store.notes.deleted_by(caller.idempotency_key):
        return Answer("I've deleted that note.")
    if about is None:
        notes = await store.notes.newest(caller.whose, 1)
    else:
        notes = await store.notes.about(caller.whose, about, MOST_TOLD)
    if not notes:
        text = f"You have noted nothing about {to_you(about)}." if about else "You have no notes."
        raise Refused("no_note", text)
    if len(notes) > 1:
        raise Refused("which_one", f"More than one note is about that: {_read_out(notes)}. Say which one.")
    await store.notes.delete(notes, caller.idempotency_key)
    return Answer(f"I've deleted the note: {to_you(notes[0].text)}.", {"deleted": _facts(notes[0])})


async def delete_all_notes(caller: Caller, store: Store) -> Answer:
    """Delete every note of the user."""
    if not (count := await store.notes.deleted_by(caller.idempotency_key)):
        count = await store.notes.delete_all(caller.whose, caller.idempotency_key)
    if not count:
        raise Refused("no_note", "You have no notes.")
    said = "your only note" if count == 1 else f"all {count} notes"
    return Answer(f"I've deleted {said}.", {"count": count})


def _read_out(notes: list[Note]) -> str:
    return "; ".join(to_you(note.text) for note in notes)


def _facts(note: Note) -> dict[str, str]:
    return {"note_id": str(note.note_id), "text": note.text, "made_at": note.made_at.isoformat()}
