"""Server-sent events out of bytes, as the WHATWG wants them taken apart; no I/O."""

import re
from dataclasses import dataclass

MAX_EVENT = 2**20
"""Bytes; what is to be spoken is far less."""

LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event that carries data."""

    name: str
    data: str


class EventTooLong(ValueError):
    """An event, or a line of one, is longer than `MAX_EVENT`."""

    def __init__(self, beginning: ServerEvent) -> None:
        super().__init__(f"an event of more than {MAX_EVENT} bytes")
        self.beginning = beginning
        """What came of it."""


class EventStream:
    """Takes bytes as they come and gives the events that they complete."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """The events that end in `chunk`.

        Raises:
            EventTooLong: the stream cannot be read on.
            UnicodeDecodeError: it is not UTF-8.
        """
        # A line that goes on and on is not looked through anew with every piece.
        ends_line = LINE_END.search(chunk) is not None or self._rest.endswith(b"\r")
        self._rest += chunk
        lines: list[bytes] = []
        if ends_line:
            *lines, rest = self._lines(bytes(self._rest))
            self._rest = bytearray(rest)
        events = [event for line in lines if (event := self._take(line))]
        if self._size + len(self._rest) > MAX_EVENT:
            raise EventTooLong(self._with(self._rest.decode(errors="ignore")))
        return events

    def _lines(self, data: bytes) -> list[bytes]:
        # A carriage return at the very end may be the half of a line end.
        held = data.endswith(b"\r")
        lines = LINE_END.split(data[:-1] if held else data)
        if held:
            lines[-1] += b"\r"
        return lines

    def _take(self, line: bytes) -> ServerEvent | None:
        """One line: an empty one closes the event, a colon in front makes it a comment."""
        if not line:
            event = ServerEvent(self._name or "message", "\n".join(self._data)) if self._data else None
            self._name, self._data, self._size = "", [], 0
            return event
        self._size += len(line)
        if self._size > MAX_EVENT:
            raise EventTooLong(self._with(line.decode(errors="ignore")))
        field, _, value = line.decode().partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
        return None

    def _with(self, line: str) -> ServerEvent:
        """The running event, were `line` its last."""
        more = [line.removeprefix("data:").removeprefix(" ")] if line.startswith("data:") else []
        return ServerEvent(self._name or "message", "\n".join([*self._data, *more]))
