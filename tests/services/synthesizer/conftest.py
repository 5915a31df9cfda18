"""A synthesizer in this process, and sockets to it."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio
from aiohttp import ClientWebSocketResponse, web
from aiohttp.test_utils import TestClient, TestServer

from services.synthesizer.server import SynthesizerSettings, make_app

Client = TestClient[web.Request, web.Application]
Connect = Callable[..., Awaitable[ClientWebSocketResponse]]


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    async with TestClient(TestServer(make_app(SynthesizerSettings()))) as client:
        yield client


@pytest_asyncio.fixture
async def connect(client: Client) -> Connect:
    """Opens a socket; `rate` is the query's."""

    async def connect(rate: int | str = 24000) -> ClientWebSocketResponse:
        return await client.ws_connect(f"/v1/speak?rate={rate}", max_msg_size=0)

    return connect


@pytest_asyncio.fixture
async def socket(connect: Connect) -> ClientWebSocketResponse:
    return await connect()
