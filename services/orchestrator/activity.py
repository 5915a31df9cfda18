"""How it has gone with each agent since this service started. No I/O, no clock."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class Record:
    """Of one agent."""

    calls: int = 0
    failures: int = 0
    last_used_at: datetime | None = None
    last_failed_at: datetime | None = None

    @property
    def failed_last(self) -> bool:
        """Whether the last call failed."""
        return self.last_failed_at is not None and self.last_failed_at == self.last_used_at


class Activity:
    """Counts calls by agent. A refusal with a reason ("nothing can be divided by zero") is no failure."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def note(self, agent: str, failed: bool, at: datetime) -> None:
        """A call of one of its tools has ended."""
        record = self._records.setdefault(agent, Record())
        record.calls += 1
        record.last_used_at = at
        if failed:
            record.failures += 1
            record.last_failed_at = at

    def of(self, agent: str) -> Record:
        """All zero for one that was not used yet."""
        return self._records.get(agent, Record())
