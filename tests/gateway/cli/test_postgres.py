"""Embedded Postgres: a real server, killed, restarted and entered."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from signal import SIGKILL
from uuid import uuid4

import asyncpg
import pytest

from gateway.cli.postgres import EmbeddedPostgres, PostgresFailed
from services.base.database_url import for_psql, with_database

Gone = Callable[[int], Awaitable[None]]
"""The fixture `gone`."""

OWNER = """
import asyncio, sys
from pathlib import Path
from gateway.cli.postgres import EmbeddedPostgres

async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]), "secret", {"fsync": "off"})
    await server.start()
    print(server.pid, server.url(), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""

WITHOUT_NAMESPACES = """
import sys

sys.path.insert(0, {checkout!r})
from gateway.cli import tether

tether.succeeds = lambda step: False
tether.main(*sys.argv[1:])
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "pg", "secret", settings={"fsync": "off"})
    yield server
    await server.stop()


async def test_its_address_is_known_before_it_runs_and_kept(server: EmbeddedPostgres) -> None:
    server.reserve()
    promised = server.url()
    with socket.socket() as another, pytest.raises(OSError, match="in use"):
        another.bind(("127.0.0.1", server.port))
    assert await server.start() == promised
    await server.stop()
    assert await server.start() == promised


async def test_a_port_that_was_kept_for_nothing_is_given_back(server: EmbeddedPostgres) -> None:
    server.reserve()
    await server.stop()
    with socket.socket() as another:
        another.bind(("127.0.0.1", server.port))


async def query(url: str, statement: str) -> object:
    connection = await asyncpg.connect(for_psql(url))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_a_fresh_folder_becomes_a_database(server: EmbeddedPostgres) -> None:
    url = await server.start()
    assert await query(url, "SELECT current_database()") == "antiphon"
    assert await query(url, "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'") == 1


async def test_a_later_start_finds_the_rows_and_the_port(server: EmbeddedPostgres) -> None:
    await query(await server.start(), "CREATE TABLE kept AS SELECT 42 AS answer")
    port = server.port
    await server.stop()
    assert await query(await server.start(), "SELECT answer FROM kept") == 42
    assert server.port == port


async def test_the_password_is_asked_for(server: EmbeddedPostgres) -> None:
    url = await server.start()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await query(url.replace("secret", "guess"), "SELECT 1")


async def test_a_wrong_password_is_told_in_a_sentence(server: EmbeddedPostgres) -> None:
    await server.start()
    await server.stop()
    with pytest.raises(PostgresFailed, match=r"secrets\.json"):
        await EmbeddedPostgres(server.folder, "another").start()


async def test_the_server_is_never_root(server: EmbeddedPostgres) -> None:
    status = str(await query(await server.start(), "SELECT pg_read_file('/proc/self/status')"))
    uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
    assert "0" not in uids


async def test_where_namespaces_are_forbidden_root_becomes_nobody(
    server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "tether_without_namespaces.py"
    script.write_text(WITHOUT_NAMESPACES.format(checkout=os.getcwd()))
    monkeypatch.setattr("gateway.cli.tether.__file__", str(script))
    await query(await server.start(), "CREATE TABLE kept AS SELECT 42 AS answer")
    await server.stop()

    # Where they are allowed again, the folder changes hands.
    monkeypatch.undo()
    assert await query(await server.start(), "SELECT answer FROM kept") == 42


async def test_killing_the_owner_leaves_no_server_and_the_next_start_works(
    tmp_path: Path, gone: Gone
) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(tmp_path), stdout=PIPE, env=os.environ | {"PYTHONPATH": os.getcwd()}
    )
    assert owner.stdout is not None
    async with asyncio.timeout(60):
        pid, url = (await owner.stdout.readline()).decode().split()
    await query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    owner.send_signal(SIGKILL)
    await owner.wait()

    # At once: the next owner has to wait for the last moments of the first server by itself.
    server = EmbeddedPostgres(tmp_path, "secret", {"fsync": "off"})
    try:
        assert await query(await server.start(), "SELECT answer FROM kept") == 42
        await gone(int(pid))
    finally:
        await server.stop()


async def test_the_server_can_be_killed_and_started_again(server: EmbeddedPostgres) -> None:
    await query(await server.start(), "CREATE TABLE kept AS SELECT 42 AS answer")
    assert server.pid is not None
    os.kill(server.pid, SIGKILL)
    assert await server.wait() == -SIGKILL
    assert await query(await server.start(), "SELECT answer FROM kept") == 42


async def test_a_stale_pid_file_with_a_living_id_does_no_harm(server: EmbeddedPostgres) -> None:
    await server.start()
    await server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n")
    assert await query(await server.start(), "SELECT 1") == 1


async def test_a_half_made_folder_is_made_again(server: EmbeddedPostgres) -> None:
    half = server.folder / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    assert await query(await server.start(), "SELECT 1") == 1


async def test_two_servers_never_share_a_folder(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.cli.postgres.LOCK_S", 0.1)
    url = await server.start()
    with pytest.raises(PostgresFailed, match="another server runs"):
        await EmbeddedPostgres(server.folder, "secret").start()
    assert await query(url, "SELECT 1") == 1


async def test_a_taken_port_is_left_to_its_owner(server: EmbeddedPostgres) -> None:
    await server.start()
    await server.stop()
    assert server.port is not None
    former = server.port
    foreign = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", former)
    async with foreign:
        assert await query(await server.start(), "SELECT 1") == 1
    assert server.port != former


async def test_what_the_server_said_is_in_the_error(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, "secret", settings={"no_such_setting": "1"})
    with pytest.raises(PostgresFailed, match="no_such_setting"):
        await server.start()


async def test_stopping_a_server_that_never_ran_is_harmless(tmp_path: Path) -> None:
    await EmbeddedPostgres(tmp_path, uuid4().hex).stop()


async def test_every_test_gets_an_empty_database(empty_database_url: str) -> None:
    assert await query(empty_database_url, "SELECT count(*) FROM pg_stat_user_tables") == 0
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await query(with_database(empty_database_url, "elsewhere"), "SELECT 1")
