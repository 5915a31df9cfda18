"""What REST shows of the calls: JSON-ready, each answer out of one snapshot of the database."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.store.tables import (
    Mode,
    voice_barge_in_events,
    voice_engine_changes,
    voice_events,
    voice_injections,
    voice_latencies,
    voice_sessions,
    voice_tool_invocations,
    voice_turns,
)
from services.base.database import transaction
from services.base.problems import Invalid

LIMIT_S = 10.0
PAGE = 50
LONGEST_PAGE = 200
EVENTS = 1_000
MOST_EVENTS = 10_000

PARTS: Mapping[str, tuple[Table, tuple[ColumnElement[Any], ...]]] = {
    "turns": (voice_turns, (voice_turns.c.seq.nulls_last(), voice_turns.c.turn_id)),
    "tool_invocations": (
        voice_tool_invocations,
        (voice_tool_invocations.c.requested_at, voice_tool_invocations.c.invocation_id),
    ),
    "barge_ins": (
        voice_barge_in_events,
        (voice_barge_in_events.c.timestamp, voice_barge_in_events.c.event_id),
    ),
    "injections": (voice_injections, (voice_injections.c.created_at, voice_injections.c.injection_id)),
    "latencies": (voice_latencies, (voice_latencies.c.at, voice_latencies.c.latency_id)),
    "engine_changes": (voice_engine_changes, (voice_engine_changes.c.at, voice_engine_changes.c.change_id)),
}
"""What belongs to a session: table and order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Which sessions are wanted; what is None is not asked about."""

    active: bool | None = None
    mode: Mode | None = None
    persona: str | None = None
    user_id: str | None = None
    conversation_id: str | None = None
    since: datetime | None = None
    """Started then or later."""
    until: datetime | None = None
    """Started before."""

    def conditions(self) -> list[ColumnElement[bool]]:
        s = voice_sessions.c
        asked = (
            (s.is_active, self.active),
            (s.mode, self.mode),
            (s.persona, self.persona),
            (s.user_id, self.user_id),
            (s.conversation_id, self.conversation_id),
        )
        found: list[ColumnElement[bool]] = [column == value for column, value in asked if value is not None]
        if self.since is not None:
            found.append(s.started_at >= self.since)
        if self.until is not None:
            found.append(s.started_at < self.until)
        return found


EVERY = SessionFilter()


class Queries:
    """Reads the calls.

    Every method raises `StoreAway` when Postgres doesn't answer.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ")

    async def list_sessions(
        self, wanted: SessionFilter = EVERY, cursor: str | None = None, limit: int = PAGE
    ) -> dict[str, Any]:
        """A page of sessions: the active ones first, of either kind the latest first.

        A page starts where the one before ended, whatever came or went meanwhile: a session is never passed over; one
        that ends between two pages may be shown again as ended.

        Args:
            cursor: `next` of the page before.
            limit: at most 200.

        Returns:
            `sessions`: rows of `voice_sessions`, each with `counts` and `turn_latency_ms`; `next`: None at the end.

        Raises:
            Invalid: the cursor is none of ours.
        """
        limit = min(limit, LONGEST_PAGE)
        s = voice_sessions.c
        place = (s.is_active, s.started_at, s.session_id)
        query = _sessions().where(*wanted.conditions()).order_by(*(column.desc() for column in place))
        if cursor is not None:
            query = query.where(tuple_(*place) < tuple_(*_read_cursor(cursor)))
        async with transaction(self._engine, LIMIT_S) as connection:
            found = (await connection.execute(query.limit(limit + 1))).mappings().all()
        page = [_session(row) for row in found[:limit]]
        return {"sessions": page, "next": _cursor(page[-1]) if len(found) > limit else None}

    async def session(self, session_id: UUID) -> dict[str, Any] | None:
        """One session as `list_sessions` shows it, with `turns`, `tool_invocations`, `barge_ins`, `injections`,
        `latencies` and `engine_changes` as lists of rows in order; None for an unknown one."""
        async with transaction(self._engine, LIMIT_S) as connection:
            query = _sessions().where(voice_sessions.c.session_id == session_id)
            row = (await connection.execute(query)).mappings().one_or_none()
            if row is None:
                return None
            parts = {name: await _part(connection, name, session_id) for name in PARTS}
        return _session(row) | parts

    async def events(
        self, session_id: UUID, after: int = -1, limit: int = EVENTS
    ) -> list[dict[str, Any]] | None:
        """The session's log in order, from behind `seq` `after`, at most 10,000; None for an unknown session."""
        e = voice_events.c
        query = select(voice_events).where(e.session_id == session_id, e.seq > after).order_by(e.seq)
        known = select(voice_sessions.c.session_id).where(voice_sessions.c.session_id == session_id)
        async with transaction(self._engine, LIMIT_S) as connection:
            if (await connection.execute(known)).one_or_none() is None:
                return None
            found = await connection.execute(query.limit(min(limit, MOST_EVENTS)))
            return [_plain(row) for row in found.mappings()]


def _sessions() -> Select[Any]:
    """The sessions, with what is counted and measured in each."""
    tools, barge_ins, spans = voice_tool_invocations.c, voice_barge_in_events.c, voice_latencies.c

    def number(table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[int]:
        of_session = table.c.session_id == voice_sessions.c.session_id
        return select(func.count()).select_from(table).where(of_session, *conditions).scalar_subquery()

    def percentile(share: float) -> ColumnElement[float]:
        of_session = spans.session_id == voice_sessions.c.session_id
        value = func.percentile_cont(share).within_group(spans.ms)
        return select(value).where(of_session, spans.span == "turn").scalar_subquery()

    return select(
        voice_sessions,
        number(voice_turns).label("turns"),
        number(voice_tool_invocations).label("tool_invocations"),
        number(voice_tool_invocations, tools.status.in_(["error", "unknown"])).label("tool_failures"),
        number(voice_barge_in_events, barge_ins.kind == "barge_in").label("barge_ins"),
        percentile(0.5).label("p50"),
        percentile(0.95).label("p95"),
    )


def _session(row: Mapping[Any, Any]) -> dict[str, Any]:
    own = {column.name: row[column.name] for column in voice_sessions.c}
    counted = ("turns", "tool_invocations", "tool_failures", "barge_ins")
    return _plain(own) | {
        "counts": {name: row[name] for name in counted},
        "turn_latency_ms": {name: row[name] for name in ("p50", "p95")},
    }


async def _part(connection: AsyncConnection, name: str, session_id: UUID) -> list[dict[str, Any]]:
    table, order = PARTS[name]
    found = await connection.execute(select(table).where(table.c.session_id == session_id).order_by(*order))
    return [_plain(row) for row in found.mappings()]


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row as JSON can hold it: ids as text, times as ISO 8601."""

    def plain(value: Any) -> Any:
        if isinstance(value, UUID):
            return str(value)
        return value.isoformat() if isinstance(value, datetime) else value

    return {str(name): plain(value) for name, value in row.items()}


def _cursor(session: Mapping[str, Any]) -> str:
    place = [session["is_active"], session["started_at"], session["session_id"]]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read_cursor(cursor: str) -> tuple[bool, datetime, UUID]:
    try:
        active, started_at, session_id = json.loads(base64.urlsafe_b64decode(cursor))
        return bool(active), datetime.fromisoformat(started_at), UUID(session_id)
    except (ValueError, TypeError, AttributeError) as error:
        raise Invalid("`cursor` is not one that we gave") from error
