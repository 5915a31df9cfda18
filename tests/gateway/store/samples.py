"""Times and types that the tests of the store share."""

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
