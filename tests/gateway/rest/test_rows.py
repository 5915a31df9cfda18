"""The rows that REST describes are the tables' own."""

import json
from typing import Any, get_args

import pytest
from sqlalchemy import CheckConstraint

from gateway.rest.rows import Row

ROWS = Row.__subclasses__()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_a_row_has_its_table_s_columns_and_says_which_may_be_null(row: type[Row]) -> None:
    assert {name: type(None) in get_args(field.annotation) for name, field in row.model_fields.items()} == {
        column.name: column.nullable for column in row.TABLE.columns
    }
    assert all(field.is_required() for field in row.model_fields.values())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_a_row_is_described_in_its_table_s_words(row: type[Row]) -> None:
    schema = row.model_json_schema()
    for column in row.TABLE.columns:
        assert schema["properties"][column.name]["description"] == column.comment


def values(schema: Any) -> list[str]:
    """What a property may be, where only some words are allowed."""
    return [value for part in (schema, *schema.get("anyOf", ())) for value in part.get("enum", ())]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_a_row_allows_the_words_that_its_table_allows(row: type[Row]) -> None:
    properties = row.model_json_schema()["properties"]
    checks = [c for c in row.TABLE.constraints if isinstance(c, CheckConstraint)]
    allowed = {}
    for check in checks:
        name, _, listed = str(check.sqltext).partition(" IN ")
        allowed[name] = json.loads(listed.replace("(", "[").replace(")", "]").replace("'", '"'))
    assert {name: told for name, schema in properties.items() if (told := values(schema))} == allowed
