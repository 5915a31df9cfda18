"""What a gateway that died left open is closed when it starts again."""

from uuid import UUID

from sqlalchemy import case, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store.tables import voice_events, voice_injections, voice_sessions, voice_tool_invocations
from services.base.database import transaction

LIMIT_S = 30.0
REASON = "gateway_lost"


async def close_orphans(engine: AsyncEngine, node: str) -> list[UUID]:
    """End the sessions that are still active under `node`, which must hold no call now; which they were.

    A session ended with its last sign of life. A deed that ran may have been done or not, one that hadn't gone out
    never will; a text that waited is dropped, one that was being spoken was cut.

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
        await connection.execute(
            update(voice_tool_invocations)
            .where(tools.session_id.in_(sessions), tools.completed_at.is_(None))
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
