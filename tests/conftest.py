"""Fixtures for every test: a real Postgres, one server a test process, a fresh database a test."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from gateway.cli.postgres import EmbeddedPostgres
from services.base.database_url import for_psql, with_database

TEMPLATE = "migrated"

NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""These databases live for one test; nothing of them has to outlive a crash."""


class OneDeployment(LoadScopeScheduling):  # type: ignore[misc]
    """Gives all tests of a whole deployment to one process, and every other test to whichever is free.

    It stands in for `--dist loadgroup`, whose marks pytest 9.2 does not pass on to xdist 3.8.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "e2e" if nodeid.startswith("tests/e2e/") else nodeid


@pytest.hookimpl
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneDeployment:
    return OneDeployment(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which versions of the stock clients were tried."""
    reports = terminalreporter.getreports("passed")
    tried = [value for report in reports for name, value in report.user_properties if name == "stock client"]
    if tried:
        terminalreporter.section("stock clients")
        for versions in tried:
            terminalreporter.write_line(str(versions))


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> None:
    """Keep the developer's own settings out of the tests."""
    for name in list(os.environ):
        if name.startswith(
            (
                "ANTIPHON_",
                "GATEWAY_",
                "TRANSCRIBER_",
                "SYNTHESIZER_",
                "ORCHESTRATOR_",
                "SPEECH_",
                "LLM_",
                "HF_",
            )
        ):
            del os.environ[name]
    os.environ.pop("DATABASE_URL", None)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    """A running Postgres of this test process."""
    folder: Path = tmp_path_factory.mktemp("postgres")
    server = EmbeddedPostgres(folder, password=uuid4().hex, settings=NOT_DURABLE)
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated(postgres: EmbeddedPostgres) -> str:
    """The name of a database with every table, from which each test gets a copy."""
    from gateway.store.migrate import upgrade

    await _execute(postgres, f"CREATE DATABASE {TEMPLATE}")
    await upgrade(postgres.url(TEMPLATE))
    return TEMPLATE


@pytest_asyncio.fixture
async def database_url(postgres: EmbeddedPostgres, migrated: str) -> AsyncIterator[str]:
    """The address (for SQLAlchemy) of a fresh database with every table."""
    name = f"test_{uuid4().hex}"
    await _execute(postgres, f"CREATE DATABASE {name} TEMPLATE {migrated}")
    yield with_database(postgres.url(), name)
    await _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture
async def empty_database_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The address (for SQLAlchemy) of a fresh database with nothing in it."""
    name = f"test_{uuid4().hex}"
    await _execute(postgres, f"CREATE DATABASE {name}")
    yield with_database(postgres.url(), name)
    await _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(postgres: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(for_psql(postgres.url("postgres")))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
