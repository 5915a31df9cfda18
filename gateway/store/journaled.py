"""The ledger that is always there: Postgres, and while that is away a journal on disk (docs/adr/ledger-journal.md)."""

import asyncio
import logging
from collections import OrderedDict
from pathlib import Path
from types import TracebackType
from typing import Self

from prometheus_client import Counter, Gauge
from pydantic import TypeAdapter

from bridge.ledger import FINISHED, Invocation, LedgerAway, RowRefused, Status
from gateway.store.ledger import PostgresLedger
from services.base.journal import Journal, JournalAway, understood

log = logging.getLogger(__name__)

LIMIT = 16 * 2**20
"""Bytes: some ten thousand deeds. Ends of deeds may use as much again."""
REMEMBERED = 10_000
"""Rows that are known without Postgres, the youngest."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
CLOSE_S = 5.0

WAITING = Gauge(
    "antiphon_ledger_journal_rows", "Changes of deeds that stand in the journal and not in Postgres"
)
JOURNALED = Counter("antiphon_ledger_journaled", "Changes of deeds that were written into the journal")
REFUSED = Counter("antiphon_ledger_refused", "Deeds of the journal that Postgres does not take")

ROW = TypeAdapter(Invocation)


class JournaledLedger:
    """`bridge.ledger.LedgerStore` that outlasts Postgres.

    As long as the journal holds anything, all is written into it, so that of one row nothing overtakes anything. One
    task carries it into Postgres, in order, as soon as that can be reached, and then empties it. A record is the whole
    row, so to carry it over twice changes nothing.

    A row that Postgres refuses is not written anywhere; one that is refused out of the journal is set apart, and told.
    """

    def __init__(self, postgres: PostgresLedger, journal: Journal, found: list[Invocation]) -> None:
        """`found` is what a former process has left in the journal."""
        self._postgres, self._journal = postgres, journal
        self._waiting = found
        self._journaling = bool(found)
        """Whether the file holds anything."""
        self._known: OrderedDict[str, Invocation] = OrderedDict((row.idempotency_key, row) for row in found)
        """How rows stand, by key, as far as this process knows."""
        self._carrier: asyncio.Task[None] | None = None
        self._carried = asyncio.Event()

    @classmethod
    async def open(cls, postgres: PostgresLedger, path: Path) -> Self:
        """With the journal at `path`.

        Raises:
            JournalAway: there is none to be had.
        """
        journal, records = await asyncio.to_thread(Journal.open, path, LIMIT)
        found = list(understood(records, ROW, "deed"))
        if found:
            log.warning("the journal holds deeds that Postgres lacks", extra={"changes": len(found)})
        return cls(postgres, journal, found)

    async def __aenter__(self) -> Self:
        self._carry()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Carry over what there is time for; the rest is the next process's."""
        await self.carried(CLOSE_S)
        if self._carrier:
            self._carrier.cancel()
            await asyncio.wait({self._carrier})
        await self._journal.close()

    async def carried(self, limit: float) -> bool:
        """Wait until all stands in Postgres, `limit` seconds at most; whether it does."""
        try:
            async with asyncio.timeout(limit):
                while self._journaling:
                    await self._carried.wait()
        except TimeoutError:
            return False
        return True

    async def request(self, row: Invocation) -> Invocation:
        """Write a new row, or return the one that already stands under its idempotency key.

        Raises:
            LedgerAway: neither Postgres nor the journal takes it.
        """
        if not self._journaling:
            try:
                return self._knows(await self._postgres.request(row))
            except RowRefused:
                raise
            except LedgerAway as away:
                log.warning("the ledger goes into its journal", extra={"why": str(away)})
        if known := self._known.get(row.idempotency_key):
            return known
        # Known before it is written, so that of two who ask at once one finds the other's.
        self._knows(row)
        try:
            await self._append(row)
        except LedgerAway:
            del self._known[row.idempotency_key]
            raise
        return row

    async def advance(self, row: Invocation, was: Status | None = None) -> bool:
        """Write the row's new state over its old one, where that is still `was` if one is given; whether it did.

        Raises:
            LedgerAway: as in `request`.
        """
        if not self._journaling:
            try:
                written = await self._postgres.advance(row, was)
            except RowRefused:
                raise
            except LedgerAway as away:
                log.warning("the ledger goes into its journal", extra={"why": str(away)})
            else:
                if written:
                    self._knows(row)
                return written
        before = self._known.get(row.idempotency_key)
        if before and was not in (None, before.status):
            return False
        self._knows(row)
        try:
            await self._append(row)
        except LedgerAway:
            if before:
                self._knows(before)
            raise
        return True

    async def _append(self, row: Invocation) -> None:
        self._journaling = True
        self._waiting.append(row)
        WAITING.set(len(self._waiting))
        try:
            # What has gone out must be ended also when nothing more may begin.
            await self._journal.append(
                ROW.dump_python(row, mode="json"), reserved=LIMIT if row.status in FINISHED else 0
            )
        except JournalAway as away:
            self._waiting = [each for each in self._waiting if each is not row]
            raise LedgerAway(f"Postgres is away, and so is the journal: {away}") from away
        finally:
            self._carry()
        JOURNALED.inc()

    def _knows(self, row: Invocation) -> Invocation:
        self._known[row.idempotency_key] = row
        self._known.move_to_end(row.idempotency_key)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return row

    def _carry(self) -> None:
        if self._journaling and self._carrier is None:
            self._carried.clear()
            self._carrier = asyncio.create_task(self._carry_over(), name="ledger's journal")

    async def _carry_over(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self._empty()
                break
            except (LedgerAway, JournalAway) as away:
                log.info(
                    "the journal waits for Postgres", extra={"rows": len(self._waiting), "why": str(away)}
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        # No await lies between the last look and this, so nothing was appended meanwhile.
        self._journaling, self._carrier = False, None
        self._carried.set()
        log.info("the journal is empty")

    async def _empty(self) -> None:
        """Carry over what waits, and what comes meanwhile; then empty the file.

        Raises:
            LedgerAway, JournalAway: it is to be tried again.
        """
        while True:
            while self._waiting:
                batch = list(self._waiting)
                # Of each row its last state, in the order in which the rows began.
                for row in {row.invocation_id: row for row in batch}.values():
                    try:
                        await self._postgres.restore(row)
                    except RowRefused as refused:
                        REFUSED.inc()
                        log.error(
                            "a deed of the journal is refused, set apart",
                            extra={"invocation": str(row.invocation_id), "why": str(refused)},
                        )
                carried = {id(row) for row in batch}
                self._waiting = [row for row in self._waiting if id(row) not in carried]
                WAITING.set(len(self._waiting))
            await self._journal.replace([])
            if not self._waiting:
                return
