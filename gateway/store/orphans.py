"""What a gateway that died left open is closed when it starts again, and what may still be found out is told."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import case, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.follower import FRESH
from bridge.ledger import Invocation
from gateway.store.ledger import invocation
from gateway.store.tables import voice_events, voice_injections, voice_sessions, voice_tool_invocations
from services.base.database import transaction

LIMIT_S = 30.0
REASON = "gateway_lost"

REMEMBERED = timedelta(minutes=10)
"""How long an orchestrator is asked what became of a deed; as long as ours remembers."""


async def unfinished(engine: AsyncEngine, node: str) -> list[Invocation]:
    """The deeds of calls under `node` that are still to be sent, or whose end nobody saw; after `close_orphans`.

    Raises:
        StoreAway
    """
    s, tools = voice_sessions.c, voice_tool_invocations.c
    lost = (
        (tools.status == "unknown") & tools.result.is_(None) & (tools.completed_at > func.now() - REMEMBERED)
    )
    query = (
        select(voice_tool_invocations)
        .join(voice_sessions, s.session_id == tools.session_id)
        .where(s.node == node, (tools.status == "requested") | lost)
        .order_by(tools.requested_at)
    )
    async with transaction(engine, LIMIT_S) as connection:
        return [invocation(row) for row in (await connection.execute(query)).mappings()]


async def close_orphans(engine: AsyncEngine, node: str) -> list[UUID]:
    """End the sessions that are still active under `node`, which must hold no call now; which they were.

    A session ended with its last sign of life. A deed that ran may have been done or not. One that hadn't gone out
    never will, but for what was asked for a moment ago and can be sent without harm: that stays `requested`, and
    `unfinished` tells of it. A text that waited is dropped, one that was being spoken was cut.

    Raises:
        StoreAway: nothing was changed.
    """
    s, e = voice_sessions.c, voice_events.c
    tools, texts = voice_tool_invocations.c, voice_injections.c
    last_sign = select(func.max(e.at)).where(e.session_id == s.session_id).scalar_subquery()
    async with transaction(engine, LIMIT_S) as connection:
        closed = await connection.execute(
            update(voice_sessions)
            .where(s.node == node, s.is_active)
            .values(is_active=False, end_reason=REASON, ended_at=func.coalesce(last_sign, s.started_at))
            .returning(s.session_id)
        )
        sessions = list(closed.scalars())
        ours = select(s.session_id).where(s.node == node)
        may_be_sent = (
            (tools.status == "requested")
            & tools.idempotent
            & (tools.risk != "dangerous")
            & tools.approval.is_(None)
            & (tools.requested_at > func.now() - FRESH)
        )
        await connection.execute(
            update(voice_tool_invocations)
            .where(tools.session_id.in_(ours), tools.completed_at.is_(None), ~may_be_sent)
            .where(tools.status.in_(["requested", "awaiting_approval", "running"]))
            .values(
                status=case((tools.status == "running", "unknown"), else_="cancelled"),
                completed_at=func.now(),
                error={"code": REASON, "message": "the gateway died before the deed was over"},
            )
        )
        await connection.execute(
            update(voice_injections)
            .where(texts.session_id.in_(sessions), texts.state.in_(["waiting", "speaking"]))
            .values(
                state=case((texts.state == "speaking", "cut"), else_="dropped"),
                how=func.coalesce(texts.how, literal(REASON)),
            )
        )
    return sessions
