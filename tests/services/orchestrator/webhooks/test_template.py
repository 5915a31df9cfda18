"""Slots in addresses and bodies: what they become, and where they must not be."""

from typing import Any

import pytest

from services.orchestrator.webhooks.template import (
    BadPart,
    BadTemplate,
    check_address,
    fill,
    fill_address,
    slots_of,
)

BODY = {
    "ask": {"city": "{city}", "days": "{days}"},
    "note": "in {city}, {days} days",
    "list": ["{city}", 3, True],
}


def test_a_slot_alone_keeps_its_type_and_one_in_a_text_is_text() -> None:
    assert fill(BODY, {"city": "Oslo", "days": 2.5}) == {
        "ask": {"city": "Oslo", "days": 2.5},
        "note": "in Oslo, 2.5 days",
        "list": ["Oslo", 3, True],
    }


def test_what_has_no_value_is_null_alone_and_nothing_in_a_text() -> None:
    assert fill({"a": "{city}", "b": "to {city}!"}, {}) == {"a": None, "b": "to !"}


def test_a_value_that_looks_like_a_slot_is_not_filled_again() -> None:
    assert fill("say {text}", {"text": "{say_token}", "say_token": "secret"}) == "say {say_token}"


def test_slots_are_found_at_every_depth() -> None:
    assert slots_of(BODY) == {"city", "days"}


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("a/../b?c=d&e#f", "a%2F..%2Fb%3Fc%3Dd%26e%23f"),
        ("São Paulo", "S%C3%A3o%20Paulo"),
        ("{other}", "%7Bother%7D"),
        (2.5, "2.5"),
        (True, "true"),
    ],
)
def test_values_are_encoded_whole_in_path_and_query(value: Any, encoded: str) -> None:
    filled = fill_address("https://host/hook/{x}/end?q={x}", {"x": value, "other": "no"})
    assert filled == f"https://host/hook/{encoded}/end?q={encoded}"


@pytest.mark.parametrize("value", ["", ".", "..", None])
def test_a_value_that_walks_the_path_is_refused(value: str | None) -> None:
    with pytest.raises(BadPart):
        fill_address("https://host/hook/{x}", {"x": value})


def test_nothing_may_be_asked_for_in_a_query() -> None:
    assert fill_address("https://host/hook?q={x}", {}) == "https://host/hook?q="


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("ftp://host/x", "http or https"),
        ("host/x", "http or https"),
        ("https:///x", "http or https"),
        ("https://host:99999/x", "http or https"),
        ("https://{host}/x", "host is the file's"),
        ("https://host:{port}/x", "http or https"),
        ("https://host{x}/y", "host is the file's"),
        ("https://me:word@host/x", "no user and password"),
        ("https://host/x#y", "no `#`"),
        ("https://host/a b", "percent-encoded"),
        ("https://host/é", "percent-encoded"),
        ("https://host/{say_token}", "end in logs"),
    ],
)
def test_an_address_that_cannot_be_used_is_named(url: str, complaint: str) -> None:
    with pytest.raises(BadTemplate, match=complaint):
        check_address(url)


def test_good_addresses_pass() -> None:
    for url in ("http://localhost:5678/webhook/oven", "https://[::1]:1/{x}?q={y}", "https://a.example/x%20y"):
        check_address(url)
