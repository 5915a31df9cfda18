"""Times, types and ways to read that the tests of the store share."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Select

from gateway.rest.sessions import EventPage, Session, SessionPage
from gateway.store.queries import Queries

START = datetime(2026, 11, 21, 12, tzinfo=UTC)

Read = Callable[[Select[Any]], Awaitable[list[dict[str, Any]]]]
"""Runs a query; its rows as dicts."""


def later(seconds: float) -> datetime:
    """`seconds` after the start of the call."""
    return START + timedelta(seconds=seconds)


async def page_of(queries: Queries, *asked: Any, **options: Any) -> dict[str, Any]:
    """A page of sessions, which is as the description at `/openapi.json` says."""
    text = await queries.list_sessions(*asked, **options)
    SessionPage.model_validate_json(text, strict=True, extra="forbid")
    return cast(dict[str, Any], json.loads(text))


async def whole(queries: Queries, session_id: UUID) -> dict[str, Any]:
    """One session, which is as its description says."""
    text = await queries.session(session_id)
    assert text is not None
    Session.model_validate_json(text, strict=True, extra="forbid")
    return cast(dict[str, Any], json.loads(text))


async def log_of(queries: Queries, session_id: UUID, **asked: int) -> dict[str, Any]:
    """A page of the log, which is as its description says."""
    text = await queries.events(session_id, **asked)
    assert text is not None
    EventPage.model_validate_json(text, strict=True, extra="forbid")
    return cast(dict[str, Any], json.loads(text))


async def until_ready(ask: Callable[[], Awaitable[str | None]], reason: str | None = None) -> None:
    """Ask until the store is ready, or says `reason`; on a loaded machine a first answer may come too late."""
    async with asyncio.timeout(60):
        while (said := await ask()) is not None or reason:
            if reason and said and reason in said:
                return
