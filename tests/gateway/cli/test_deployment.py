"""Which parts `up` runs, and what each is told."""

import asyncio
from pathlib import Path

import pytest

from gateway.cli.deployment import OpenDoor, Ports, UpSettings, specs
from gateway.cli.home import Home, Secrets
from gateway.cli.order import stop_order
from gateway.cli.ports import free_port
from services.base.serve import PortTaken
from services.base.settings import BadSettings

KEY = "long enough to be a key"
HOME = Home(Path("/home"))
PORTS = Ports(orchestrator=1, synthesizer=2, transcriber=3)


def environments(settings: UpSettings, embedded: bool = True) -> dict[str, dict[str, str]]:
    parts = specs(HOME, Secrets("pw", "key"), settings, PORTS, {"LLM_BASE_URL": "x"}, lambda: "url", embedded)
    return {part.name: dict(part.environment()) for part in parts}


def test_the_parts_find_each_other() -> None:
    told = environments(UpSettings(gateway_port=4))
    gateway = told["gateway"]
    assert gateway["ORCHESTRATOR_URL"] == "http://127.0.0.1:1"
    assert gateway["SYNTHESIZER_URL"] == "http://127.0.0.1:2"
    assert gateway["TRANSCRIBER_URLS"] == "http://127.0.0.1:3"
    assert gateway["GATEWAY_PORT"] == "4"
    assert gateway["DATABASE_URL"] == told["orchestrator"]["DATABASE_URL"] == "url"
    assert told["orchestrator"]["GATEWAY_URL"] == "http://127.0.0.1:4"


def test_what_the_user_has_set_reaches_every_part() -> None:
    assert {told["LLM_BASE_URL"] for told in environments(UpSettings()).values()} == {"x"}


def test_one_key_opens_all_inner_doors() -> None:
    assert {told["ANTIPHON_INTERNAL_KEY"] for told in environments(UpSettings()).values()} == {"key"}
    chosen = UpSettings(antiphon_internal_key="mine")
    assert {told["ANTIPHON_INTERNAL_KEY"] for told in environments(chosen).values()} == {"mine"}


def test_only_who_keeps_something_knows_the_way_to_the_database() -> None:
    told = environments(UpSettings())
    assert {name for name in told if "DATABASE_URL" in told[name]} == {"gateway", "orchestrator"}


@pytest.mark.parametrize("embedded", [True, False])
def test_the_inner_parts_wait_for_nobody(embedded: bool) -> None:
    parts = specs(HOME, Secrets("", ""), UpSettings(), PORTS, {}, lambda: "url", embedded)
    waits = {part.name: part.after for part in parts if part.name != "gateway"}
    assert waits == {"orchestrator": (), "synthesizer": (), "transcriber": ()}


@pytest.mark.parametrize("embedded", [True, False])
def test_the_gateway_waits_for_the_database_where_that_is_a_part(embedded: bool) -> None:
    parts = specs(HOME, Secrets("", ""), UpSettings(), PORTS, {}, lambda: "url", embedded)
    gateway = next(part for part in parts if part.name == "gateway")
    assert ("postgres" in gateway.after) == embedded


def test_the_gateway_stops_first_and_the_database_last() -> None:
    parts = specs(HOME, Secrets("", ""), UpSettings(), PORTS, {}, lambda: "url", embedded=True)
    waves = stop_order({"postgres": (), **{part.name: part.uses for part in parts}})
    assert waves == [["gateway"], ["orchestrator", "synthesizer", "transcriber"], ["postgres"]]


async def test_an_inner_port_that_is_taken_is_left_alone_and_told() -> None:
    said: list[str] = []
    foreign = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with foreign:
        taken = foreign.sockets[0].getsockname()[1]
        settings = UpSettings(
            orchestrator_port=free_port(), synthesizer_port=free_port(), transcriber_port=taken
        )
        ports = Ports.choose(settings, said.append)
    assert ports.transcriber != taken
    assert said == [f"another program uses port {taken}; the transcriber takes {ports.transcriber}"]


async def test_the_gateways_port_is_not_changed_behind_the_users_back() -> None:
    foreign = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with foreign:
        taken = foreign.sockets[0].getsockname()[1]
        with pytest.raises(PortTaken, match="GATEWAY_PORT"):
            UpSettings(gateway_port=taken).check()


def test_nobody_else_gets_in_without_a_key() -> None:
    with pytest.raises(OpenDoor, match="ANTIPHON_API_KEYS"):
        UpSettings(gateway_host="0.0.0.0", gateway_port=free_port()).check()
    UpSettings(gateway_host="0.0.0.0", gateway_port=free_port(), antiphon_api_keys=KEY).check()


def test_a_key_that_can_be_guessed_is_refused_before_anything_starts() -> None:
    with pytest.raises(BadSettings, match="at least 16 characters"):
        UpSettings(gateway_port=free_port(), antiphon_api_keys="ann:short").check()


def test_a_certificate_that_cannot_be_used_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="GATEWAY_TLS_CERT"):
        UpSettings(gateway_port=free_port(), gateway_tls_cert=tmp_path / "nowhere.pem").check()


def test_with_a_certificate_the_gateway_speaks_tls_and_is_asked_so(tmp_path: Path) -> None:
    certificate = tmp_path / "c.pem"
    settings = UpSettings(gateway_host="::", gateway_tls_cert=certificate, antiphon_api_keys=KEY)
    *_, gateway = specs(HOME, Secrets("", ""), settings, PORTS, {}, lambda: "url", embedded=True)
    assert gateway.ready_url == "https://[::1]:8999/ready"
    assert gateway.certificate == certificate
    told = gateway.environment()
    assert (told["GATEWAY_TLS_CERT"], told["ANTIPHON_API_KEYS"]) == (str(certificate), KEY)
    assert "GATEWAY_TLS_KEY" not in told


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://localhost:8999"),
        ("192.0.2.1", "http://192.0.2.1:8999"),
        ("2001:db8::1", "http://[2001:db8::1]:8999"),
    ],
)
def test_a_person_is_sent_where_a_browser_gives_the_microphone(host: str, address: str) -> None:
    assert UpSettings(gateway_host=host).address == address
