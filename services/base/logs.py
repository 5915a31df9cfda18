"""Logging: one line an event, fields behind it; what people said only where it was asked for."""

import json
import logging
import os
import sys
from typing import Any

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
        trace = self.formatException(record.exc_info) if record.exc_info else None
        if self.as_json:
            row = {"at": record.created, "level": record.levelname.lower(), "part": self.part}
            row |= {"logger": record.name, "message": record.getMessage(), **extra}
            return json.dumps(row | ({"trace": trace} if trace else {}), default=str)
        at = self.formatTime(record, "%H:%M:%S")
        tail = "".join(f" {k}={v}" for k, v in extra.items())
        head = f"{at}.{int(record.msecs):03d} {record.levelname.lower():7} {self.part}"
        line = f"{head} | {record.getMessage()}{tail}"
        return f"{line}\n{trace}" if trace else line


def set_up_logs(part: str) -> None:
    """Log to stderr under the name `part`. `LOG_LEVEL`, `LOG_FORMAT=json` and `LOG_PII=1` are heeded."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        Lines(part, os.environ.get("LOG_FORMAT") == "json", os.environ.get("LOG_PII") == "1")
    )
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO").upper(), handlers=[handler], force=True)
    # They tell of each request and of each look at the migrations.
    for name in ("aiohttp.access", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
