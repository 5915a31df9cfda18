"""The inner services with the internal key set: nothing but health is told or made without it."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from services.base.serve import OpenDoor, check_door
from services.orchestrator import server as orchestrator
from services.synthesizer import server as synthesizer
from services.transcriber import server as transcriber
from tests import raw_http

KEY = "the key of the services"
OPEN = {"/health", "/ready", "/metrics"}

APPS = {
    "orchestrator": lambda: orchestrator.make_app(
        orchestrator.OrchestratorSettings(antiphon_internal_key=KEY)
    ),
    "synthesizer": lambda: synthesizer.make_app(synthesizer.SynthesizerSettings(antiphon_internal_key=KEY)),
    "transcriber": lambda: transcriber.make_app(transcriber.TranscriberSettings(antiphon_internal_key=KEY)),
}

Client = TestClient[web.Request, web.Application]


@pytest.fixture(params=APPS)
async def service(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """A service whose doors can be tried; what is behind them is not started."""
    app = APPS[request.param]()
    del app.cleanup_ctx[:]
    async with TestClient(TestServer(app)) as client:
        yield client


def doors(client: Client) -> set[tuple[str, str]]:
    """Method and path of every route."""
    routes = client.app.router.routes() if client.app else []
    return {(route.method, route.resource.canonical) for route in routes if route.resource is not None}


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {KEY}"}, {"Cookie": f"key={KEY}"}],
)
async def test_without_the_key_only_health_is_told(service: Client, headers: dict[str, str]) -> None:
    tried = 0
    for method, path in doors(service):
        if path not in OPEN:
            answer = await service.request(method, path.replace("{key}", "a"), headers=headers)
            assert answer.status == 401, (method, path)
            tried += method != "HEAD"
    assert tried >= 2


async def test_bytes_that_are_no_text_are_a_wrong_key(service: Client) -> None:
    port = service.port
    assert port is not None
    assert await raw_http.status(port, "GET", "/nowhere", b"Authorization: Bearer \xff") == 401


@pytest.mark.parametrize("path", ["/nowhere", "/health/", "/health/../v1/listen"])
async def test_no_other_path_is_open(service: Client, path: str) -> None:
    assert (await service.get(path)).status == 401


async def test_with_the_key_the_doors_open(service: Client) -> None:
    answer = await service.get("/nowhere", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status == 404


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "services.lan", ""])
def test_beyond_loopback_no_service_listens_without_the_key(host: str) -> None:
    with pytest.raises(OpenDoor, match="ANTIPHON_INTERNAL_KEY"):
        check_door(host, "")
    check_door(host, KEY)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_loopback_none_is_needed(host: str) -> None:
    check_door(host, "")
