"""What was appended is found again, whatever happened to the process and to the end of the file."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.base.journal import Journal, JournalAway

LIMIT = 10_000
PATIENCE = 20.0


@asynccontextmanager
async def opened(path: Path, limit: int = LIMIT) -> AsyncIterator[tuple[Journal, list[dict[str, object]]]]:
    journal, records = Journal.open(path, limit)
    try:
        yield journal, records
    finally:
        await journal.close()


async def kept(path: Path) -> list[dict[str, object]]:
    async with opened(path) as (_, records):
        return records


def size(path: Path) -> int:
    return path.stat().st_size


def change_first(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Change the first line."""
    content = path.read_bytes() if path.exists() else b""
    first, _, rest = content.partition(b"\n")
    path.write_bytes(change(first) + b"\n" + rest)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "deeds.journal"


async def test_what_was_appended_stands_there_in_order(path: Path) -> None:
    async with opened(path) as (journal, records):
        assert records == []
        await journal.append({"n": 1, "text": "Tōkyō\nnow \ud800"})
        await journal.append({"n": 2})
    assert await kept(path) == [{"n": 1, "text": "Tōkyō\nnow \ud800"}, {"n": 2}]


async def test_many_at_once_are_written_each_once_and_flushed_together(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushes: list[int] = []
    flush = os.fdatasync

    def counted(file: int) -> None:
        flushes.append(file)
        flush(file)

    monkeypatch.setattr(os, "fdatasync", counted)
    async with opened(path) as (journal, _):
        await asyncio.gather(*(journal.append({"n": n}) for n in range(50)))
    assert await kept(path) == [{"n": n} for n in range(50)]
    # All come while the first is flushed, or before that.
    assert len(flushes) <= 2


@pytest.mark.parametrize("cut", [1, 5, 12])
async def test_a_torn_tail_is_left_out_and_what_is_appended_after_it_is_found(path: Path, cut: int) -> None:
    async with opened(path) as (journal, _):
        await journal.append({"n": 1})
        await journal.append({"n": 2})
    os.truncate(path, size(path) - cut)
    async with opened(path) as (journal, records):
        assert records == [{"n": 1}]
        await journal.append({"n": 3})
    assert await kept(path) == [{"n": 1}, {"n": 3}]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line.replace(b"1", b"7"),
        lambda line: b"",
        lambda line: b"\x00" * len(line),
        lambda line: b'00000000 {"n":1}',
    ],
)
async def test_a_line_that_the_disk_has_spoilt_is_left_out_and_told(
    path: Path, spoil: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(path) as (journal, _):
        await journal.append({"n": 1})
        await journal.append({"n": 2})
    change_first(path, spoil)
    assert await kept(path) == [{"n": 2}]
    assert "cannot be read" in caplog.text
    caplog.clear()
    assert await kept(path) == [{"n": 2}]
    assert not caplog.text


async def test_what_replaces_all_stands_alone_with_what_comes_after_it(path: Path) -> None:
    async with opened(path) as (journal, _):
        await journal.append({"n": 1})
        await asyncio.gather(journal.append({"n": 2}), journal.replace([{"n": 3}]), journal.append({"n": 4}))
        await journal.append({"n": 5})
        assert journal.size == size(path)
    assert await kept(path) == [{"n": 3}, {"n": 4}, {"n": 5}]


async def test_it_grows_to_its_limit_and_for_what_has_room_reserved_beyond(path: Path) -> None:
    async with opened(path, limit=40) as (journal, _):
        await journal.append({"n": 1})
        with pytest.raises(JournalAway, match="may hold no more"):
            await journal.append({"text": "x" * 40})
        await journal.append({"text": "x" * 40}, reserved=100)
    assert len(await kept(path)) == 2


async def test_a_disk_that_is_full_leaves_no_half_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    async with opened(path) as (journal, _):
        await journal.append({"n": 1})

        def half(file: int, content: bytes) -> int:
            if len(content) < 12:
                raise OSError(28, "No space left on device")
            return write(file, content[:12])

        with monkeypatch.context() as full:
            full.setattr(os, "write", half)
            with pytest.raises(JournalAway, match="No space left"):
                await journal.append({"n": 2})
        await journal.append({"n": 3})
    assert await kept(path) == [{"n": 1}, {"n": 3}]


async def test_two_processes_do_not_share_one(path: Path) -> None:
    async with opened(path):
        with pytest.raises(JournalAway, match="another process"):
            Journal.open(path, LIMIT)
    assert await kept(path) == []


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    change_first(tmp_path / "file", lambda _: b"")
    with pytest.raises(JournalAway, match="file"):
        Journal.open(tmp_path / "file" / "deeds.journal", LIMIT)


async def test_who_stops_waiting_has_it_written_all_the_same(path: Path) -> None:
    async with opened(path) as (journal, _):
        task = asyncio.create_task(journal.append({"n": 1}))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    assert await kept(path) == [{"n": 1}]


WRITER = """
import asyncio, sys
from pathlib import Path
from services.base.journal import Journal

async def write():
    journal, _ = Journal.open(Path(sys.argv[1]), 10**6)
    n = 0
    while True:
        await journal.append({"n": n})
        print(n, flush=True)
        n += 1

asyncio.run(write())
"""


async def test_after_kill_9_all_is_there_that_was_said_to_be_written(path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        for _ in range(20):
            said = int(await process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = await process.stdout.read()
        await process.wait()
    said = int(rest.split()[-1]) if rest.split() else said
    records = await kept(path)
    assert records == [{"n": n} for n in range(len(records))]
    assert len(records) >= said + 1
