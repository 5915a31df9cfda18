"""docs/tables.md says of every column what the metadata say."""

from pathlib import Path

from sqlalchemy import CheckConstraint, Table
from sqlalchemy.dialects import postgresql

from migrations.metadata import METADATA

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"
VIEWS = Path(__file__).parents[2] / "migrations" / "views"


def described(table: Table) -> str:
    """A table as the page shows it."""
    lists = {
        str(check.name): str(check.sqltext).partition(" IN ")[2].strip("()").replace("'", "`")
        for check in table.constraints
        if isinstance(check, CheckConstraint)
    }
    lines = [f"### {table.name}", "", f"{table.comment}.", "", "| column | type | meaning |", "|---|---|---|"]
    for column in table.columns:
        kind = str(column.type.compile(dialect=postgresql.dialect())).lower()  # type: ignore[no-untyped-call]
        kind = kind.replace("timestamp with time zone", "timestamptz") + (
            "" if column.nullable else ", not null"
        )
        values = lists.get(f"ck_{table.name}_{column.name}", "")
        lines.append(f"| `{column.name}` | {kind} | {column.comment}{': ' if values else ''}{values} |")
    return "\n".join(lines)


def test_the_page_tells_every_column_as_the_metadata_do() -> None:
    page = PAGE.read_text()
    for table in (table for metadata in METADATA for table in metadata.sorted_tables):
        assert described(table) in page, f"put into docs/tables.md:\n\n{described(table)}"


def test_the_page_tells_of_every_view() -> None:
    page = PAGE.read_text()
    for file in VIEWS.glob("*.sql"):
        assert f"### {file.stem.rpartition('_v')[0]}\n" in page
