"""How all tables are written: names of constraints, and columns that say what they mean."""

from typing import Any, get_args

from sqlalchemy import CheckConstraint, Column, DateTime, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.type_api import TypeEngine

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
"""SQLAlchemy's `naming_convention`: migrations find by name what the metadata made."""

AT = DateTime(timezone=True)
JSON = JSONB(none_as_null=True)
"""Python's None is SQL's NULL, not JSON's `null`."""


def column(name: str, kind: TypeEngine[Any], meaning: str, *items: Any, **options: Any) -> Column[Any]:
    """A column that may be NULL; `meaning` becomes its comment."""
    return Column(name, kind, *items, comment=meaning, **options)


def needed(name: str, kind: TypeEngine[Any], meaning: str, *items: Any, **options: Any) -> Column[Any]:
    """A column that is never NULL."""
    return Column(name, kind, *items, nullable=False, comment=meaning, **options)


def key(name: str, maker: str) -> Column[Any]:
    """The primary key."""
    return Column(name, Uuid(), primary_key=True, comment=f"UUIDv7, made by the {maker}")


def one_of(column: str, values: Any) -> CheckConstraint:
    """`column` is NULL or one of the values of a Literal."""
    return CheckConstraint(f"{column} IN ({', '.join(repr(v) for v in get_args(values))})", name=column)
