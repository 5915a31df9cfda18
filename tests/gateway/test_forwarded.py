"""Whose word is taken for where a request comes from."""

import pytest

from gateway.forwarded import Proxies
from services.base.problems import Invalid
from services.base.settings import BadSettings

NOBODY = Proxies.parse("")
OURS = Proxies.parse("127.0.0.1, 10.0.0.0/8, 2001:db8::/32")


def test_nobody_is_believed_who_is_not_named() -> None:
    assert NOBODY.origin("192.0.2.1", ["198.51.100.7"]) == "192.0.2.1"
    assert OURS.origin("192.0.2.1", ["198.51.100.7"]) == "192.0.2.1"
    assert NOBODY.scheme("192.0.2.1", ["https"]) is None


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        ([], "127.0.0.1"),
        (["198.51.100.7"], "198.51.100.7"),
        (["198.51.100.7:4711"], "198.51.100.7"),
        (["[2001:db9::1]:4711"], "2001:db9::1"),
        # What stands before the first stranger that stranger may have written.
        (["203.0.113.1, 198.51.100.7"], "198.51.100.7"),
        (["203.0.113.1", "198.51.100.7, 10.1.1.1"], "198.51.100.7"),
        (["nonsense, 198.51.100.7"], "198.51.100.7"),
        (["10.1.1.1"], "10.1.1.1"),
    ],
)
def test_the_last_address_before_our_proxies_counts(headers: list[str], origin: str) -> None:
    assert OURS.origin("127.0.0.1", headers) == origin


@pytest.mark.parametrize("hop", ["", "unknown", "198.51.100", "198.51.100.7 evil", "[::x]", "a:b:c"])
def test_a_proxy_of_ours_that_writes_nonsense_is_told(hop: str) -> None:
    with pytest.raises(Invalid, match="X-Forwarded-For"):
        OURS.origin("127.0.0.1", [hop])


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        ([], None),
        (["https"], "https"),
        (["http, HTTPS"], "https"),
        (["https, http"], "http"),
        (["x"], "http"),
    ],
)
def test_a_proxy_of_ours_says_whether_the_client_speaks_tls(headers: list[str], scheme: str | None) -> None:
    assert OURS.scheme("127.0.0.1", headers) == scheme


def test_a_network_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(BadSettings, match=r"GATEWAY_TRUSTED_PROXIES.*nowhere"):
        Proxies.parse("127.0.0.1, nowhere")
