"""One address, three spellings."""

import pytest

from services.base.database_url import for_people, for_psql, for_sqlalchemy, make_url, with_database


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg"])
def test_every_common_spelling_is_understood(scheme: str) -> None:
    url = f"{scheme}://me:secret@db:5432/antiphon"
    assert for_sqlalchemy(url) == "postgresql+asyncpg://me:secret@db:5432/antiphon"
    assert for_psql(url) == "postgresql://me:secret@db:5432/antiphon"


def test_the_wish_for_tls_keeps_its_meaning() -> None:
    assert for_sqlalchemy("postgres://db/a?sslmode=require") == "postgresql+asyncpg://db/a?ssl=require"
    assert for_psql("postgresql+asyncpg://db/a?ssl=require") == "postgresql://db/a?sslmode=require"


def test_people_see_no_password() -> None:
    assert for_people("postgresql+asyncpg://me:secret@db:5432/a?ssl=require") == "postgresql://me@db:5432/a"
    assert for_people("postgresql://db/a") == "postgresql://db/a"


def test_a_password_may_hold_any_character() -> None:
    assert make_url("me", "a/b@c:d", 5432, "x") == "postgresql+asyncpg://me:a%2Fb%40c%3Ad@127.0.0.1:5432/x"


def test_another_database_of_the_same_server() -> None:
    assert (
        with_database("postgresql://me:s@db/a?sslmode=require", "b")
        == "postgresql://me:s@db/b?sslmode=require"
    )
