"""Times and types that the tests of the store share."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select

START = datetime(2026, 11, 21, 12, tzinfo=UTC)

Read = Callable[[Select[Any]], Awaitable[list[dict[str, Any]]]]
"""Runs a query; its rows as dicts."""


def later(seconds: float) -> datetime:
    """`seconds` after the start of the call."""
    return START + timedelta(seconds=seconds)


async def until_ready(ask: Callable[[], Awaitable[str | None]], reason: str | None = None) -> None:
    """Ask until the store is ready, or says `reason`; on a loaded machine a first answer may come too late."""
    async with asyncio.timeout(60):
        while (said := await ask()) is not None or reason:
            if reason and said and reason in said:
                return
