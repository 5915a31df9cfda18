"""Where commands find the gateway, what they show it, and what is said where it can't be had."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.cli.address import (
    USUAL,
    BadAddress,
    api_key,
    client,
    gateway_url,
    refusal,
    unreachable,
)
from gateway.cli.certificate import ensure
from gateway.cli.home import Home, Running
from gateway.cli.ports import free_port
from services.base.tls import fingerprint, server_context, spelled

HERE = "http://127.0.0.1:8123"
ELSEWHERE = "http://192.0.2.9:8123"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Of a deployment that runs at `HERE`."""
    home = Home(tmp_path)
    lock = home.take_lock()
    assert lock is not None
    Running(os.getpid(), "", address="http://localhost:8123", url=HERE).write(home.state)
    yield home
    os.close(lock)


def environ(home: Home, **more: str) -> dict[str, str]:
    return {"ANTIPHON_HOME": str(home.root), **more}


@pytest.mark.parametrize(
    ("given", "more", "url"),
    [
        ("http://a:1/", {"ANTIPHON_URL": "http://b:2"}, "http://a:1"),
        (None, {"ANTIPHON_URL": "https://[2001:db8::1]:2/"}, "https://[2001:db8::1]:2"),
        (None, {"ANTIPHON_URL": ""}, USUAL),
        (None, {}, USUAL),
    ],
)
def test_the_gateway_is_found_by_option_by_environment_or_where_it_usually_is(
    tmp_path: Path, given: str | None, more: dict[str, str], url: str
) -> None:
    assert gateway_url(given, environ(Home(tmp_path), **more)) == url


def test_what_runs_here_comes_before_the_usual_place(home: Home) -> None:
    assert gateway_url(None, environ(home)) == HERE
    assert gateway_url(None, environ(home, ANTIPHON_URL=ELSEWHERE)) == ELSEWHERE


@pytest.mark.parametrize(
    "wrong", ["localhost:8999", "ws://localhost:8999", "http://", "http://box:port", "http://[::1", "box"]
)
def test_what_is_no_address_is_said_to_be_none(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(BadAddress, match=r"ANTIPHON_URL is .*expected http://host:port"):
        gateway_url(None, environ(Home(tmp_path), ANTIPHON_URL=wrong))
    with pytest.raises(BadAddress, match=r"--url is"):
        gateway_url(wrong, environ(Home(tmp_path)))


def test_the_key_of_this_home_goes_to_its_own_deployment_alone(home: Home) -> None:
    home.api_key.write_text("made-here")
    assert api_key(HERE, environ(home)) == "made-here"
    assert api_key("http://localhost:8123", environ(home)) == "made-here"
    assert api_key(ELSEWHERE, environ(home)) == ""


def test_a_key_of_the_users_own_goes_wherever_they_ask(home: Home) -> None:
    home.api_key.write_text("made-here")
    assert api_key(HERE, environ(home, ANTIPHON_API_KEY="mine")) == "mine"
    assert api_key(ELSEWHERE, environ(home, ANTIPHON_API_KEY="mine")) == "mine"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return ensure(tmp_path / "tls", ("localhost",)).path


@pytest_asyncio.fixture
async def secure(certificate: Path) -> AsyncIterator[str]:
    """The address of a server that shows `certificate`."""

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    server = TestServer(app)
    await server.start_server(ssl=server_context(certificate, certificate.with_name("key.pem")))
    yield f"https://localhost:{server.port}"
    await server.close()


async def fails(url: str, environ: dict[str, str]) -> str:
    """What is said about a request that must fail."""
    with pytest.raises((aiohttp.ClientError, OSError)) as failed:
        async with client(url, environ) as http, http.get(url):
            pass
    return unreachable(url, failed.value)


async def test_a_certificate_of_nobody_known_is_told_with_what_to_do(secure: str, tmp_path: Path) -> None:
    said = await fails(secure, environ(Home(tmp_path)))
    assert "nobody whom this machine trusts vouches for its certificate" in said
    assert "ANTIPHON_FINGERPRINT" in said


async def test_a_fingerprint_opens_what_shows_that_certificate(
    secure: str, certificate: Path, tmp_path: Path
) -> None:
    known = environ(Home(tmp_path), ANTIPHON_FINGERPRINT=spelled(fingerprint(certificate)))
    async with client(secure, known) as http, http.get(secure) as answer:
        assert await answer.text() == "hello"


async def test_another_fingerprint_opens_nothing(secure: str, certificate: Path, tmp_path: Path) -> None:
    said = await fails(secure, environ(Home(tmp_path), ANTIPHON_FINGERPRINT="ab" * 32))
    assert f"another one, of SHA-256 {spelled(fingerprint(certificate))}" in said


@pytest.mark.parametrize("wrong", ["AB:CD", "no hex"])
async def test_what_is_no_fingerprint_is_said_to_be_none(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(BadAddress, match="ANTIPHON_FINGERPRINT"):
        client("https://localhost:1", environ(Home(tmp_path), ANTIPHON_FINGERPRINT=wrong))


async def test_our_own_deployment_is_known_by_its_certificate(
    secure: str, certificate: Path, home: Home
) -> None:
    Running(os.getpid(), "", address="", url=secure, certificate=str(certificate)).write(home.state)
    async with client(secure, environ(home)) as http, http.get(secure) as answer:
        assert answer.status == 200


async def test_http_where_tls_is_spoken_is_told(secure: str, tmp_path: Path) -> None:
    said = await fails(secure.replace("https", "http"), environ(Home(tmp_path)))
    assert "Started with `antiphon up --lan`, it is https://" in said


async def test_https_where_none_is_spoken_is_told(tmp_path: Path) -> None:
    server = TestServer(web.Application())
    await server.start_server()
    said = await fails(f"https://127.0.0.1:{server.port}", environ(Home(tmp_path)))
    await server.close()
    assert "speaks no TLS" in said


async def test_where_nobody_listens_the_way_to_start_is_told(tmp_path: Path) -> None:
    said = await fails(f"http://127.0.0.1:{free_port()}", environ(Home(tmp_path)))
    assert "`antiphon up` starts it" in said


def test_where_no_answer_comes_in_time_it_is_told() -> None:
    assert "no answer in time" in unreachable(ELSEWHERE, TimeoutError())


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, {"detail": "send an API key"}, "ANTIPHON_API_KEY"),
        (409, {"title": "Not possible", "detail": "it is over"}, "it is over"),
        (503, {"title": "No place is free"}, "No place is free"),
        (502, ["no problem"], "it answered 502"),
    ],
)
def test_a_refusal_is_in_the_gateway_s_words(status: int, body: object, said: str) -> None:
    assert said in refusal(status, body)
