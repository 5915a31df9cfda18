"""Remembers on disk which keys have run, so that none runs twice after a restart (docs/adr/one-run-a-key.md)."""

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, TypeAdapter

from services.base.journal import Journal, JournalAway, understood
from services.orchestrator.calls import KEPT_S, Call, Outcome
from services.orchestrator.protocol import ChatResult, Failure

log = logging.getLogger(__name__)

LIMIT = 256 * 2**20
"""Bytes; more than all results that are kept come to."""
TIDY_AT = 8 * 2**20
"""Bytes from which on it is looked whether the file holds much that is forgotten."""

INTERRUPTED = "I was interrupted while I was doing that, and I can't tell whether it is done."


class _Record(BaseModel):
    """A line of the journal."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["began", "ended"]
    key: str
    conversation_id: str
    tool: str
    idempotent: bool
    at: float
    """Seconds since 1970: a monotonic clock begins anew with the machine."""
    result: ChatResult | None = None
    failure: Failure | None = None


RECORD = TypeAdapter(_Record)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A call of a former life, and how it ended."""

    key: str
    conversation_id: str
    tool: str
    outcome: Outcome
    ended_s_ago: float


class Keys:
    """The journal of the calls that change something; reading twice does no harm."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._tidy_at = TIDY_AT
        self._last: dict[str, _Record] = {}
        """By key, of those that are not forgotten."""

    @classmethod
    async def open(cls, path: Path) -> tuple[Self, list[Remembered]]:
        """The journal at `path`, and the calls that it remembers.

        Of one that had begun and not ended nobody knows whether it is done: it ends in doubt, unless it may be done
        again, for then it is as if it had not been asked for.

        Raises:
            JournalAway: there is none to be had.
        """
        journal, records = await asyncio.to_thread(Journal.open, path, LIMIT)
        keys = cls(journal)
        for record in understood(records, RECORD, "call"):
            keys._last[record.key] = record
        await keys._tidy()
        now = time.time()
        return keys, [
            Remembered(record.key, record.conversation_id, record.tool, outcome, max(0.0, now - record.at))
            for record in keys._last.values()
            if (outcome := _outcome(record))
        ]

    async def began(self, call: Call, idempotent: bool) -> None:
        """Its tool is about to run."""
        await self._append(self._record("began", call, idempotent))

    async def ended(self, call: Call, outcome: Outcome) -> None:
        """Its tool has run, and this came of it."""
        if call.key not in self._last:
            return
        record = self._record("ended", call, self._last[call.key].idempotent)
        update = {"result": outcome} if isinstance(outcome, ChatResult) else {"failure": outcome}
        await self._append(record.model_copy(update=update))

    async def close(self) -> None:
        await self._journal.close()

    async def _append(self, record: _Record) -> None:
        self._last[record.key] = record
        try:
            await self._journal.append(RECORD.dump_python(record, mode="json", exclude_none=True))
            if self._journal.size > self._tidy_at:
                await self._tidy()
        except JournalAway as away:
            # The caller's own ledger stands guard, too.
            log.error("a key is not remembered", extra={"key": record.key, "why": str(away)})

    async def _tidy(self) -> None:
        """Forget what nobody asks for any more."""
        oldest = time.time() - KEPT_S
        self._last = {key: record for key, record in self._last.items() if record.at > oldest}
        await self._journal.replace(
            RECORD.dump_python(record, mode="json", exclude_none=True) for record in self._last.values()
        )
        self._tidy_at = max(TIDY_AT, 2 * self._journal.size)

    def _record(self, kind: Literal["began", "ended"], call: Call, idempotent: bool) -> _Record:
        return _Record(
            kind=kind,
            key=call.key,
            conversation_id=call.conversation_id,
            tool=call.tool,
            idempotent=idempotent,
            at=time.time(),
        )


def _outcome(record: _Record) -> Outcome | None:
    """How it ended; None where it may be done again."""
    if record.kind == "ended":
        return record.result or record.failure
    return None if record.idempotent else interrupted(record.tool)


def interrupted(tool: str) -> ChatResult:
    """What becomes of a call whose service ended while its tool ran."""
    error = {"code": "interrupted", "message": "the orchestrator ended while it ran", "in_doubt": True}
    return ChatResult(response_text=INTERRUPTED, action=tool, status="error", error=error)
