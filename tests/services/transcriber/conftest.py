"""A transcriber in this process, its real workers beside it, and sockets to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientWebSocketResponse, web
from aiohttp.test_utils import TestClient, TestServer

from services.transcriber.server import WORKERS, TranscriberSettings, make_app
from services.transcriber.workers import Workers
from tests.services.transcriber.wire import PATIENCE_S

Client = TestClient[web.Request, web.Application]
Connect = Callable[..., Awaitable[ClientWebSocketResponse]]

PHRASES = """what time is it in tokyo
what time is it in {city}
what is the weather like in boston
set a timer for ten minutes
how many miles are in ten kilometers
turn off the pump
please play some music
"""


@pytest.fixture(scope="session")
def phrases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What people say to this deployment."""
    folder = tmp_path_factory.mktemp("phrases")
    (folder / "tools.txt").write_text(PHRASES)
    return folder


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what is built is kept: once for all tests of this process."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def settings(home: Path, phrases: Path) -> TranscriberSettings:
    """Three places, so that it can be full; little patience with a client that reads nothing."""
    return TranscriberSettings(
        antiphon_home=home,
        transcriber_phrases=phrases,
        transcriber_workers=3,
        transcriber_slow_reader_s=2.0,
    )


@pytest_asyncio.fixture
async def client(settings: TranscriberSettings) -> AsyncIterator[Client]:
    app = make_app(settings)
    async with TestClient(TestServer(app)) as client:
        async with asyncio.timeout(PATIENCE_S):
            await app[WORKERS].loaded.wait()
        yield client


@pytest.fixture
def workers(client: Client) -> Workers:
    assert client.app
    return client.app[WORKERS]


@pytest.fixture
def connect(client: Client) -> Connect:
    """Opens a socket; `rate` is the query's."""

    async def connect(rate: int = 24000) -> ClientWebSocketResponse:
        return await client.ws_connect(f"/v1/listen?rate={rate}", max_msg_size=0)

    return connect


@pytest_asyncio.fixture
async def socket(connect: Connect) -> ClientWebSocketResponse:
    return await connect()
