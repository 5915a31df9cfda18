"""Logging: one line an event, fields behind it; what people said only where it was asked for.

Words get into logs by three ways, and each is closed: our own fields (those that may hold words are named `pii_…`),
exceptions, which quote what they choke on (`ValueError: invalid literal … 'my card is …'`), and libraries, which at
DEBUG tell all that they send.
"""

import asyncio
import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from services.base.problems import Problem

OURS = ("gateway", "bridge", "personas", "migrations", "services", "__main__")
"""Loggers that `LOG_LEVEL` is for. Everybody else's say what goes wrong and no more."""

PLAIN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def fields(record: logging.LogRecord, pii: bool) -> dict[str, Any]:
    """The `extra` of a record. Keys that start with `pii` hold what people said: hidden unless asked for."""
    extra = {k: v for k, v in vars(record).items() if k not in PLAIN}
    return {k: (v if pii or not k.startswith("pii") else "…") for k, v in extra.items()}


class Lines(logging.Formatter):
    """`12:00:00.000 info gateway.call | call ended session=… reason=…`, or the same as JSON."""

    def __init__(self, part: str, as_json: bool, pii: bool) -> None:
        super().__init__()
        self.part, self.as_json, self.pii = part, as_json, pii

    def format(self, record: logging.LogRecord) -> str:
        extra = fields(record, self.pii)
        trace = None
        if record.exc_info and (error := record.exc_info[1]):
            trace = self.formatException(record.exc_info) if self.pii else "\n".join(bare_trace(error))
        if self.as_json:
            row = {"at": record.created, "level": record.levelname.lower(), "part": self.part}
            row |= {"logger": record.name, "message": record.getMessage(), **extra}
            return json.dumps(row | ({"trace": trace} if trace else {}), default=str)
        at = self.formatTime(record, "%H:%M:%S")
        tail = "".join(f" {k}={v}" for k, v in extra.items())
        head = f"{at}.{int(record.msecs):03d} {record.levelname.lower():7} {self.part}"
        line = f"{head} | {record.getMessage()}{tail}"
        return f"{line}\n{trace}" if trace else line


def bare_trace(error: BaseException) -> Iterator[str]:
    """The lines of a traceback without what the exceptions say: their kinds, and the code they came through."""
    if error.__cause__ is not None:
        yield from bare_trace(error.__cause__)
        yield "… was the direct cause of:"
    elif error.__context__ is not None and not error.__suppress_context__:
        yield from bare_trace(error.__context__)
        yield "… and while that was handled:"
    yield from "".join(traceback.format_tb(error.__traceback__)).splitlines()
    kind = type(error)
    code = f" ({error.code})" if isinstance(error, Problem) else ""
    yield f"{kind.__module__}.{kind.__qualname__}{code}"
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from (f"  | {line}" for line in bare_trace(each))


def tell_of_stray(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody caught in the event loop; asyncio's own handler would print it, arguments and all."""
    error = context.get("exception")
    logging.getLogger(__name__).error(
        "nobody caught this", exc_info=error, extra={"pii_message": context["message"]}
    )


def set_up_logs(part: str) -> None:
    """Log to stderr under the name `part`. `LOG_LEVEL`, `LOG_FORMAT=json` and `LOG_PII=1` are heeded."""
    level = os.environ.get("LOG_LEVEL", "INFO").upper()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        Lines(part, os.environ.get("LOG_FORMAT") == "json", os.environ.get("LOG_PII") == "1")
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
