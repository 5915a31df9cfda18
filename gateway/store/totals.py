"""Counts over all calls, and percentiles of what was measured of late."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import get_args

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.store.tables import Span, voice_latencies, voice_sessions, voice_tool_invocations, voice_turns
from services.base.database import transaction

LIMIT_S = 10.0
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Latency:
    """A span's percentiles, in milliseconds."""

    span: Span
    count: int
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Totals:
    """What all calls came to, and how long things took lately."""

    as_of: datetime
    sessions: int
    turns: int
    tools: int
    tool_failures: int
    hour: tuple[Latency, ...]
    """By span, of the last hour; a span that was not measured is left out."""
    day: tuple[Latency, ...]


async def totals(engine: AsyncEngine) -> Totals:
    """Count and measure, out of one snapshot of the database.

    Raises:
        StoreAway: Postgres does not answer.
    """
    now = datetime.now(UTC)
    tools = voice_tool_invocations.c
    failed = func.count().filter(tools.status.in_(["error", "unknown"]))
    async with transaction(engine.execution_options(isolation_level="REPEATABLE READ"), LIMIT_S) as read:
        sessions = (await read.execute(select(func.count()).select_from(voice_sessions))).scalar_one()
        turns = (await read.execute(select(func.count()).select_from(voice_turns))).scalar_one()
        calls, failures = (await read.execute(select(func.count(tools.invocation_id), failed))).one()
        hour, day = await _latencies(read, now - HOUR), await _latencies(read, now - DAY)
    return Totals(now, sessions, turns, calls, failures, tuple(hour), tuple(day))


async def _latencies(connection: AsyncConnection, since: datetime) -> Sequence[Latency]:
    spans = voice_latencies.c
    percentile = [func.percentile_cont(share).within_group(spans.ms) for share in (0.5, 0.95)]
    # All spans by name, so that the index over span and time is of use.
    named = spans.span.in_(get_args(Span))
    query = select(spans.span, func.count(), *percentile).where(named, spans.at >= since).group_by(spans.span)
    found = await connection.execute(query.order_by(spans.span))
    return [Latency(*row) for row in found]
