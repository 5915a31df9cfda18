"""What `up --lan` fills in, and what it tells."""

import stat
from pathlib import Path

import pytest

from gateway.access import checked_keys
from gateway.cli import deployment, lan
from gateway.cli.deployment import UpSettings
from gateway.cli.home import Home
from services.base.tls import fingerprint, spelled

KEY = "a key of the user's own"


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine is called, and whereever it is."""
    addresses = {"0.0.0.0": ["192.168.1.5", "10.0.0.5"], "::": ["fd00::5"]}
    for module in (deployment, lan):
        monkeypatch.setattr(module, "lan_addresses", addresses.__getitem__)
        monkeypatch.setattr(module, "host_names", lambda name: ["box.local", "box"])


def test_it_listens_everywhere_with_a_certificate_and_a_key(tmp_path: Path) -> None:
    settings = lan.opened(UpSettings(), Home(tmp_path))
    assert settings.gateway_host == "0.0.0.0"
    assert settings.gateway_tls_cert == tmp_path / "tls" / "certificate.pem"
    assert list(checked_keys(settings.antiphon_operator_keys)) == ["lan"]
    assert stat.S_IMODE((tmp_path / "api_key").stat().st_mode) == 0o600


def test_a_second_start_has_the_same_certificate_and_key(tmp_path: Path) -> None:
    first = lan.opened(UpSettings(), Home(tmp_path))
    assert first.gateway_tls_cert is not None
    shown = fingerprint(first.gateway_tls_cert)
    assert lan.opened(UpSettings(), Home(tmp_path)) == first
    assert fingerprint(first.gateway_tls_cert) == shown


def test_what_the_user_has_set_stays(tmp_path: Path) -> None:
    given = UpSettings(gateway_host="192.0.2.9", antiphon_api_keys=KEY, gateway_tls_cert=tmp_path / "own.pem")
    assert lan.opened(given, Home(tmp_path / "home")) == given
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("127.0.0.1", ["https://192.168.1.5:8999", "https://10.0.0.5:8999", "https://box.local:8999"]),
        ("::", ["https://[fd00::5]:8999", "https://box.local:8999"]),
        ("192.0.2.9", ["https://192.0.2.9:8999"]),
    ],
)
def test_people_are_sent_where_it_listens(tmp_path: Path, host: str, addresses: list[str]) -> None:
    settings = lan.opened(UpSettings(gateway_host=host), Home(tmp_path))
    assert settings.addresses == addresses
    assert settings.address == addresses[0]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "https://127.0.0.1:8999"),
        ("::", "https://[::1]:8999"),
        ("192.0.2.9", "https://192.0.2.9:8999"),
    ],
)
def test_commands_here_take_the_short_way(tmp_path: Path, host: str, url: str) -> None:
    assert lan.opened(UpSettings(gateway_host=host), Home(tmp_path)).url == url


def test_it_tells_addresses_fingerprint_key_and_the_way_around(tmp_path: Path) -> None:
    home = Home(tmp_path)
    settings = lan.opened(UpSettings(), home)
    assert settings.gateway_tls_cert is not None
    told = "\n".join(lan.invitation(settings, home))
    assert "https://192.168.1.5:8999 or https://10.0.0.5:8999 or https://box.local:8999" in told
    assert spelled(fingerprint(settings.gateway_tls_cert)) in told
    assert home.api_key.read_text() in told
    assert "`ssh -L 8999:localhost:8999 192.168.1.5`" in told


def test_a_machine_without_a_network_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (deployment, lan):
        monkeypatch.setattr(module, "lan_addresses", lambda host: [])
    settings = lan.opened(UpSettings(), Home(tmp_path))
    assert "no address in a network yet" in lan.invitation(settings, Home(tmp_path))[0]
    assert settings.address == "https://localhost:8999"


def test_a_key_of_the_user_s_own_is_not_printed(tmp_path: Path) -> None:
    lan.opened(UpSettings(), Home(tmp_path))
    settings = lan.opened(UpSettings(antiphon_api_keys=KEY), Home(tmp_path))
    told = "\n".join(lan.invitation(settings, Home(tmp_path)))
    assert KEY not in told
    assert "one of ANTIPHON_API_KEYS" in told


def test_a_key_can_be_typed_and_not_guessed() -> None:
    keys = {lan.new_key() for _ in range(100)}
    assert len(keys) == 100
    assert {len(key) for key in keys} == {23}
    assert set("".join(keys)) <= {*lan.ALPHABET, "-"}
