"""What REST shows of the calls: JSON written by Postgres itself, each answer out of one snapshot.

The gateway's loop, in which calls are waiting, would else decode and encode each row again.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

from pydantic import AwareDatetime, TypeAdapter
from sqlalchemy import (
    JSON,
    ColumnElement,
    Double,
    Select,
    Subquery,
    Table,
    Text,
    cast,
    exists,
    extract,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store.tables import (
    InvocationStatus,
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
MOST_EVENTS = 2_000
"""Under 1 MB, so 1 ms of the loop's time."""

LATELY = timedelta(hours=1)

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

PLACE = TypeAdapter(tuple[bool, AwareDatetime, UUID])
"""Where a page ended: `is_active`, `started_at`, `session_id` of its last session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Which sessions are wanted; what is None is not asked about."""

    active: bool | None = None
    mode: Mode | None = None
    persona: str | None = None
    voice: str | None = None
    user_id: str | None = None
    owner: str | None = None
    conversation_id: str | None = None
    client: str | None = None
    end_reason: str | None = None
    tool_status: InvocationStatus | None = None
    """A tool call of it stands there."""
    said: str | None = None
    """Part of what either side said, in any case of letters."""
    since: datetime | None = None
    """Started then or later."""
    until: datetime | None = None
    """Started before."""

    def conditions(self) -> list[ColumnElement[bool]]:
        s, tools, turns = voice_sessions.c, voice_tool_invocations.c, voice_turns.c
        asked = (
            (s.is_active, self.active),
            (s.mode, self.mode),
            (s.persona, self.persona),
            (s.voice_prompt, self.voice),
            (s.user_id, self.user_id),
            (s.owner, self.owner),
            (s.conversation_id, self.conversation_id),
            (s.client, self.client),
            (s.end_reason, self.end_reason),
        )
        found: list[ColumnElement[bool]] = [column == value for column, value in asked if value is not None]
        if self.tool_status is not None:
            found.append(exists().where(tools.session_id == s.session_id, tools.status == self.tool_status))
        if self.said is not None:
            said = turns.text.icontains(self.said, autoescape=True)
            found.append(exists().where(turns.session_id == s.session_id, said))
        if self.since is not None:
            found.append(s.started_at >= self.since)
        if self.until is not None:
            found.append(s.started_at < self.until)
        return found


EVERY = SessionFilter()


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a session."""

    is_active: bool
    node: str | None
    end_reason: str | None
    owner: str | None
    """None where that was not written down."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How fast an engine has been lately: from the user's last word to the agent's first sound."""

    median_ms: float | None
    turns: int


