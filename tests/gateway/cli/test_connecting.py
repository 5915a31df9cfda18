"""Why a database can't be used, in words one can act on."""

import asyncio
import socket
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from gateway.cli import connecting
from gateway.cli.connecting import NoDatabase, connected
from gateway.cli.database import MigrationFailed, migrate
from gateway.cli.ports import free_port
from migrations.newest import newest
from services.base.database_url import for_psql, with_database

PASSWORD = "a secret of theirs"


@pytest_asyncio.fixture
async def guest(empty_database_url: str) -> AsyncIterator[str]:
    """The address of a database, for somebody who may not make tables in it."""
    name = f"guest_{uuid4().hex[:8]}"
    owner = await asyncpg.connect(for_psql(empty_database_url))
    await owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    host = for_psql(empty_database_url).rpartition("@")[2]
    yield f"postgresql://{name}:{PASSWORD.replace(' ', '%20')}@{host}"
    await owner.execute(f"DROP OWNED BY {name}")
    await owner.execute(f"DROP ROLE {name}")
    await owner.close()


async def fails(url: str) -> str:
    with pytest.raises(NoDatabase) as failed:
        await migrate(url)
    return failed.value.detail


async def test_whoever_is_let_in_is_connected(guest: str) -> None:
    connection = await connected(guest)
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()


async def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    port = free_port()
    said = await fails(f"postgresql://me:{PASSWORD}@127.0.0.1:{port}/mine")
    assert f"postgresql://me@127.0.0.1:{port}/mine: nothing answers there" in said
    assert PASSWORD not in said


async def test_a_host_that_is_not_known_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    assert "no host is called db.example" in await fails("postgresql://me@db.example/mine")


async def test_a_wrong_password_is_told(guest: str) -> None:
    said = await fails(guest.replace("secret", "guess"))
    assert "refuses this user or password" in said
    assert "guess" not in said


async def test_a_user_who_is_not_known_is_told(guest: str) -> None:
    assert "refuses this user or password" in await fails(guest.replace("guest_", "nobody_"))


async def test_a_database_that_is_not_there_is_told(guest: str) -> None:
    assert "no such database; create it" in await fails(with_database(guest, "nowhere"))


async def test_rights_that_are_missing_are_told(guest: str) -> None:
    with pytest.raises(
        MigrationFailed, match=r"permission denied for schema public; make guest_\w+ the owner"
    ):
        await migrate(guest)


async def test_tables_that_may_not_be_read_are_told(guest: str, empty_database_url: str) -> None:
    await migrate(empty_database_url)
    assert "permission denied for table alembic_version" in await fails(guest)


async def test_an_old_server_is_told(guest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "OLDEST", 99)
    assert "Antiphon needs 99 or newer" in await fails(guest)


async def test_tables_of_a_newer_antiphon_are_told(database_url: str) -> None:
    owner = await asyncpg.connect(for_psql(database_url))
    await owner.execute(f"UPDATE alembic_version SET version_num = 'x{newest()}'")
    await owner.close()
    with pytest.raises(MigrationFailed, match="A newer Antiphon made these tables"):
        await migrate(database_url)


@pytest.mark.parametrize(
    "url", ["mysql://me@host/mine", "host/mine", "postgresql://me@host:port/mine", "postgresql://[::1/mine"]
)
async def test_what_is_no_address_of_a_database_is_said_to_be_none(url: str) -> None:
    assert "expected postgresql://user:password@host:5432/database" in await fails(url)
