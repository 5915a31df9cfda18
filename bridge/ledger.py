"""The ledger's row and its port: one row a spoken intent, written before anything is done."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol
from uuid import UUID, uuid5


class Status(StrEnum):
    """Where a deed has got to (contracts, 7)."""

    REQUESTED = "requested"
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    SUCCESS = "success"
    ERROR = "error"
    CANCELLED = "cancelled"
    DENIED = "denied"
    SUPERSEDED = "superseded"
    UNKNOWN = "unknown"
    """It was running when somebody died; whether the deed was done nobody can tell."""


Arrival = Literal["late", "duplicate", "stale"]
"""How a result came, where not in time and once: after we had given it up, again, or when nobody wanted it."""

WAITING = frozenset({Status.REQUESTED, Status.AWAITING_APPROVAL})
"""Nothing has gone out yet."""

FINISHED = frozenset(
    {Status.SUCCESS, Status.ERROR, Status.CANCELLED, Status.DENIED, Status.SUPERSEDED, Status.UNKNOWN}
)


@dataclass(frozen=True, slots=True)
class Invocation:
    """One row of `voice_tool_invocations`."""

    invocation_id: UUID
    session_id: UUID
    turn_id: UUID
    """The user's turn that asked for it."""
    idempotency_key: str
    """Made from the turn, so that a repetition of it never runs twice."""
    agent: str
    action: str
    """The tool's name."""
    arguments: dict[str, Any]
    risk: str
    status: Status
    requested_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    latency_ms: float | None = None
    """From `started_at` to `completed_at`."""
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    """`code` and `message`."""
    idempotent: bool = False
    """Whether it may be asked for again under its key."""
    request: dict[str, Any] | None = None
    """`message`, `conversation_id` and `context`: what else it is asked for with, also after a restart."""
    amends: UUID | None = None
    """The invocation that this one corrects or takes the place of."""
    arrival: Arrival | None = None
    approval: dict[str, Any] | None = None
    """The question for the user's consent and its answer (`bridge.approval.Approval`), where there was one."""


def key_of(conversation_id: str, turn_id: UUID, nth: int = 1) -> str:
    """The idempotency key of a turn: the same for every repetition of it, and safe as a part of a URL's path.

    Args:
        nth: which row of the turn; it has a second one when the user went on after the first could not be changed.
    """
    key = str(uuid5(turn_id, conversation_id))
    return key if nth == 1 else f"{key}:{nth}"


def is_confirmed(row: Invocation) -> bool:
    """Whether whoever does it asked back instead, and was told yes."""
    approval = row.approval or {}
    return bool(approval.get("asked_back")) and approval.get("answer") == "yes"


def key_sent(row: Invocation) -> str:
    """The key under which it went out last. The first would give the same answer again: that they ask back."""
    if not is_confirmed(row) or row.approval is None:
        return row.idempotency_key
    return f"{row.idempotency_key}:yes{row.approval['asked_back']}"


def amended(
    row: Invocation,
    agent: str,
    action: str,
    arguments: dict[str, Any],
    risk: str,
    idempotent: bool = False,
    request: dict[str, Any] | None = None,
) -> Invocation:
    """The row once the user has gone on, or corrected themselves, before anything went out.

    Raises:
        ValueError: its deed has gone out or is over.
    """
    if row.status not in WAITING:
        raise ValueError(f"a deed that is {row.status} cannot be amended")
    return replace(
        row,
        status=Status.REQUESTED,
        approval=None,
        agent=agent,
        action=action,
        arguments=arguments,
        risk=risk,
        idempotent=idempotent,
        request=request,
    )


def awaiting_approval(row: Invocation, approval: dict[str, Any]) -> Invocation:
    """The row while the user is asked; also of a deed that went out to somebody who asks back instead of acting.

    Raises:
        ValueError: it is over.
    """
    if row.status in FINISHED:
        raise ValueError(f"a deed that is {row.status} cannot be asked about")
    return replace(row, status=Status.AWAITING_APPROVAL, approval=approval, started_at=None)


def started(row: Invocation, at: datetime) -> Invocation:
    """The row once its deed may go out.

    Raises:
        ValueError: it has gone out before, or is over.
    """
    if row.status not in WAITING:
        raise ValueError(f"a deed that is {row.status} cannot start")
    return replace(row, status=Status.RUNNING, started_at=at)


def finished(
    row: Invocation,
    status: Status,
    at: datetime,
    result: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
) -> Invocation:
    """The row once its deed is over; a deed that never started has no latency.

    Raises:
        ValueError: it is over already, or `status` is not an end.
    """
    if row.status in FINISHED or status not in FINISHED:
        raise ValueError(f"a deed that is {row.status} cannot become {status}")
    latency = (at - row.started_at).total_seconds() * 1000 if row.started_at else None
    return replace(row, status=status, completed_at=at, latency_ms=latency, result=result, error=error)


def learned(
    row: Invocation,
    status: Status,
    at: datetime,
    result: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
) -> Invocation:
    """The row once it is known after all how its deed ended, when nobody waited for that any more.

    What we had given up ends as it really did. Where the user had taken it back, or another took its place, that stays
    so, and the result is kept; a row that has its end keeps that, and tells that another came.
    """
    if row.status is Status.UNKNOWN:
        row = replace(row, status=Status.RUNNING)
    if row.status not in FINISHED:
        return replace(finished(row, status, at, result, error), arrival="late")
    if row.status in {Status.CANCELLED, Status.SUPERSEDED} and row.result is None:
        return replace(row, result=result, arrival="stale")
    return replace(row, arrival="duplicate")


class LedgerAway(Exception):
    """The ledger cannot be written to; so nothing may be done."""

    code = "ledger_away"


class RowRefused(LedgerAway):
    """The ledger is there, and this row can never be written."""


class LedgerStore(Protocol):
    """Where the ledger's rows are kept. What has returned is committed."""

    async def request(self, row: Invocation) -> Invocation:
        """Write a new row, or return the one that already stands under its idempotency key.

        Raises:
            LedgerAway: nothing was written.
        """
        ...

    async def advance(self, row: Invocation, was: Status | None = None) -> bool:
        """Write the row's new state over its old one.

        Args:
            was: write only where the row still has this status; of two who are at one row then, one wins.

        Returns:
            Whether it was written; always, without `was`.

        Raises:
            LedgerAway: nothing was written.
        """
        ...
