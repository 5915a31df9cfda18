"""While Postgres is away deeds are written down all the same, and stand in it once it is back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from bridge.ledger import Invocation, LedgerAway, RowRefused, Status, finished, started
from gateway.store import journaled, tables
from gateway.store.journaled import JournaledLedger
from gateway.store.ledger import PostgresLedger
from gateway.store.store import Store
from services.base.ids import new_id
from services.base.journal import JournalAway
from tests.gateway.store.samples import Read, later

Make = Callable[..., Invocation]
WAIT_S = 30.0


class Postgres(PostgresLedger):
    """The real one, which goes away, and may write a row and lose its own answer."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine, "gateway-1", limit=WAIT_S)
        self.away = False
        self.loses_answers = False
        self.asked = asyncio.Event()
        """It was tried while it was away."""

    async def request(self, row: Invocation) -> Invocation:
        self._look()
        standing = await super().request(row)
        self._lose()
        return standing

    async def advance(self, row: Invocation, was: Status | None = None) -> bool:
        self._look()
        written = await super().advance(row, was)
        self._lose()
        return written

    async def restore(self, row: Invocation) -> None:
        self._look()
        await super().restore(row)

    def _look(self) -> None:
        if self.away:
            self.asked.set()
            raise LedgerAway("gone")

    def _lose(self) -> None:
        if self.loses_answers:
            raise LedgerAway("no answer")


@pytest.fixture
def database(engine: AsyncEngine) -> Postgres:
    return Postgres(engine)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.journal"


