"""What every request passes: limits by address and key, proxies, and what is told of who was refused."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from prometheus_client import REGISTRY

from gateway.access import Access
from tests import raw_http
from tests.gateway.harness import Gateway

ANN, BEN = "the key of ann, long", "the key of ben, long"
SERVICES = "the key of the services"
PERSONAS, SESSIONS = "/api/personas", "/api/mas/voice/duplex/session"

Opened = Callable[..., AbstractAsyncContextManager[Gateway]]


def access() -> Access:
    return Access({"ann": ANN, "ben": BEN}, open_to_all=False, hosts=frozenset(), internal_key=SERVICES)


@pytest.fixture
def behind_proxy() -> Opened:
    """A gateway with keys, whose clients come through a proxy on this machine."""

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[Gateway]:
        async with Gateway(access(), gateway_trusted_proxies="127.0.0.1", **settings) as gateway:
            yield gateway

    return opened


def coming_from(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


async def statuses(gateway: Gateway, count: int, token: str, address: str, path: str = PERSONAS) -> list[int]:
    answers = [await gateway.ask("GET", path, token, coming_from(address)) for _ in range(count)]
    return [status for status, _ in answers]


async def test_too_many_requests_of_an_address_are_told_to_wait(behind_proxy: Opened) -> None:
    async with behind_proxy(gateway_requests_per_minute=12) as gateway:
        assert await statuses(gateway, 3, ANN, "192.0.2.1") == [200, 200, 429]
        async with gateway.http.get(
            f"{gateway.url}{PERSONAS}", headers=coming_from("192.0.2.1") | {"Authorization": f"Bearer {BEN}"}
        ) as answer:
            problem = await answer.json(content_type="application/problem+json")
        assert (answer.status, problem["code"]) == (429, "rate_limited")
        assert 1 <= int(answer.headers["Retry-After"]) <= 6
        assert await statuses(gateway, 1, BEN, "192.0.2.2") == [200]


async def test_too_many_requests_of_a_key_wait_wherever_they_come_from(behind_proxy: Opened) -> None:
    async with behind_proxy(gateway_requests_per_minute=12) as gateway:
        answered = [(await statuses(gateway, 1, ANN, f"192.0.2.{n}"))[0] for n in range(3)]
        assert answered == [200, 200, 429]


async def test_a_prober_is_never_told_to_wait(behind_proxy: Opened) -> None:
    async with behind_proxy(gateway_requests_per_minute=6) as gateway:
        for path in ("/health", "/ready"):
            assert await statuses(gateway, 20, "", "192.0.2.1", path) == [200] * 20


async def test_the_deployment_s_own_services_and_this_machine_are_not_counted(behind_proxy: Opened) -> None:
    async with behind_proxy(gateway_requests_per_minute=6) as gateway:
        path = "/api/mas/voice/sessions/nonsense"
        assert await statuses(gateway, 20, SERVICES, "192.0.2.1", path) == [400] * 20
    async with Gateway(gateway_requests_per_minute=6) as gateway:
        assert [(await gateway.ask("GET", PERSONAS))[0] for _ in range(20)] == [200] * 20


async def test_nobody_escapes_by_what_they_write_into_a_header(behind_proxy: Opened) -> None:
    async with behind_proxy(gateway_requests_per_minute=12) as gateway:
        forged = [f"198.51.100.{n}, 192.0.2.1" for n in range(3)]
        assert [(await statuses(gateway, 1, "", address, "/openapi.json"))[0] for address in forged] == [
            200,
            200,
            429,
        ]


async def test_who_tries_keys_waits_even_with_the_right_one_and_no_others_do(behind_proxy: Opened) -> None:
    async with behind_proxy(gateway_failures_per_minute=3) as gateway:
        tried = [(await statuses(gateway, 1, f"ek_{n}", "192.0.2.1"))[0] for n in range(4)]
        assert tried == [401, 401, 401, 429]
        assert await statuses(gateway, 1, ANN, "192.0.2.1") == [429]
        assert await statuses(gateway, 1, ANN, "192.0.2.2") == [200]
        # Without a credential there is nothing to be guessed.
        assert await statuses(gateway, 1, "", "192.0.2.1", "/openapi.json") == [200]


async def test_bytes_that_are_no_text_are_tries_like_others(behind_proxy: Opened) -> None:
    async with behind_proxy(gateway_failures_per_minute=3) as gateway:
        shown = b"X-Forwarded-For: 192.0.2.1", b"Authorization: Bearer \xff"
        tried = [await raw_http.status(gateway.port, "GET", PERSONAS, *shown) for _ in range(4)]
        assert tried == [401, 401, 401, 429]
        assert await statuses(gateway, 1, ANN, "192.0.2.1") == [429]


async def test_no_address_takes_all_places_and_none_makes_them_too_fast(behind_proxy: Opened) -> None:
    async with behind_proxy(gateway_max_sessions_per_address=2, gateway_max_sessions_per_key=3) as gateway:

        async def make(key: str, address: str) -> tuple[int, str]:
            status, body = await gateway.ask("POST", SESSIONS, key, coming_from(address))
            return status, body.get("detail", "")

        assert [(await make(ANN, "192.0.2.1"))[0] for _ in range(2)] == [201, 201]
        assert await make(BEN, "192.0.2.1") == (429, "2 sessions of this address are under way")
        assert (await make(ANN, "192.0.2.2"))[0] == 201
        assert await make(ANN, "192.0.2.3") == (429, "3 sessions of this key are under way")
        await gateway.calls.end(gateway.call().session_id, "hung_up")
        assert (await make(ANN, "192.0.2.1"))[0] == 201
    async with behind_proxy(gateway_sessions_per_minute=2) as gateway:
        made = [await gateway.ask("POST", SESSIONS, ANN, coming_from(f"192.0.2.{n}")) for n in range(3)]
        assert [status for status, _ in made] == [201, 201, 429]


async def test_a_connection_that_lasts_holds_its_place(behind_proxy: Opened) -> None:
    async with behind_proxy(gateway_max_connections=1) as gateway:
        _, session = await gateway.ask("POST", SESSIONS, ANN, coming_from("192.0.2.1"))
        headers = coming_from("192.0.2.1") | {"Authorization": f"Bearer {ANN}"}
        async with gateway.http.ws_connect(session["realtime_url"], headers=headers) as socket:
            await socket.receive_json()
            assert await statuses(gateway, 1, BEN, "192.0.2.1") == [429]
            assert await statuses(gateway, 1, BEN, "192.0.2.2") == [200]
            await socket.close()
        await gateway.over()
        async with asyncio.timeout(20):
            while await statuses(gateway, 1, BEN, "192.0.2.1") != [200]:
                pass


async def test_behind_a_proxy_with_tls_the_call_s_address_is_a_secure_one(behind_proxy: Opened) -> None:
    async with behind_proxy() as gateway:
        headers = coming_from("192.0.2.1") | {"X-Forwarded-Proto": "https"}
        _, session = await gateway.ask("POST", SESSIONS, ANN, headers)
        assert session["realtime_url"].startswith("wss://")
    async with Gateway(access()) as gateway:
        _, session = await gateway.ask("POST", SESSIONS, ANN, headers)
        assert session["realtime_url"].startswith("ws://"), "nobody's word is taken for it"


async def test_a_proxy_that_writes_nonsense_is_told(behind_proxy: Opened) -> None:
    async with behind_proxy() as gateway:
        status, problem = await gateway.ask("GET", PERSONAS, ANN, coming_from("nowhere"))
        assert (status, problem["code"]) == (400, "invalid_request")


async def test_who_was_refused_is_told_without_what_they_showed(
    behind_proxy: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    async with behind_proxy() as gateway:
        before = REGISTRY.get_sample_value("antiphon_refused_total", {"code": "unauthorized"}) or 0
        with caplog.at_level(logging.WARNING, "gateway.entrance"):
            for n in range(9):
                await gateway.ask("GET", f"{PERSONAS}?key=guess-{n}", f"guess-{n}", coming_from("192.0.2.1"))
        told = [vars(record) for record in caplog.records if record.message == "refused"]
        assert len(told) == 5, "who knocks all day does not fill the disk"
        assert (told[0]["code"], told[0]["route"], told[0]["address"]) == (
            "unauthorized",
            PERSONAS,
            "192.0.2.1",
        )
        assert "guess" not in caplog.text + repr(told)
        after = REGISTRY.get_sample_value("antiphon_refused_total", {"code": "unauthorized"})
        assert after == before + 9


async def test_a_body_that_does_not_come_is_not_waited_for(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.rest.routes.BODY_S", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(f"POST {SESSIONS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{{".encode())
    async with asyncio.timeout(20):
        assert b"408" in await reader.readline()
    writer.close()
    await writer.wait_closed()
