"""One deployment for all tests of this folder, which therefore run in one process (`tests/conftest.py`)."""

import json
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from gateway.cli.caller import Caller
from tests.e2e.deployment import Deployment
from tests.e2e.speech import Voice

HERE = Path(__file__).parent

LIMIT_S = 300
"""These tests hold calls in real time, and share two cores with others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(LIMIT_S))


@pytest.fixture(scope="session")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Deployment]:
    """`antiphon up`, as its users run it."""
    request.getfixturevalue("_no_settings_from_outside")
    deployment = Deployment.started(tmp_path_factory.mktemp("antiphon"))
    try:
        yield deployment
    except BaseException:
        deployment.kill()
        raise
    assert deployment.stop() == 0, deployment.tail()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure comes with what the deployment said."""
    report = yield
    deployment = getattr(item, "funcargs", {}).get("deployment")
    if report.failed and isinstance(deployment, Deployment):
        report.sections.append(("antiphon up", deployment.tail()))
    return report


@pytest.fixture(scope="session")
def voice(deployment: Deployment) -> Voice:
    """The user's voice."""
    return Voice(deployment.part_url("synthesizer"), deployment.internal_key)


@pytest_asyncio.fixture
async def database(deployment: Deployment) -> AsyncIterator[asyncpg.Connection]:
    """The deployment's own database."""
    connection = await asyncpg.connect(deployment.database_url)
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def caller(deployment: Deployment) -> AsyncIterator[Caller]:
    """A client with a microphone, in a call of its own."""
    async with Caller.calling(deployment.url) as caller:
        yield caller
