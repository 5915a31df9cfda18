"""A journal on disk: what `append` has returned is found again after a kill -9 and a power cut.

A line is one record: its CRC-32 in hex, a space, JSON. A line that was torn, or that the disk has spoilt, is left out
when the file is read; lines after it are read all the same, for JSON holds no line end.
"""

import asyncio
import fcntl
import json
import logging
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import TypeAdapter, ValidationError

log = logging.getLogger(__name__)

T = TypeVar("T")

Record = Mapping[str, Any]
"""What JSON can carry."""


class JournalAway(Exception):
    """Nothing was written: the disk is full or read only, or the journal as long as it may be."""


@dataclass(slots=True, eq=False)
class _Write:
    """Something that waits to be written, and whoever waits for that."""

    lines: bytes
    anew: bool
    """Whether it takes the place of all that stands there."""
    done: asyncio.Future[None]


class Journal:
    """One file, and one process at it. Whoever appends at the same time shares one flush of the disk."""

    def __init__(self, path: Path, file: int, lock: int, size: int, limit: int) -> None:
        self.path, self._file, self._lock, self._limit = path, file, lock, limit
        self.size = size
        """Bytes."""
        self._waiting: list[_Write] = []
        self._writer: asyncio.Task[None] | None = None

    @classmethod
    def open(cls, path: Path, limit: int) -> tuple[Self, list[dict[str, Any]]]:
        """The journal at `path`, made where there is none, and what stands in it. Blocks.

        Args:
            limit: bytes that `append` may fill; what stands there is kept also where it is more.

        Raises:
            JournalAway: it cannot be opened, or another process has it.
        """
        lock = -1
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Beside the journal, which is replaced as a whole now and then.
            lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            content = path.read_bytes() if path.exists() else b""
            records, whole = _read(path, content)
            if not whole or not path.exists():
                _write_anew(path, b"".join(_line(record) for record in records))
            file = _opened(path)
            return cls(path, file, lock, os.fstat(file).st_size, limit), records
        except OSError as error:
            if lock >= 0:
                os.close(lock)
            reason = "another process has it" if isinstance(error, BlockingIOError) else error.strerror
            raise JournalAway(f"{path}: {reason}") from error

    async def append(self, record: Record, reserved: int = 0) -> None:
        """Write `record` behind the others; it is on the disk when this returns.

        Args:
            reserved: bytes over the limit that it may use all the same.

        Raises:
            JournalAway: it is not written.
        """
        line = _line(record)
        if self.size + len(line) > self._limit + reserved:
            raise JournalAway(f"{self.path} holds {self.size} bytes, and may hold no more than {self._limit}")
        await self._write(line, anew=False)

    async def replace(self, records: Iterable[Record]) -> None:
        """Let these stand alone, in the place of all that was appended before; what is appended now comes after.

        Raises:
            JournalAway: what stood there still stands.
        """
        await self._write(b"".join(_line(record) for record in records), anew=True)

    async def close(self) -> None:
        """Let what is being written be written, and give the file free."""
        if self._writer:
            await asyncio.wait({self._writer})
        os.close(self._file)
        os.close(self._lock)

    async def _write(self, lines: bytes, anew: bool) -> None:
        write = _Write(lines, anew, asyncio.get_running_loop().create_future())
        self._waiting.append(write)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_on(), name=f"journal {self.path.name}")
        # Who is cancelled meanwhile has it written all the same, for it is on its way.
        await asyncio.shield(write.done)

    async def _write_on(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            error: JournalAway | None = None
            try:
                await asyncio.to_thread(self._flush, batch)
            except OSError as away:
                error = JournalAway(f"{self.path}: {away.strerror}")
                log.error("journal cannot be written", extra={"path": str(self.path), "why": away.strerror})
            for write in batch:
                if write.done.cancelled():
                    continue
                if error:
                    write.done.set_exception(error)
                    write.done.exception()  # Who waited may be gone, and an error nobody took would be logged.
                else:
                    write.done.set_result(None)
        self._writer = None

    def _flush(self, batch: list[_Write]) -> None:
        """Write all of `batch`, or nothing that would be read again."""
        last = max((at for at, write in enumerate(batch) if write.anew), default=-1)
        lines = b"".join(write.lines for write in batch[max(last, 0) :])
        if last >= 0:
            _write_anew(self.path, lines)
            os.close(self._file)
            self._file = _opened(self.path)
            self.size = len(lines)
            return
        try:
            _write_all(self._file, lines)
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.size += len(lines)


def understood(records: Iterable[dict[str, Any]], kind: TypeAdapter[T], what: str) -> Iterator[T]:
    """Those of `records` that are one of that kind; of the others it is told that they are no `what`."""
    for record in records:
        try:
            yield kind.validate_python(record)
        except ValidationError as error:
            log.error(f"the journal holds a record that is no {what}", extra={"fields": error.error_count()})


def _line(record: Record) -> bytes:
    # ASCII, so that also what no encoding can carry (half a surrogate pair) is written.
    body = json.dumps(record, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _read(path: Path, content: bytes) -> tuple[list[dict[str, Any]], bool]:
    """The records that can be read, and whether these are all."""
    lines = content.split(b"\n")
    torn = lines.pop()
    records = [record for line in lines if (record := _parsed(line)) is not None]
    spoilt = len(lines) - len(records)
    if spoilt:
        log.error("journal has lines that cannot be read", extra={"path": str(path), "lines": spoilt})
    return records, not torn and not spoilt


def _parsed(line: bytes) -> dict[str, Any] | None:
    check, _, body = line.partition(b" ")
    if check != b"%08x" % zlib.crc32(body):
        return None
    try:
        record = json.loads(body)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)


def _write_anew(path: Path, content: bytes) -> None:
    """Put `content` in the place of the file; whenever we are killed, one of the two stands there whole."""
    beside = path.with_suffix(".new")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        _write_all(file, content)
        os.fsync(file)
    finally:
        os.close(file)
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write_all(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]
