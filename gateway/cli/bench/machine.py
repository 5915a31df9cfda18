"""On what a measurement was taken: machine, versions, load."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gateway.cli.home import CHECKOUT

GIT_S = 5.0


def machine() -> dict[str, Any]:
    """For the JSON of a run."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "antiphon": version("antiphon"),
        "commit": _commit(),
    }


def load_average() -> list[float]:
    """Of the machine, over the last 1, 5 and 15 minutes."""
    return [round(each, 2) for each in os.getloadavg()]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _commit() -> str | None:
    """Of the checkout that we run from; None where that is none, or has no git."""
    try:
        told = subprocess.run(
            ["git", "-C", CHECKOUT, "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            timeout=GIT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip()
