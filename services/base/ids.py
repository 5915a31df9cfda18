"""Identifiers: UUIDv7, which sort by the time at which they were made (RFC 9562, 5.7)."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Make a UUIDv7."""
    return uuid7()
