"""The gateway as a whole: what it refuses to start with, and what it says of its parts."""

import asyncio

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.server import new_access, opened
from gateway.settings import GatewaySettings
from services.base.problems import Unauthorized
from services.base.settings import BadSettings

NOWHERE = "http://127.0.0.1:1"


def settings(**given: object) -> GatewaySettings:
    return GatewaySettings(database_url="postgresql://nobody@127.0.0.1:1/none", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "gateway.lan", ""])
def test_beyond_loopback_it_does_not_start_without_keys(host: str) -> None:
    with pytest.raises(BadSettings, match="ANTIPHON_API_KEYS"):
        new_access(settings(gateway_host=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_on_loopback_it_needs_none(host: str) -> None:
    assert new_access(settings(gateway_host=host)).caller("").owner == "local"


def test_keys_that_can_be_guessed_are_refused_by_name() -> None:
    with pytest.raises(BadSettings, match="ann"):
        new_access(settings(antiphon_api_keys="ann:secret,ben:long enough to be a key"))


@pytest.mark.parametrize("name", ["local", "services"])
@pytest.mark.parametrize("setting", ["antiphon_api_keys", "antiphon_operator_keys"])
def test_no_key_is_called_what_the_gateway_calls_its_own(setting: str, name: str) -> None:
    with pytest.raises(BadSettings, match=f"{setting.upper()}.*{name}"):
        new_access(settings(**{setting: f"{name}:long enough to be a key"}))


def test_a_name_is_a_key_s_or_an_operator_s_and_never_both() -> None:
    keys = "ann:long enough to be a key,ben:another that is long enough"
    with pytest.raises(BadSettings, match="ANTIPHON_OPERATOR_KEYS: ben"):
        new_access(settings(antiphon_api_keys=keys, antiphon_operator_keys="ben:a third that is long enough"))


def test_an_operator_s_key_is_enough_to_listen_beyond_loopback() -> None:
    access = new_access(settings(gateway_host="0.0.0.0", antiphon_operator_keys="long enough to be a key"))
    assert access.caller("long enough to be a key").operator


def test_beyond_loopback_a_key_is_asked_for() -> None:
    access = new_access(settings(gateway_host="0.0.0.0", antiphon_api_keys="ann:long enough to be a key"))
    assert access.caller("long enough to be a key").owner == "ann"
    with pytest.raises(Unauthorized):
        access.caller("")


def test_allowed_hosts_are_names_in_any_spelling() -> None:
    new_access(settings(gateway_allowed_hosts="Voice.Example, other")).check_browser(
        "voice.example:8999", None
    )


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, "http://127.0.0.1:8999"),
        ({"gateway_host": "::1", "gateway_port": 9}, "http://[::1]:9"),
        ({"gateway_host": "0.0.0.0"}, "http://127.0.0.1:8999"),
        ({"gateway_tls_cert": "cert.pem"}, "https://127.0.0.1:8999"),
        ({"gateway_public_url": "https://Voice.Example/"}, "https://Voice.Example"),
    ],
)
def test_tools_are_told_where_they_reach_it(given: dict[str, object], url: str) -> None:
    assert settings(**given).public_url == url


def test_the_public_address_is_a_name_by_which_browsers_may_come() -> None:
    new_access(settings(gateway_public_url="https://Voice.Example:1")).check_browser("voice.example:1", None)


@pytest.mark.parametrize("url", ["voice.example", "ftp://voice.example", "http://", "http://[::1"])
def test_a_public_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadSettings, match="GATEWAY_PUBLIC_URL"):
        new_access(settings(gateway_public_url=url))


async def test_it_does_not_start_without_a_transcriber_s_address(database_url: str) -> None:
    wrong = GatewaySettings(database_url=database_url, transcriber_urls=" , ")
    with pytest.raises(BadSettings, match="TRANSCRIBER_URLS"):
        async with opened(wrong):
            pass


async def test_what_is_missing_is_named_and_health_touches_nothing(database_url: str) -> None:
    away = GatewaySettings(
        database_url=database_url,
        transcriber_urls=NOWHERE,
        synthesizer_url=NOWHERE,
        orchestrator_url=NOWHERE,
    )
    async with asyncio.timeout(60), opened(away) as app, TestClient(TestServer(app)) as client:
        assert (await client.get("/health")).status == 200
        answer = await client.get("/ready")
        parts = (await answer.json())["parts"]
        assert answer.status == 503
        assert parts["database"] == {"ready": True, "reason": None}
        for part in ("transcriber", "synthesizer", "orchestrator"):
            assert not parts[part]["ready"]
            assert NOWHERE in parts[part]["reason"]
        metrics = await (await client.get("/metrics")).text()
        assert "antiphon_sessions_active" in metrics
        assert "antiphon_outbox_failed_total" in metrics or "antiphon_outbox_failed" in metrics
