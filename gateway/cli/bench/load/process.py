"""What a process takes, as Linux tells it; elsewhere it is not known."""

import os
from dataclasses import dataclass
from pathlib import Path


def cpu_s(pid: int) -> float | None:
    """Seconds of CPU that process `pid` has used so far."""
    try:
        # The name, in brackets, may hold spaces; user and system time are the 14th and 15th field (proc(5)).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kb(pid: int) -> int | None:
    """Its memory in kB, with its share of what it shares (PSS)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), None)


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where."""

    under_test: int | None
    """None: wherever the system puts it."""
    others: frozenset[int]
    """For the generator and the database."""

    @classmethod
    def divide(cls) -> "Cores":
        """The last core for the process under test, the others for the rest; with one core they share it."""
        if not hasattr(os, "sched_getaffinity"):
            return cls(None, frozenset())
        *others, last = sorted(os.sched_getaffinity(0))
        return cls(last, frozenset(others or [last]))

    @property
    def apart(self) -> bool:
        """Whether the process under test has a core of its own."""
        return self.under_test is not None and self.under_test not in self.others
