"""Items in their order, each behind the one before it."""

import pytest

from gateway.wires.realtime import items
from gateway.wires.realtime.items import Items, typed
from services.base.ids import new_id


def test_each_item_stands_behind_the_one_before() -> None:
    known = Items()
    assert known.put(typed("a", "user", "1")) is None
    assert known.put(typed("b", "user", "2")) == "a"
    assert known.put(typed("c", "user", "3")) == "b"
    assert known.put(typed("b", "user", "two")) == "a"
    assert known.put(typed("a", "user", "one")) is None
    assert known.delete("b")
    assert known.put(typed("c", "user", "three")) == "a"


def test_an_item_is_its_turn_under_the_client_s_name_or_ours() -> None:
    known, ours, theirs = Items(), new_id(), new_id()
    known.rename(theirs, "mine")
    assert known.name(ours) == f"item_{ours.hex}"
    assert known.name(theirs) == "mine"
    assert known.turn("mine") == theirs


def test_a_deleted_item_is_forgotten_whole() -> None:
    known, turn_id = Items(), new_id()
    known.rename(turn_id, "mine")
    known.put(typed("mine", "user", "1"), turn_id)
    assert known.delete("mine")
    assert not known.delete("mine")
    assert known.turn("mine") is None
    assert known.get("mine") is None


def test_the_oldest_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "MOST", 2)
    known, turns = Items(), [new_id() for _ in range(3)]
    for turn_id in turns:
        known.put(typed(known.name(turn_id), "user", "1"), turn_id)
    assert known.get(known.name(turns[0])) is None
    assert known.turn(known.name(turns[0])) is None
    assert known.get(known.name(turns[2])) is not None
