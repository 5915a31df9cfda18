"""In which order parts stop."""

import pytest

from gateway.cli.order import stop_order


def test_a_part_stops_before_what_it_uses() -> None:
    uses = {
        "postgres": [],
        "orchestrator": ["postgres"],
        "transcriber": ["postgres"],
        "gateway": ["postgres", "orchestrator", "transcriber"],
    }
    assert stop_order(uses) == [["gateway"], ["orchestrator", "transcriber"], ["postgres"]]


def test_a_chain_stops_link_by_link() -> None:
    assert stop_order({"a": ["b"], "b": ["c"], "c": []}) == [["a"], ["b"], ["c"]]


def test_what_is_used_but_is_no_part_is_left_out() -> None:
    assert stop_order({"gateway": ["postgres"]}) == [["gateway"]]


def test_a_circle_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match="a, b"):
        stop_order({"a": ["b"], "b": ["a"], "c": []})