class Queries:
    """Reads the calls.

    Every method raises `StoreAway` when Postgres doesn't answer.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ")

    async def list_sessions(
        self, wanted: SessionFilter = EVERY, cursor: str | None = None, limit: int = PAGE
    ) -> str:
        """A page of sessions: the active ones first, of either kind the latest first.

        A page starts where the one before ended, whatever came or went meanwhile: a session is never passed over; one
        that ends between two pages may be shown again as ended.

        Args:
            cursor: `next` of the page before.

        Returns:
            JSON: `sessions` (rows of `voice_sessions` with what there was in each) and `next`, null at the end.

        Raises:
            Invalid: the cursor is none of ours.
        """
        s = voice_sessions.c
        place = (s.is_active, s.started_at, s.session_id)
        query = select(voice_sessions).where(*wanted.conditions())
        if cursor is not None:
            query = query.where(tuple_(*place) < tuple_(*_read_cursor(cursor)))
        page = query.order_by(*(column.desc() for column in place)).limit(limit + 1).subquery()
        shown = _summaries(page).subquery()
        rows = select(_json(shown), *(shown.c[column.name] for column in place)).order_by(
            *(shown.c[column.name].desc() for column in place)
        )
        async with transaction(self._engine, LIMIT_S) as connection:
            found = (await connection.execute(rows)).all()
        sessions = ",".join(row[0] for row in found[:limit])
        following = _cursor(*found[limit - 1][1:]) if len(found) > limit else None
        return f'{{"sessions":[{sessions}],"next":{json.dumps(following)}}}'

    async def session(self, session_id: UUID) -> str | None:
        """One session as `list_sessions` shows it, with `turns`, `tool_invocations`, `barge_ins`, `injections`,
        `latencies` and `engine_changes` as lists of rows in order, as JSON; None for an unknown one."""
        page = select(voice_sessions).where(voice_sessions.c.session_id == session_id).subquery()
        parts = [_rows(table, order, page.c.session_id).label(name) for name, (table, order) in PARTS.items()]
        return await self._one(_summaries(page).add_columns(*parts))

    async def injection(self, session_id: UUID, injection_id: UUID) -> str | None:
        """One text to be said, as JSON; None where the session has none of that id."""
        i = voice_injections.c
        query = select(voice_injections)
        return await self._one(query.where(i.session_id == session_id, i.injection_id == injection_id))

    async def events(self, session_id: UUID, after: int = 0, limit: int = EVENTS) -> str | None:
        """The session's log in order, from behind `seq` `after`.

        Returns:
            JSON: `events` and `next`, which is `after` of the page behind, null where the log ends; None for an unknown
            session.
        """
        e = voice_events.c
        query = select(voice_events).where(e.session_id == session_id, e.seq > after)
        page = query.order_by(e.seq).limit(limit).subquery()
        rows = func.json_agg(aggregate_order_by(func.row_to_json(page.table_valued()), page.c.seq))
        known = exists().where(voice_sessions.c.session_id == session_id)
        whole = select(known, cast(rows, Text), func.count(), func.max(page.c.seq)).select_from(page)
        async with transaction(self._engine, LIMIT_S) as connection:
            is_known, events, count, last = (await connection.execute(whole)).one()
        if not is_known:
            return None
        return f'{{"events":{events or "[]"},"next":{json.dumps(last if count == limit else None)}}}'

    async def fate(self, session_id: UUID) -> Fate | None:
        """Whether a session is over, why, and whose it is; None for an unknown one."""
        s = voice_sessions.c
        query = select(s.is_active, s.node, s.end_reason, s.owner).where(s.session_id == session_id)
        async with transaction(self._engine, LIMIT_S) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else Fate(*row)

    async def turn_latencies(self, node: str) -> Mapping[str, Measured]:
        """By engine, the span `turn` over the last hour on the gateway called `node`."""
        spans = voice_latencies.c
        engine = func.coalesce(voice_turns.c.engine, voice_sessions.c.mode)
        median = func.percentile_cont(0.5).within_group(spans.ms)
        query = (
            select(engine, median, func.count())
            .select_from(voice_latencies)
            .join(voice_sessions, voice_sessions.c.session_id == spans.session_id)
            .outerjoin(voice_turns, voice_turns.c.turn_id == spans.turn_id)
            .where(
                spans.span == "turn", spans.at >= datetime.now(UTC) - LATELY, voice_sessions.c.node == node
            )
            .group_by(engine)
        )
        async with transaction(self._engine, LIMIT_S) as connection:
            return {name: Measured(ms, turns) for name, ms, turns in await connection.execute(query)}

    async def _one(self, query: Select[Any]) -> str | None:
        shown = query.subquery()
        async with transaction(self._engine, LIMIT_S) as connection:
            found: str | None = (await connection.execute(select(_json(shown)))).scalar_one_or_none()
        return found


def _summaries(page: Subquery) -> Select[Any]:
    """The sessions of `page`, with what is counted and measured in each."""
    tools, barge_ins, spans = voice_tool_invocations, voice_barge_in_events, voice_latencies

    def of(table: Table, value: ColumnElement[Any], *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
        own = table.c.session_id == page.c.session_id
        return select(value).select_from(table).where(own, *conditions).scalar_subquery()

    def object_of(**values: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.json_build_object(*(part for pair in values.items() for part in pair))

    def standing(status: str) -> ColumnElement[Any]:
        return func.nullif(func.count().filter(tools.c.status == status), 0)

    def percentile(share: float) -> ColumnElement[Any]:
        return func.percentile_cont(share).within_group(spans.c.ms)

    lasted = func.coalesce(page.c.ended_at, func.now()) - page.c.started_at
    counts = object_of(
        turns=of(voice_turns, func.count()),
        tool_invocations=of(tools, func.count()),
        tool_failures=of(tools, func.count(), tools.c.status.in_(["error", "unknown"])),
        barge_ins=of(barge_ins, func.count(), barge_ins.c.kind == "barge_in"),
    )
    by_status = object_of(**{status: standing(status) for status in get_args(InvocationStatus)})
    latency = object_of(p50=percentile(0.5), p95=percentile(0.95))
    return select(
        page,
        # The clocks of gateway and database may differ a little.
        func.greatest(cast(extract("epoch", lasted) * 1000, Double()), 0.0).label("duration_ms"),
        counts.label("counts"),
        of(tools, func.json_strip_nulls(by_status)).label("tools"),
        of(spans, latency, spans.c.span == "turn").label("turn_latency_ms"),
    )


def _rows(table: Table, order: tuple[ColumnElement[Any], ...], session_id: ColumnElement[UUID]) -> Any:
    """The rows of `table` that belong to the session, in order, as one JSON array."""
    rows = func.json_agg(aggregate_order_by(func.row_to_json(table.table_valued()), *order))
    none = cast(literal("[]", Text()), JSON)
    return select(func.coalesce(rows, none)).where(table.c.session_id == session_id).scalar_subquery()


def _json(shown: Subquery) -> ColumnElement[str]:
    """Each row of `shown` as a JSON object."""
    return cast(func.row_to_json(shown.table_valued()), Text)


def _cursor(active: bool, started_at: datetime, session_id: UUID) -> str:
    place = [active, started_at.isoformat(), str(session_id)]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read_cursor(cursor: str) -> tuple[bool, datetime, UUID]:
    try:
        active, started_at, session_id = PLACE.validate_json(base64.urlsafe_b64decode(cursor), strict=True)
        return active, started_at.astimezone(UTC), session_id
    except (ValueError, OverflowError) as error:
        raise Invalid("`cursor` is not one that we gave") from error
