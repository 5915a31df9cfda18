"""The outbox: rows written behind the sound, by one task, whatever Postgres is doing meanwhile."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from types import TracebackType
from typing import Self

from prometheus_client import Counter, Gauge
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store.rows import EventRow, LatencyRow, Row, key, values
from gateway.store.tables import OUTBOX_ORDER, voice_events
from services.base.database import error_code, is_away

log = logging.getLogger(__name__)

LIMIT = 10_000
"""Rows that may wait: enough to outlast a restart of the database, too few to fill the memory."""
BATCH = 500
"""Rows in one transaction, so that one bad row costs few repetitions."""
GATHER_S = 0.2
"""Rows come in handfuls; what comes within this time shares a transaction, and a statement where columns are alike."""
WRITE_S = 10.0
"""A batch takes milliseconds; what takes longer is cut off and tried again."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
CLOSE_S = 10.0

PLACE = {table: place for place, table in enumerate(OUTBOX_ORDER)}
ROW_FAULTS = ("22", "23", "54")
"""SQLSTATE classes that blame the row: its data, a constraint, its size. All else may pass with time."""

DEPTH = Gauge("antiphon_outbox_depth", "Rows that wait to be written")
LAG = Gauge("antiphon_outbox_lag_seconds", "How long the oldest of them has waited, when last tried")
WRITTEN = Counter("antiphon_outbox_written", "Rows written", ["table"])
DROPPED = Counter("antiphon_outbox_dropped", "Rows given up because the outbox was full", ["table"])
FAILED = Counter("antiphon_outbox_failed", "Rows set apart for a fault of their own", ["table", "code"])
RETRIES = Counter("antiphon_outbox_retries", "Times that Postgres could not be written to", ["code"])


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row, and when it came (monotonic seconds)."""

    row: Row
    since: float


class Outbox:
    """Rows on their way to Postgres.

    `put` never waits. One task writes what waits, in batches and in order: within a table as it was put, and parents
    before children. A row that is there already is merged: the columns that the new one sets win, the others stay; an
    event that is there already is left alone. So a batch whose fate is unknown is simply written again.

    While Postgres is away, rows wait and are tried again for ever. A row that Postgres refuses for a fault of its own
    (a value outside the list, a turn that was never put) is set apart: logged with its key, counted, not tried again.

    When `limit` rows wait, the log of the calls gives way to the calls: a new event or latency is dropped, and any
    other row takes the place of the newest event or latency that waits. So what was logged first is kept, and a
    session's log has a gap rather than no beginning. Only when nothing is left to take the place of is such
    a row dropped too. All that is dropped is counted, and said once until the outbox has been empty again.

    `put` belongs to the event loop's thread.
    """

    def __init__(self, engine: AsyncEngine, limit: int = LIMIT) -> None:
        self._engine = engine
        self._limit = limit
        self._calls: deque[Waiting] = deque()
        self._logs: deque[Waiting] = deque()
        """Events and latencies; written after the rest, so no order between the two is needed."""
        self._batch: list[Waiting] = []
        """Being written."""
        self._any = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()
        self._overflowed = False
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._writer = asyncio.create_task(self._write_on(), name="outbox")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def depth(self) -> int:
        """Rows that wait, those being written included."""
        return len(self._calls) + len(self._logs) + len(self._batch)

    @property
    def full(self) -> bool:
        """Whether a next event would be dropped."""
        return self.depth >= self._limit

    def put(self, row: Row) -> None:
        """Have `row` written soon; a turn's first row before the rows that name the turn."""
        behind = isinstance(row, EventRow | LatencyRow)
        if self.full:
            if behind or not self._logs:
                self._drop(row)
                return
            self._drop(self._logs.pop().row)
        (self._logs if behind else self._calls).append(Waiting(row, time.monotonic()))
        DEPTH.set(self.depth)
        self._none.clear()
        self._any.set()

    async def flush(self, timeout: float) -> bool:
        """Wait until no row waits, `timeout` seconds at most; whether that came to pass."""
        try:
            async with asyncio.timeout(timeout):
                await self._none.wait()
        except TimeoutError:
            return False
        return True

    async def close(self, timeout: float = CLOSE_S) -> int:
        """Write what waits, `timeout` seconds at most, and stop; how many rows were lost."""
        if self._writer is None:
            return 0
        await self.flush(timeout)
        self._writer.cancel()
        await asyncio.wait([self._writer])
        self._writer = None
        if self.depth:
            log.error("outbox closed with rows unwritten", extra={"rows": self.depth})
        return self.depth

    def _drop(self, row: Row) -> None:
        DROPPED.labels(row.TABLE.name).inc()
        if not self._overflowed:
            self._overflowed = True
            log.error("outbox full, rows are dropped", extra={"limit": self._limit, "table": row.TABLE.name})

    async def _write_on(self) -> None:
        while True:
            await self._any.wait()
            if self.depth < BATCH:
                await asyncio.sleep(GATHER_S)
            self._batch = sorted(self._take(), key=lambda waiting: PLACE[waiting.row.TABLE])
            await self._settle([waiting.row for waiting in self._batch])
            self._batch = []
            DEPTH.set(self.depth)
            if not self.depth:
                LAG.set(0)
                self._overflowed = False
                self._any.clear()
                self._none.set()

    def _take(self) -> Iterator[Waiting]:
        for _ in range(BATCH):
            if queue := self._calls or self._logs:
                yield queue.popleft()

    async def _settle(self, rows: list[Row]) -> None:
        """Write `rows`; halve them until a row with a fault of its own stands alone, and set that apart."""
        try:
            await self._insist(rows)
        except Exception as error:
            if len(rows) == 1:
                self._set_apart(rows[0], error)
                return
            middle = len(rows) // 2
            await self._settle(rows[:middle])
            await self._settle(rows[middle:])

    async def _insist(self, rows: list[Row]) -> None:
        """Write `rows` in one transaction, again and again while Postgres is away.

        Raises:
            Exception: one of the rows can't be written, now or later (`blames_the_row`).
        """
        pause = FIRST_PAUSE_S
        while True:
            LAG.set(time.monotonic() - min(waiting.since for waiting in self._batch))
            try:
                async with asyncio.timeout(WRITE_S):
                    await self._write(rows)
                break
            except Exception as error:
                if blames_the_row(error):
                    raise
                code = error_code(error)
                RETRIES.labels(code).inc()
                log.warning("cannot write rows, trying again", extra={"code": code, "rows": self.depth})
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        for row in rows:
            WRITTEN.labels(row.TABLE.name).inc()

    async def _write(self, rows: list[Row]) -> None:
        async with self._engine.begin() as connection:
            for statement, parameters in statements(rows):
                await connection.execute(statement, parameters)

    def _set_apart(self, row: Row, error: Exception) -> None:
        code = error_code(error)
        FAILED.labels(row.TABLE.name, code).inc()
        reason = str(error.orig) if isinstance(error, StatementError) else str(error)
        log.error(
            "row refused, set apart",
            # Postgres repeats the whole row in its detail, words and all.
            extra={"table": row.TABLE.name, "code": code, **key(row), "pii_reason": reason},
        )


def statements(rows: Iterable[Row]) -> Iterator[tuple[Insert, list[dict[str, object]]]]:
    """Upserts for `rows` in their order, neighbours that set the same columns together."""
    set_values = ((row.TABLE, values(row)) for row in rows)
    for (table, columns), alike in groupby(set_values, key=lambda row: (row[0], tuple(row[1]))):
        yield upsert(table, columns), [parameters for _, parameters in alike]


@cache
def upsert(table: Table, columns: tuple[str, ...]) -> Insert:
    """The statement that writes `columns` of a row, be it there already or not.

    Kept: making it takes longer than its execution, and few sets of columns come up.
    """
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    merged = {name: statement.excluded[name] for name in columns if name not in keys}
    if table is voice_events or not merged:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=merged)


def blames_the_row(error: Exception) -> bool:
    """Whether writing the same row again would be in vain."""
    if isinstance(error, DBAPIError):
        return error_code(error).startswith(ROW_FAULTS)
    return not is_away(error)  # A value that could not even be sent.
