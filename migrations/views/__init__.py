"""The analytic views, one file for each of their forms.

A view that changes gets a new file, `name_v02.sql`, and a migration that drops the old form and creates the new one;
old files stay, because old migrations read them.
"""

from pathlib import Path

from alembic import op


def create_view(name: str, form: int) -> None:
    """Create view `name` in its form `form`."""
    op.execute((Path(__file__).parent / f"{name}_v{form:02}.sql").read_text())


def drop_view(name: str) -> None:
    """Drop view `name`."""
    op.execute(f"DROP VIEW {name}")
