"""Timers and reminders as rows: set once a wish, found when they are due, and ended once."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Update, exists, false, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.orchestrator.announcing import LiveCall
from services.orchestrator.store import rows
from services.orchestrator.store.database import Database
from services.orchestrator.store.rows import Kind, Timer, TimerState, TooManyTimers
from services.orchestrator.store.tables import of, voice_timers
from services.orchestrator.whose import Whose

MOST_AT_ONCE = 100
"""Of one key, taken up in one look: a key with many must not stand before others."""

t = voice_timers.c


COLUMNS = tuple(voice_timers.c[field.name] for field in fields(Timer))


class Timers:
    """All timers of this house. Whoever waits for the next one due waits for `changed` too."""

    def __init__(self, database: Database, changed: asyncio.Event) -> None:
        self._database = database
        self.changed = changed

    async def add(self, timer: Timer, instead_of: str | None = None) -> Timer:
        """Write a new one, or return the one that already stands under its idempotency key.

        Args:
            instead_of: key of a wish whose timer ends as this one begins, where it still waits.

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
            if instead_of:
                await connection.execute(
                    _ended("cancelled")
                    .values(cancelled_by=timer.idempotency_key)
                    .where(
                        of(timer.whose, voice_timers), t.idempotency_key == instead_of, t.state == "waiting"
                    )
                )
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

    async def saying(self) -> list[Timer]:
        """What may be being said, the longest due first."""
        query = select(*COLUMNS).where(t.state == "saying").order_by(t.due_at, t.timer_id)
        return [Timer(**row) for row in await self._database.read(query)]

    async def is_any_due(self, now: datetime) -> bool:
        """Whether something is due and was not said."""
        query = select(exists().where(t.state == "waiting", t.due_at <= now).label("found"))
        [row] = await self._database.read(query)
        return bool(row["found"])

    async def due(self, now: datetime, calls: Sequence[LiveCall], besides: Collection[UUID]) -> list[Timer]:
        """What is due, was not said, and can be told in one of `calls`, the longest due first.

        What is for nobody here is left out by the query: it waits for a day, and must not stand before others'.

        Args:
            besides: ids of timers that are not wanted.
        """
        place = func.row_number().over(partition_by=t.owner, order_by=(t.due_at, t.timer_id))
        is_due = (t.state == "waiting") & (t.due_at <= now) & t.timer_id.not_in(besides)
        found = select(*COLUMNS, place.label("place")).where(is_due, _meant_for(calls)).subquery()
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

    async def said(self, timer: Timer) -> bool:
        """It was heard; False where that, or another end, was written before."""
        heard = _ended("said").where(t.timer_id == timer.timer_id, t.state == "saying")
        return bool(await self._changed(heard))

    async def give_up(self, before: datetime) -> list[Timer]:
        """End what was due before that and was not heard; those that this ended."""
        late = t.state.in_(("waiting", "saying")) & (t.due_at < before)
        return await self._changed(_ended("missed").where(late))

    async def _changed(self, changes: Update) -> list[Timer]:
        async def work(connection: AsyncConnection) -> list[Timer]:
            written = await connection.execute(changes.returning(*COLUMNS))
            return [_timer(row) for row in written.mappings()]

        return await self._database.do(work)


def _waiting_of(whose: Whose) -> ColumnElement[bool]:
    return of(whose, voice_timers) & (t.state == "waiting")


def _meant_for(calls: Sequence[LiveCall]) -> ColumnElement[bool]:
    """Whether `place_for` finds a place among `calls`."""
    by_owner: dict[str | None, list[LiveCall]] = {}
    for call in calls:
        if call.whose:
            by_owner.setdefault(call.whose.owner, []).append(call)
    return or_(false(), *((t.owner == owner) & _named_in(theirs) for owner, theirs in by_owner.items()))


def _named_in(calls: Sequence[LiveCall]) -> ColumnElement[bool]:
    users = {call.user_id for call in calls}
    return or_(
        t.session_id.in_([call.session_id for call in calls]),
        t.conversation_id.in_([call.conversation_id for call in calls]),
        t.user_id.in_(users - {None}),
        t.user_id.is_(None) if None in users else false(),
    )


def _being_said(timer: Timer) -> Update:
    return update(voice_timers).where(
        t.timer_id == timer.timer_id, t.state == "saying", t.attempt == timer.attempt
    )


def _ended(state: TimerState) -> Update:
    return update(voice_timers).values(state=state, ended_at=func.now())


def _timer(row: RowMapping) -> Timer:
    values: dict[str, Any] = dict(row)
    return Timer(**values)
