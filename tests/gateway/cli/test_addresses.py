"""Under which addresses and names others reach this machine."""

import socket
from ipaddress import ip_address
from types import SimpleNamespace

import psutil
import pytest

from gateway.cli import addresses
from gateway.cli.addresses import host_names, lan_addresses


def card(*addresses: str) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(family=socket.AF_INET6 if ":" in each else socket.AF_INET, address=each)
        for each in addresses
    ]


@pytest.fixture(autouse=True)
def _cards(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = {
        "lo": card("127.0.0.1", "::1"),
        "wlan0": card("192.168.1.5", "fe80::5%wlan0", "fd00::5"),
        "eth0": card("10.0.0.5", "169.254.7.7"),
        "eth1": card("10.9.9.9"),
    }
    states = {name: SimpleNamespace(isup=name != "eth1") for name in cards}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: cards)
    monkeypatch.setattr(psutil, "net_if_stats", lambda: states)


def test_the_address_of_the_usual_route_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "usual_address", lambda family: ip_address("192.168.1.5"))
    assert list(map(str, lan_addresses("0.0.0.0"))) == ["192.168.1.5", "10.0.0.5"]


def test_without_a_way_out_there_are_addresses_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "usual_address", lambda family: None)
    assert list(map(str, lan_addresses("0.0.0.0"))) == ["10.0.0.5", "192.168.1.5"]
    assert list(map(str, lan_addresses("::"))) == ["fd00::5"]


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("box", ["box.local", "box"]),
        ("box.example.org", ["box.local", "box.example.org", "box"]),
        ("box.local", ["box.local", "box"]),
        ("localhost", []),
        ("", []),
        ("küche", []),
    ],
)
def test_a_host_is_known_by_mdns_and_as_it_calls_itself(name: str, names: list[str]) -> None:
    assert host_names(name) == names
