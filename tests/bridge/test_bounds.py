"""However much somebody sends, so much is taken in and kept, and what was cut says so."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.bounds import KEPT, cut_result, kept, mended
from bridge.ledger import Status
from bridge.outcome import MAX_MESSAGE, MAX_NAME, RESULT_TOO_LONG, Outcome, of_result
from bridge.ports import CutResult
from bridge.words import passages_of, portion
from services.orchestrator.protocol import ChatResult
from tests.bridge.doubles import CLOCK, ORDER

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES.filter(lambda value: isinstance(value, dict | list)), st.data())
def test_json_that_was_cut_anywhere_is_mended(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    cut = mended(text[: data.draw(st.integers(1, len(text)))])
    assert type(json.loads(cut)) is type(value)
    assert json.loads(mended(text)) == value


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ('{"a": "bc', {"a": "bc"}),
        ('{"a": "b\\', {"a": "b"}),
        ('{"a": "b\\u00', {"a": "b"}),
        ('{"a": "b\\ud83d', {"a": "b"}),
        ('{"a": "b\\\\', {"a": "b\\"}),
        ('{"a": 12', {}),
        ('{"a": [1, {"b": 2, "c', {"a": [1, {"b": 2}]}),
        ('{"a": 1, "b": ', {"a": 1}),
    ],
)
def test_a_string_keeps_its_beginning_and_a_number_is_whole_or_not_there(text: str, whole: Any) -> None:
    assert json.loads(mended(text)) == whole


@pytest.mark.parametrize("text", ["", "[1, 2", '"only', "nonsense", "[" * 100_000, '{"status": 7, "x'])
def test_what_is_no_result_when_mended_is_none(text: str) -> None:
    assert cut_result(text) is None


def long_list(size: int) -> CutResult:
    result = cut_result(json.dumps({"data": [f"item {n}" for n in range(size)]}))
    assert result
    return result


def test_of_a_list_that_was_cut_the_beginning_is_said_and_nobody_says_how_much_there_is() -> None:
    passages = passages_of(long_list(100_000), "en")
    assert passages.left == 0
    said, rest = portion(passages)
    assert said == "item 0, item 1, item 2, item 3, item 4."
    assert rest


def test_a_write_whose_result_was_cut_before_its_end_was_told_is_unknown() -> None:
    result = long_list(100_000)
    outcome = of_result(result, ORDER)
    assert (outcome.status, outcome.code) == (Status.UNKNOWN, RESULT_TOO_LONG)
    assert of_result(result, CLOCK).status is Status.SUCCESS
    told = CutResult(response_text="Ordered.", status="success")
    assert of_result(told, ORDER).status is Status.SUCCESS


def test_a_result_of_usual_size_is_kept_as_it_is() -> None:
    result = ChatResult(response_text="Noon.", data={"hour": 12, "place": None})
    assert kept(result) == {"response_text": "Noon.", "data": {"hour": 12, "place": None}}


@pytest.mark.parametrize(
    "result",
    [
        ChatResult(response_text="x" * 10**6),
        ChatResult(response_text="", data=[{"name": f"item {n}", "more": ["x"] * 9} for n in range(20_000)]),
        ChatResult(response_text="x" * 10**6, data={str(n): "x" * 1000 for n in range(1000)}),
        ChatResult(response_text="", data="x" * 10**6),
    ],
)
def test_of_a_large_one_the_beginning_is_kept_and_says_so(result: ChatResult) -> None:
    row = kept(result)
    assert len(json.dumps(row)) <= KEPT + 1000
    assert row["cut"].startswith("the beginning of ")
    assert row["response_text"] == result.response_text[: KEPT // 2]
    assert not result.data or row["data"]


def test_of_what_others_call_themselves_and_say_of_their_troubles_so_much_is_kept() -> None:
    agent = of_result(ChatResult(response_text="Hm.", agent="x" * 10**5), CLOCK).agent
    error = Outcome(Status.ERROR, code="x" * 10**5, message="x" * 10**5).error
    assert len(agent) == MAX_NAME
    assert error
    assert (len(error["code"]), len(error["message"])) == (MAX_NAME, MAX_MESSAGE)
