"""Measures how fast a deployment starts and what it weighs: `.venv/bin/python -m tests.e2e.measure`.

Prints JSON; asserts nothing. How a conversation goes, `antiphon bench conversation` measures.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.deployment import Deployment


def main() -> None:
    """Start it cold and warm, and weigh it."""
    with tempfile.TemporaryDirectory(prefix="antiphon-") as folder:
        cold = Deployment.started(Path(folder))
        cold_s = time.monotonic() - cold.began
        cold.stop()
        deployment = Deployment.started(Path(folder))
        warm_s = time.monotonic() - deployment.began
        try:
            idle = deployment.proportional_mb()
        finally:
            deployment.stop()
    told = {
        "start_s": {"cold": round(cold_s, 1), "warm": round(warm_s, 1)},
        "memory_mb": {"all": round(sum(idle.values())), "each": idle},
    }
    json.dump(told, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
