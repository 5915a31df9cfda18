"""Notes as rows: taken once a wish, found by their words, deleted with their text."""

from collections.abc import Sequence
from dataclasses import fields

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.orchestrator.store import rows
from services.orchestrator.store.database import Database
from services.orchestrator.store.rows import Note, TooManyNotes
from services.orchestrator.store.tables import of, voice_notes
from services.orchestrator.whose import Whose

n = voice_notes.c


COLUMNS = tuple(voice_notes.c[field.name] for field in fields(Note))


class Notes:
    """All notes of this house."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, note: Note) -> None:
        """Write a new one, unless one stands under its idempotency key.

        Raises:
            TooManyNotes: nothing was written.
            StoreAway: it may be written all the same.
        """

        async def work(connection: AsyncConnection) -> None:
            known = select(n.note_id).where(n.idempotency_key == note.idempotency_key)
            if (await connection.execute(known)).one_or_none():
                return
            kept = select(func.count()).select_from(voice_notes).where(_kept_of(note.whose))
            if (await connection.execute(kept)).scalar_one() >= rows.MOST_KEPT:
                raise TooManyNotes
            values = {field.name: getattr(note, field.name) for field in fields(note)}
            await connection.execute(
                insert(voice_notes).values(values).on_conflict_do_nothing(index_elements=[n.idempotency_key])
            )

        await self._database.do(work)

    async def count(self, whose: Whose) -> int:
        """How many they have.

        Raises:
            StoreAway
        """
        query = select(func.count().label("kept")).select_from(voice_notes).where(_kept_of(whose))
        [row] = await self._database.read(query)
        return int(row["kept"])

    async def newest(self, whose: Whose, most: int) -> list[Note]:
        """The last ones that they took, the newest first.

        Raises:
            StoreAway
        """
        query = select(*COLUMNS).where(_kept_of(whose)).order_by(n.made_at.desc(), n.note_id.desc())
        return [Note(**row) for row in await self._database.read(query.limit(most))]

    async def about(self, whose: Whose, words: str, most: int) -> list[Note]:
        """Those that hold each of `words` that means something, in any form; the newest first.

        Raises:
            StoreAway
        """
        asked = func.plainto_tsquery("english", words)
        query = (
            select(*COLUMNS)
            .where(_kept_of(whose), func.to_tsvector("english", n.text).op("@@")(asked))
            .order_by(n.made_at.desc(), n.note_id.desc())
        )
        return [Note(**row) for row in await self._database.read(query.limit(most))]

    async def delete(self, notes: Sequence[Note], key: str) -> None:
        """Delete them for the wish `key`, text and all.

        Raises:
            StoreAway: they may be deleted all the same.
        """
        ids = [note.note_id for note in notes]
        changes = (
            update(voice_notes)
            .where(n.note_id.in_(ids), n.deleted_at.is_(None))
            .values(deleted_at=func.now(), deleted_by=key, text="")
        )

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(changes)

        await self._database.do(work)

    async def delete_all(self, whose: Whose, key: str) -> int:
        """Delete all that they have for the wish `key`, text and all; how many these were.

        Raises:
            StoreAway: they may be deleted all the same.
        """
        changes = (
            update(voice_notes).where(_kept_of(whose)).values(deleted_at=func.now(), deleted_by=key, text="")
        )

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(changes)

        await self._database.do(work)
        return await self.deleted_by(key)

    async def deleted_by(self, key: str) -> int:
        """How many the wish `key` has deleted.

        Raises:
            StoreAway
        """
        query = select(func.count().label("deleted")).select_from(voice_notes).where(n.deleted_by == key)
        [row] = await self._database.read(query)
        return int(row["deleted"])


def _kept_of(whose: Whose) -> ColumnElement[bool]:
    return of(whose, voice_notes) & n.deleted_at.is_(None)
