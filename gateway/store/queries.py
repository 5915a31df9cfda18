"""What REST shows of the calls: JSON written by Postgres itself, each answer out of one snapshot.

The gateway's loop, in which calls are waiting, would else decode and encode each row again.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, TypeAdapter
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store import statements
from gateway.store.statements import ESCAPE
from gateway.store.tables import (
    InvocationStatus,
    Mode,
    voice_latencies,
    voice_sessions,
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
    among: tuple[UUID, ...] | None = None
    """One of these."""
    besides: tuple[UUID, ...] | None = None
    """None of these."""

    def parameters(self) -> dict[str, Any]:
        """What is asked about, as `statements.sessions` takes it."""
        asked = {name: value for name, value in asdict(self).items() if value is not None}
        if self.said is not None:
            asked["said"] = re.sub(f"[{ESCAPE}%_]", rf"{ESCAPE}\g<0>", self.said)
        return asked


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
        given = wanted.parameters()
        statement = statements.sessions(frozenset(given), cursor is not None)
        if cursor is not None:
            given |= _read_cursor(cursor)
        async with transaction(self._engine, LIMIT_S) as connection:
            found = (await connection.execute(statement, {**given, "limit": limit + 1})).all()
        sessions = ",".join(row[0] for row in found[:limit])
        following = _cursor(*found[limit - 1][1:]) if len(found) > limit else None
        return f'{{"sessions":[{sessions}],"next":{json.dumps(following)}}}'

    async def session(self, session_id: UUID) -> str | None:
        """One session as `list_sessions` shows it, with `turns`, `tool_invocations`, `barge_ins`, `injections`,
        `latencies` and `engine_changes` as lists of rows in order, as JSON; None for an unknown one."""
        return await self._one(statements.session(), id=session_id)

    async def injection(self, session_id: UUID, injection_id: UUID) -> str | None:
        """One text to be said, as JSON; None where the session has none of that id."""
        return await self._one(statements.injection(), id=session_id, injection=injection_id)

    async def events(self, session_id: UUID, after: int = 0, limit: int = EVENTS) -> str | None:
        """The session's log in order, from behind `seq` `after`.

        Returns:
            JSON: `events` and `next`, which is `after` of the page behind, null where the log ends; None for an unknown
            session.
        """
        given = {"id": session_id, "after": after, "limit": limit}
        async with transaction(self._engine, LIMIT_S) as connection:
            is_known, events, count, last = (await connection.execute(statements.events(), given)).one()
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

    async def _one(self, statement: Select[Any], **given: UUID) -> str | None:
        async with transaction(self._engine, LIMIT_S) as connection:
            found: str | None = (await connection.execute(statement, given)).scalar_one_or_none()
        return found


def _cursor(active: bool, started_at: datetime, session_id: UUID) -> str:
    place = [active, started_at.isoformat(), str(session_id)]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read_cursor(cursor: str) -> dict[str, Any]:
    """The place that it names, as `statements.sessions` takes it."""
    try:
        active, started_at, session_id = PLACE.validate_json(base64.urlsafe_b64decode(cursor), strict=True)
        started_at = started_at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid("`cursor` is not one that we gave") from error
    return {"was_active": active, "was_started_at": started_at, "was_session_id": session_id}
