"""The newest form of the tables, told without alembic, which takes longer to load than Postgres takes to start."""

from functools import cache
from pathlib import Path

VERSIONS = Path(__file__).parent / "versions"
"""The files' names begin with their revision, and sort in its order."""


@cache
def newest() -> str:
    """The newest revision that this code knows."""
    return max(path.name.partition("_")[0] for path in VERSIONS.glob("*_*.py"))
