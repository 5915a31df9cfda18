"""Timers and reminders as rows: set once a wish, found when they are due, and ended once."""

import asyncio
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Update, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.orchestrator.store import rows
from services.orchestrator.store.database import Database
from services.orchestrator.store.rows import Kind, Timer, TimerState, TooManyTimers
from services.orchestrator.store.tables import of, voice_timers
from services.orchestrator.whose import Whose

MOST_AT_ONCE = 100
"""Of one key, taken up in one look: what nobody is there to hear waits for a day, and must not stand before others'."""

t = voice_timers.c


COLUMNS = tuple(voice_timers.c[field.name] for field in fields(Timer))


class Timers:
    """All timers of this house. Whoever waits for the next one due waits for `changed` too."""

    def __init__(self, database: Database, changed: asyncio.Event) -> None:
        self._database = database
        self.changed = changed

    async def add(self, timer: Timer) -> Timer:
        """Write a new one, or return the one that already stands under its idempotency key.

        Raises:
            TooManyTimers: nothing was written.
            StoreAway: it may be written all the same.
        """

        async def work(connection: AsyncConnection) -> Timer:
            first = await connection.execute(
                select(*COLUMNS).where(t.idempotency_key == timer.idempotency_key)
            )
            if row := first.mappings().one_or_none():
                return _timer(row)
            waiting = select(func.count()).select_from(voice_timers).where(_waiting_of(timer.whose))
            if (await connection.execute(waiting)).scalar_one() >= rows.MOST_WAITING:
                raise TooManyTimers
            values = {field.name: getattr(timer, field.name) for field in fields(timer)}
            written = await connection.execute(
                insert(voice_timers)
                .values(values)
                # Another try of the same wish may come between our look and this.
                .on_conflict_do_update(
                    index_elements=[t.idempotency_key], set_={"idempotency_key": timer.idempotency_key}
                )
                .returning(*COLUMNS)
            )
            return _timer(written.mappings().one())

        added = await self._database.do(work)
        self.changed.set()
        return added

    async def waiting(self, whose: Whose, kind: Kind | None = None) -> list[Timer]:
        """What they have running, the next one due first.

        Raises:
            StoreAway
        """
        query = select(*COLUMNS).where(_waiting_of(whose)).order_by(t.due_at, t.timer_id)
        if kind:
            query = query.where(t.kind == kind)
        return [Timer(**row) for row in await self._database.read(query)]

    async def cancel(self, timers: Sequence[Timer], key: str) -> None:
        """End those of `timers` that still wait, for the wish `key`.

        Raises:
            StoreAway: they may be cancelled all the same.
        """
        ids = [timer.timer_id for timer in timers]
        changes = (
            _ended("cancelled").values(cancelled_by=key).where(t.timer_id.in_(ids), t.state == "waiting")
        )
        await self._changed(changes)

    async def cancelled_by(self, key: str) -> list[Timer]:
        """What the wish `key` has cancelled.

        Raises:
            StoreAway
        """
        query = select(*COLUMNS).where(t.cancelled_by == key).order_by(t.due_at, t.timer_id)
        return [Timer(**row) for row in await self._database.read(query)]

    # For the announcer. Each change says from which state, so that of two announcers one has it.

    async def due(self, now: datetime) -> list[Timer]:
        """What is due and was not said, and what may be being said, the longest due first."""
        is_due = (t.state == "waiting") & (t.due_at <= now)
        place = func.row_number().over(partition_by=t.owner, order_by=(t.due_at, t.timer_id))
        found = select(*COLUMNS, place.label("place")).where(is_due | (t.state == "saying")).subquery()
        query = select(*(found.c[column.name] for column in COLUMNS)).where(found.c.place <= MOST_AT_ONCE)
        due = await self._database.read(query.order_by(found.c.due_at, found.c.timer_id))
        return [Timer(**row) for row in due]

    async def next_due(self, after: datetime) -> datetime | None:
        """When the next one becomes due."""
        query = select(func.min(t.due_at).label("at")).where(t.state == "waiting", t.due_at > after)
        [row] = await self._database.read(query)
        at: datetime | None = row["at"]
        return at

    async def take_up(self, timer: Timer, session_id: UUID) -> Timer | None:
        """It is about to be said in that call; None where somebody else has it, or it was cancelled."""
        changes = (
            update(voice_timers)
            .where(t.timer_id == timer.timer_id, t.state == "waiting")
            .values(state="saying", said_in=session_id, injection_id=None, attempt=t.attempt + 1)
        )
        return next(iter(await self._changed(changes)), None)

    async def placed(self, timer: Timer, injection_id: UUID) -> None:
        """The call has taken its text."""
        await self._changed(_being_said(timer).values(injection_id=injection_id))

    async def put_back(self, timer: Timer) -> None:
        """It was not said there."""
        await self._changed(_being_said(timer).values(state="waiting"))

    async def said(self, timer: Timer) -> None:
        """It was heard."""
        await self._changed(_ended("said").where(t.timer_id == timer.timer_id, t.state == "saying"))

    async def give_up(self, timer: Timer) -> None:
        """Nobody was there to hear it."""
        await self._changed(_ended("missed").where(t.timer_id == timer.timer_id, t.state == "waiting"))

    async def _changed(self, changes: Update) -> list[Timer]:
        async def work(connection: AsyncConnection) -> list[Timer]:
            written = await connection.execute(changes.returning(*COLUMNS))
            return [_timer(row) for row in written.mappings()]

        return await self._database.do(work)


def _waiting_of(whose: Whose) -> ColumnElement[bool]:
    return of(whose, voice_timers) & (t.state == "waiting")


def _being_said(timer: Timer) -> Update:
    return update(voice_timers).where(
        t.timer_id == timer.timer_id, t.state == "saying", t.attempt == timer.attempt
    )


def _ended(state: TimerState) -> Update:
    return update(voice_timers).values(state=state, ended_at=func.now())


def _timer(row: RowMapping) -> Timer:
    values: dict[str, Any] = dict(row)
    return Timer(**values)
