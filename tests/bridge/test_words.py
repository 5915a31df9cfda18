"""What a tool sends, put in words for the ear."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.words import MAX_CHARS, MAX_WORDS, in_prose, result_in_words, spoken
from services.orchestrator.protocol import ChatResult


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("It is noon", "It is noon."),
        ("It is **3:05 pm** in _Tokyo_.", "It is 3:05 pm in Tokyo."),
        ("# Weather\n- sunny\n- warm\n\nEnjoy!", "Weather. sunny, warm."),
        ("1. First.\n2. Second.", "First. Second."),
        ("one\ntwo", "one two."),
        ("> quoted", "quoted."),
        ("| city | time |\n|---|---|\n| Tokyo | noon |", "city, time. Tokyo, noon."),
        ("See [the docs](https://x.example/y?z=1).", "See the docs."),
        ("See https://www.example.com/a/b?c=d.", "See example.com."),
        ("![a chart](chart.png) Up.", "a chart Up."),
        ("Run `ls -l`.", "Run ls -l."),
        ("Look:\n```python\nprint(1)\n```\nDone.", "Look: Done."),
        ("Is 2^3 eight?", "Is 2^3 eight?"),
        ("<p>Hi <b>there</b> &amp; you</p><script>alert(1)</script>", "Hi there and you."),
        ("Done ✅ 👍🏽", "Done."),
        ("\x1b[31mred\x1b[0m\x00\u200b light", "red light."),
        ("3 * 4 is 12 and 2 < 3", "3 * 4 is 12 and 2 < 3."),
        ("The key is " + "a1" * 40 + " today", "The key is today."),
        ("The cost is 1,000.50 in all. Pay 3.5 now.", "The cost is 1,000.50 in all. Pay 3.5 now."),
        (
            "Dr. Smith met J. Doe, e.g. Bob. Then they left. More.",
            "Dr. Smith met J. Doe, e.g. Bob. Then they left.",
        ),
        ('He said "Go." Then he went.', 'He said "Go." Then he went.'),
    ],
)
def test_markup_is_left_out(text: str, heard: str) -> None:
    assert spoken(text, "en") == heard


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("21°C", "21 degrees Celsius."),
        ("-5 °C", "minus 5 degrees Celsius."),
        ("1 km is 1,000 m", "1 kilometer is 1,000 meters."),
        ("5 km/h, 20%", "5 kilometers per hour, 20 percent."),
        ("3–5 kg", "3 to 5 kilograms."),
        ("10-12 people in room B-4", "10-12 people in room B-4."),
        ("$1,250.50", "1,250.50 dollars."),
        ("1.2e-05 is small", "1.2 times 10 to the minus 5 is small."),
        ("2 + 2 = 4", "2 + 2 equals 4."),
        ("2026-11-21T07:41:00Z", "November 21, 2026 at 07:41 UTC."),
        ("on 2026-13-41", "on 2026-13-41."),
        ("5 minutes and 3 grams", "5 minutes and 3 grams."),
        ("room 5m2", "room 5m2."),
    ],
)
def test_units_and_dates_can_be_read(text: str, heard: str) -> None:
    assert spoken(text, "en") == heard


def test_another_language_reads_its_own_units() -> None:
    assert spoken("Es sind 21 °C.", "de-DE") == "Es sind 21 °C."


@pytest.mark.parametrize(
    ("value", "heard"),
    [
        (
            {"temperature": 21.5, "windSpeed": 3, "is_day": True},
            "temperature 21.5, wind speed 3, is day yes.",
        ),
        ({"status": 1, "message": "All good."}, "All good."),
        (["tea", "milk"], "tea, milk."),
        ([1, 2, 3, 4, 5, 6, 7], "1, 2, 3, 4, 5, and 2 more."),
        ({"sum": 0.1 + 0.2}, "sum 0.3."),
        ({"a": {"b": {"c": {"d": "deep"}}}}, ""),
        ({}, ""),
        ([None, ""], ""),
        ([[[[[]]]]], ""),
    ],
)
def test_json_is_told_not_read_aloud(value: object, heard: str) -> None:
    assert spoken(json.dumps(value), "en") == heard
    assert result_in_words(ChatResult(response_text="", data=value), "en") == heard


@pytest.mark.parametrize("text", ['{"a": [1, 2', "[{", '["x', "[" * 5000, '{"a": "' + "x" * 200_000 + '"}'])
def test_json_that_cannot_be_read_is_not_read_aloud(text: str) -> None:
    assert spoken(text, "en") == ""


def test_a_note_in_brackets_is_prose() -> None:
    assert spoken("[Editor] It is noon.", "en") == "[Editor] It is noon."


@pytest.mark.parametrize(
    "text", ["", "  \n ", "…", "---", "```\ncode\n```", "👍", "<br>", "x" * 50_000, "." * 50_000]
)
def test_what_holds_no_words_is_empty(text: str) -> None:
    assert spoken(text, "en") == ""


@pytest.mark.parametrize(
    "text",
    [
        'Traceback (most recent call last):\n  File "/srv/a.py", line 3, in f\nKeyError: 1',
        "ValueError: invalid literal",
        "sqlalchemy.exc.OperationalError: (psycopg2) no",
        "TypeError: x is not a function\n    at Object.<anonymous> (/app/x.js:3:1)",
    ],
)
def test_what_programs_say_to_programmers_is_not_spoken(text: str) -> None:
    assert spoken(text, "en") == ""


def test_only_the_first_sentences_are_spoken() -> None:
    assert spoken("One. Two. Three.", "en") == "One. Two."


def test_a_second_sentence_that_is_too_long_is_left_out_whole() -> None:
    assert spoken("Short one. " + "Long " * MAX_WORDS, "en") == "Short one."


def test_a_sentence_that_is_too_long_is_cut_at_a_clause_and_says_so() -> None:
    text = "The list has " + "one more item and " * 7 + "so on, " + "then some more " * 20
    heard = spoken(text, "en")
    assert heard.endswith("so on, and more.")
    assert len(heard.split()) <= MAX_WORDS


def test_a_text_of_any_length_is_read_only_so_far() -> None:
    assert spoken("word " * 10**6, "en") == spoken("word " * MAX_CHARS, "en")


def test_its_own_text_goes_before_its_data() -> None:
    assert result_in_words(ChatResult(response_text="Noon.", data={"hour": 12}), "en") == "Noon."


def test_data_is_told_by_its_first_items() -> None:
    assert in_prose({str(n): n for n in range(100)}).endswith("and 95 more")


@given(st.text(alphabet=st.sampled_from("ab1 .,!?\n*_`#|<>[](){}\"'°%-\\/:éß漢👍"), max_size=300))
def test_whatever_comes_is_within_the_limits(text: str) -> None:
    heard = spoken(text, "en")
    assert "\n" not in heard
    assert len(heard.split()) <= MAX_WORDS
    assert heard == "" or any(c.isalnum() for c in heard)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists, max_leaves=20))
def test_whatever_data_comes_is_a_phrase(value: object) -> None:
    assert len(in_prose(value)) < 5000
