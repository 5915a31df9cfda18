"""Where the words are in what a webhook answered."""

import json
from typing import Any

import pytest

from services.orchestrator.webhooks.answer import (
    KEPT_BYTES,
    MAX_WORDS,
    NotUnderstood,
    NoWords,
    Said,
    read_answer,
    reason_in,
    without,
)


def read(value: Any, path: str = "") -> Said:
    return read_answer(json.dumps(value).encode(), "application/json", "utf-8", path)


@pytest.mark.parametrize("field", ["response_text", "text", "message", "output", "answer"])
def test_the_usual_fields_hold_the_words(field: str) -> None:
    assert read({"id": 3, field: " It is hot. "}) == Said("It is hot.", {"id": 3, field: " It is hot. "})


def test_the_last_nodes_one_item_counts_as_itself() -> None:
    assert read([{"output": "Done."}]).words == "Done."


@pytest.mark.parametrize(
    ("value", "words"), [("Hi.", "Hi."), (21, "21"), (0.1 + 0.2, "0.3"), (True, "Yes."), (False, "No.")]
)
def test_a_bare_value_is_words(value: Any, words: str) -> None:
    assert read(value).words == words


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"data": {"text": "Hi."}}, "data.text"),
        ([{"a": 1}, {"b": ["x", "Hi."]}], "1.b.1"),
        ({"1": "Hi."}, "1"),
    ],
)
def test_a_path_leads_to_the_words(value: Any, path: str) -> None:
    assert read(value, path).words == "Hi."


@pytest.mark.parametrize("path", ["data.text", "data.0", "data.a.b", "x", "data.text.y"])
def test_a_path_that_leads_nowhere_is_named(path: str) -> None:
    with pytest.raises(NotUnderstood, match=f"`answer` is {path}"):
        read({"data": {"a": 3}}, path)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ([{"text": "a"}, {"text": "b"}], "one item, 2 came"),
        ({"temperature": 21}, "expected one of response_text"),
        ({"text": {"deep": "a"}}, "expected a text"),
    ],
)
def test_an_answer_without_a_place_for_words_is_named(value: Any, complaint: str) -> None:
    with pytest.raises(NotUnderstood, match=complaint):
        read(value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b'""',
        b"null",
        b'{"text": ""}',
        b'{"text": null}',
        b'{"message": "Workflow was started"}',
    ],
)
def test_nothing_said_is_told_from_nonsense(body: bytes) -> None:
    with pytest.raises(NoWords):
        read_answer(body, "application/json", None, "")


def test_plain_text_is_words_also_under_n8ns_html_type() -> None:
    assert read_answer("Größer.".encode(), "text/html", "utf-8", "") == Said("Größer.", None)


def test_json_is_read_under_any_type() -> None:
    assert read_answer(b'{"text": "Hi."}', "text/plain", None, "").words == "Hi."


@pytest.mark.parametrize(
    ("body", "kind", "path", "complaint"),
    [
        (b"<!doctype html><p>Log in", "text/html", "", "HTML page"),
        (b"Hi.", "text/plain", "data.text", "plain text came"),
        (b"{not json", "application/json", "", "expected JSON"),
        (b"Hi.", "application/problem+json", "", "expected JSON"),
        (b"[NaN]", "application/json", "", "no NaN"),
        (b"[1e999]", "application/json", "", "a double can hold"),
        (b'"\\u0000"', "application/json", "", r"U\+0000"),
        (b'"\\ud800"', "application/json", "", "half characters"),
        (b"[" * 40 + b"]" * 40, "application/json", "", "32 levels"),
        (b"[" * 100_000, "application/json", "", "expected JSON"),
        (b"9" * 5000, "application/json", "", "expected JSON"),
        (b"\xff\xfe", "text/plain", None, "UTF-8"),
    ],
)
def test_what_cannot_be_read_is_named(body: bytes, kind: str, path: str, complaint: str) -> None:
    with pytest.raises(NotUnderstood, match=complaint):
        read_answer(body, kind, None, path)


def test_a_charset_that_nobody_knows_is_named() -> None:
    with pytest.raises(NotUnderstood, match="klingon"):
        read_answer(b"Hi.", "text/plain", "klingon", "")


def test_long_words_are_cut_where_a_word_ends() -> None:
    words = read({"text": "seventy " * 1000}).words
    assert words.endswith("seventy")
    assert len(words) <= MAX_WORDS


def test_an_answer_too_large_to_keep_still_has_its_words() -> None:
    said = read({"text": "Here.", "rows": ["x" * 100] * 1000})
    assert said.words == "Here."
    assert said.data["left_out_bytes"] > KEPT_BYTES


def test_the_reason_of_a_refusal_is_n8ns_message_and_hint() -> None:
    assert reason_in(b'{"code": 404, "message": "Not registered.", "hint": "Activate it."}') == (
        "Not registered. Activate it."
    )
    for body in (b"", b"<html>", b"[]", b'{"message": 3}'):
        assert reason_in(body) == ""


def test_what_was_secret_is_hidden_wherever_it_comes_back() -> None:
    value = {"body": {"say_token": "abc", "list": ["x abc y", 3]}, "abc": None}
    assert without(["abc"], value) == {"body": {"say_token": "…", "list": ["x … y", 3]}, "…": None}