@asynccontextmanager
async def ledger_at(
    database: Postgres, path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[JournaledLedger]:
    """A ledger whose process ends without carrying over what it could not."""
    monkeypatch.setattr(journaled, "CLOSE_S", 0.0)
    async with await JournaledLedger.open(database, path) as ledger:
        yield ledger


@pytest.fixture
async def ledger(
    database: Postgres, path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[JournaledLedger]:
    async with ledger_at(database, path, monkeypatch) as ledger:
        yield ledger


async def stored(read: Read) -> list[dict[str, Any]]:
    table = tables.voice_tool_invocations
    return await read(select(table).order_by(table.c.requested_at, table.c.invocation_id))


def size(path: Path) -> int:
    return path.stat().st_size


async def test_with_postgres_there_nothing_goes_into_the_journal(
    ledger: JournaledLedger, path: Path, read: Read, invocation: Make
) -> None:
    row = await ledger.request(invocation())
    assert await ledger.advance(started(row, later(1)), Status.REQUESTED)
    assert [each["status"] for each in await stored(read)] == ["running"]
    assert size(path) == 0


async def test_a_deed_of_an_outage_stands_in_postgres_afterwards(
    ledger: JournaledLedger, database: Postgres, path: Path, read: Read, invocation: Make
) -> None:
    database.away = True
    row = await ledger.request(invocation(request={"message": "Tōkyō?"}, amends=new_id(), idempotent=True))
    assert size(path) > 0
    row = started(row, later(1))
    assert await ledger.advance(row, Status.REQUESTED)
    row = finished(row, Status.SUCCESS, later(2), result={"response_text": "Noon."})
    assert await ledger.advance(row)
    assert await stored(read) == []

    database.away = False
    assert await ledger.carried(WAIT_S)
    assert await stored(read) == [asdict(row)]
    assert size(path) == 0


@pytest.mark.parametrize("steps", [1, 2, 3])
async def test_the_next_process_carries_over_what_a_killed_one_has_left(
    steps: int,
    database: Postgres,
    path: Path,
    read: Read,
    invocation: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = invocation()
    states = [row, started(row, later(1)), finished(started(row, later(1)), Status.SUCCESS, later(2))]
    database.away = True
    async with ledger_at(database, path, monkeypatch) as ledger:
        await ledger.request(states[0])
        for state in states[1:steps]:
            await ledger.advance(state)
    assert await stored(read) == []

    database.away = False
    async with ledger_at(database, path, monkeypatch) as ledger:
        assert await ledger.carried(WAIT_S)
    assert await stored(read) == [asdict(states[steps - 1])]


async def test_a_row_that_postgres_had_before_goes_on_in_the_journal(
    ledger: JournaledLedger, database: Postgres, read: Read, invocation: Make
) -> None:
    row = await ledger.request(invocation())
    database.away = True
    row = started(row, later(1))
    assert await ledger.advance(row, Status.REQUESTED)
    assert not await ledger.advance(row, Status.REQUESTED)
    database.away = False
    assert await ledger.carried(WAIT_S)
    assert await stored(read) == [asdict(row)]


@pytest.mark.parametrize("known_from", ["postgres", "the journal"])
async def test_the_same_key_finds_its_row_also_while_postgres_is_away(
    ledger: JournaledLedger, database: Postgres, read: Read, invocation: Make, known_from: str
) -> None:
    row = invocation()
    database.away = known_from == "the journal"
    await ledger.request(row)
    database.away = True
    again = replace(row, invocation_id=new_id(), arguments={"place": "Kyōto"})
    assert (await ledger.request(again)).invocation_id == row.invocation_id
    database.away = False
    assert await ledger.carried(WAIT_S)
    assert await stored(read) == [asdict(row)]


async def test_of_many_requests_at_once_under_one_key_one_is_written_in_an_outage_too(
    ledger: JournaledLedger, database: Postgres, read: Read, invocation: Make
) -> None:
    database.away = True
    first = invocation()
    rows = [replace(first, invocation_id=new_id()) for _ in range(8)]
    standing = await asyncio.gather(*(ledger.request(row) for row in rows))
    database.away = False
    assert await ledger.carried(WAIT_S)
    [written] = await stored(read)
    assert {row.invocation_id for row in standing} == {written["invocation_id"]}


async def test_what_was_written_and_whose_answer_was_lost_is_one_row(
    ledger: JournaledLedger, database: Postgres, read: Read, invocation: Make
) -> None:
    database.loses_answers = True
    row = await ledger.request(invocation())
    row = started(row, later(1))
    assert await ledger.advance(row, Status.REQUESTED)
    assert await ledger.carried(WAIT_S)
    assert await stored(read) == [asdict(row)]


async def test_an_end_that_stands_in_postgres_is_not_undone_by_an_older_state(
    ledger: JournaledLedger, database: Postgres, read: Read, invocation: Make
) -> None:
    row = await ledger.request(invocation())
    end = finished(started(row, later(1)), Status.SUCCESS, later(2))
    await database.advance(end)
    await database.restore(started(row, later(1)))
    assert await stored(read) == [asdict(end)]


async def test_what_comes_while_the_journal_is_carried_over_does_not_overtake_it(
    ledger: JournaledLedger, database: Postgres, read: Read, invocation: Make
) -> None:
    database.away = True
    rows = [await ledger.request(invocation()) for _ in range(5)]
    await database.asked.wait()
    database.away = False
    ends = []
    for row in rows:
        running = started(row, later(1))
        await ledger.advance(running)
        ends.append(finished(running, Status.SUCCESS, later(2)))
        await ledger.advance(ends[-1])
    assert await ledger.carried(WAIT_S)
    assert await stored(read) == [asdict(end) for end in ends]


async def test_a_row_that_postgres_refuses_is_refused_and_never_journaled(
    ledger: JournaledLedger, path: Path, invocation: Make
) -> None:
    with pytest.raises(RowRefused):
        await ledger.request(invocation(risk="mild"))
    assert size(path) == 0


async def test_a_row_of_the_journal_that_postgres_refuses_keeps_no_other_from_it(
    ledger: JournaledLedger,
    database: Postgres,
    read: Read,
    invocation: Make,
    caplog: pytest.LogCaptureFixture,
) -> None:
    database.away = True
    await ledger.request(invocation(risk="mild"))
    good = await ledger.request(invocation())
    database.away = False
    assert await ledger.carried(WAIT_S)
    assert await stored(read) == [asdict(good)]
    assert "refused, set apart" in caplog.text


async def test_a_full_journal_takes_no_new_deed_and_the_end_of_an_old_one(
    database: Postgres, path: Path, invocation: Make, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.away = True
    monkeypatch.setattr(journaled, "LIMIT", 1500)
    async with ledger_at(database, path, monkeypatch) as ledger:
        row = started(await ledger.request(invocation()), later(1))
        await ledger.advance(row)
        new = invocation(arguments={"place": "x" * 1500})
        with pytest.raises(LedgerAway, match="so is the journal"):
            await ledger.request(new)
        # Nothing was written, so whoever asks again is not told that it is in hand.
        with pytest.raises(LedgerAway):
            await ledger.request(new)
        end = finished(row, Status.SUCCESS, later(2))
        assert await ledger.advance(end)
        database.away = False
        assert await ledger.carried(WAIT_S)
    assert await stored(read) == [asdict(end)]


async def test_a_store_without_a_journal_that_can_be_had_does_without(
    database_url: str, tmp_path: Path, invocation: Make, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    await asyncio.to_thread(blocked.write_text, "")
    async with Store.open(database_url, "gateway-1", WAIT_S, blocked / "ledger.journal") as store:
        await store.ledger.request(invocation())
    assert len(await stored(read)) == 1
    assert "no journal" in caplog.text


async def test_two_gateways_of_one_name_do_not_share_a_journal(
    ledger: JournaledLedger, database: Postgres, path: Path
) -> None:
    with pytest.raises(JournalAway, match="another process"):
        await JournaledLedger.open(database, path)
