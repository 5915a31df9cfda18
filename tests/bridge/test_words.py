"""What a tool sends, put in words for the ear."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.data import in_prose
from bridge.words import (
    MAX_CHARS,
    MAX_PASSAGES,
    MAX_SENTENCES,
    MAX_WORDS,
    Passages,
    passages_of,
    portion,
    spoken,
)
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
        (
            "| city | time |\n|---|---|\n| Tokyo | noon |\n| Oslo | 5 am |",
            "Tokyo, time noon; Oslo, time 5 am.",
        ),
        ("| Tokyo | noon |", "Tokyo, noon."),
        ("<table><tr><td>Tokyo</td><td>noon</td></tr></table>", "Tokyo, noon."),
        ("Tokyo\tnoon\nOslo\t5 am", "Tokyo, noon; Oslo, 5 am."),
        ("See [the docs](https://x.example/y?z=1).", "See the docs."),
        ("See https://www.example.com/a/b?c=d.", "See example.com."),
        ("See www.example.com/a?b=c or mailto:a@example.com.", "See example.com or."),
        ("Mail bob@example.com.", "Mail bob at example.com."),
        ("![a chart](chart.png) Up.", "a chart Up."),
        ("Run `ls -l`.", "Run ls -l."),
        ("Look:\n```python\nprint(1)\n```\nDone.", "Look: Done."),
        ("Is 2^3 eight?", "Is 2^3 eight?"),
        ("<p>Hi <b>there</b> &amp; you</p><script>alert(1)</script>", "Hi there and you."),
        ("Done ✅ 👍🏽", "Done."),
        ("\x1b[31mred\x1b[0m\x00\u200b light", "red light."),
        ("3 * 4 is 12 and 2 < 3", "3 * 4 is 12 and 2 less than 3."),
        ("Order 550e8400-e29b-41d4-a716-446655440000 is out.", "Order is out."),
        ("Order msg_01HZXABCDEF0123456789 (INV-2024-0007).", "Order (INV-2024-0007)."),
        ("[whispers] Hi <|im_start|>all [[h@l]] {x}", "(whispers) Hi all ((h at l)) x."),
        ("&lt;speak&gt;Hi&lt;/speak&gt;", "speakHi/speak."),
        ("Z\u0335\u0336\u0337\u0338\u0335a is \u202egone", "Z\u0335\u0336a is gone."),
        ("The key is " + "a1" * 40 + " today", "The key is today."),
        ("The cost is 1,000.50 in all. Pay 3.5 now.", "The cost is 1,000.50 in all. Pay 3.5 now."),
        (
            "Dr. Smith met J. Doe, e.g. Bob. Then they left. More.",
            "Dr. Smith met J. Doe, e.g. Bob. Then they left.",
        ),
        ('He said "Go." Then he went.', 'He said "Go." Then he went.'),
        ("no capitals here. nor here. nor here.", "no capitals here. nor here."),
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
        ("12.50 EUR, USD 3, 1 €, ¥500", "12.50 euros, 3 dollars, 1 euro, 500 yen."),
        ("$1.2M and 3bn €", "1.2 million dollars and 3 billion euros."),
        ("#5 of total_count", "number 5 of total count."),
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
        ([1, 2, 3, 4, 5, 6, 7], "1, 2, 3, 4, 5."),
        ({"total": 9, "names": list("abcdefghi")}, "total 9, names a, b, c, d."),
        ({"days": [[1, 2, 3, 4, 5, 6, 7]]}, "days 1, 2, 3, 4, 5, and 2 more."),
        (
            [
                {
                    "id": 7,
                    "name": "Milk",
                    "price": {"amount": 2.5, "currency": "EUR"},
                    "orderUrl": "https://x.example",
                }
            ],
            "Milk, price 2.5 euros.",
        ),
        (
            {"high": {"value": 21, "unit": "°C"}, "low": float("inf"), "at": "2026-11-21"},
            "high 21 degrees Celsius; at November 21, 2026.",
        ),
        ({"error": {"code": 500, "message": "The shop is closed."}}, "error The shop is closed."),
        ({"sum": 0.1 + 0.2}, "sum 0.3."),
        ({"a": {"b": {"c": {"d": "deep"}}}}, ""),
        ({}, ""),
        ([None, ""], ""),
        ([[[[[]]]]], ""),
    ],
)
def test_json_is_told_not_read_aloud(value: object, heard: str) -> None:
    assert spoken(json.dumps(value), "en") == heard
    assert portion(passages_of(ChatResult(response_text="", data=value), "en"))[0] == heard


@pytest.mark.parametrize("text", ['{"a": [1, 2', "[{", '["x', "[" * 5000, '{"a": "' + "x" * 200_000 + '"}'])
def test_json_that_cannot_be_read_is_not_read_aloud(text: str) -> None:
    assert spoken(text, "en") == ""


def test_a_note_in_brackets_is_prose() -> None:
    assert spoken("[Editor] It is noon.", "en") == "(Editor) It is noon."


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
    assert portion(passages_of(ChatResult(response_text="Noon.", data={"hour": 12}), "en")) == ("Noon.", None)


def test_data_within_data_is_told_by_its_first_items() -> None:
    assert in_prose({str(n): n for n in range(100)}).endswith("and 95 more")


def read_whole(result: ChatResult) -> list[str]:
    """All portions, one after the other."""
    portions = []
    rest: Passages | None = passages_of(result, "en")
    while rest and rest.blocks:
        said, after = portion(rest)
        portions.append(said)
        assert after is None or len(after.blocks) <= len(rest.blocks)
        rest = after
    return portions


def test_what_is_not_said_at_first_is_read_on_in_order() -> None:
    assert read_whole(ChatResult(response_text="One. Two. Three. Four. Five.")) == [
        "One. Two.",
        "Three. Four.",
        "Five.",
    ]
    names = ChatResult(response_text="", data=list("abcdefghijkl"))
    assert read_whole(names) == ["a, b, c, d, e.", "f, g, h, i, j.", "k, l."]
    notes = ChatResult(
        response_text="Your notes:\n" + "".join(f"- note {n}\n" for n in range(6)) + "\nThat is all."
    )
    assert read_whole(notes) == [
        "Your notes: note 0, note 1, note 2, note 3, note 4.",
        "note 5. That is all.",
    ]


def test_of_a_sentence_that_is_too_long_no_word_is_lost() -> None:
    words = [f"word{n}" for n in range(100)]
    portions = read_whole(ChatResult(response_text=" ".join(words)))
    assert " ".join(portions).replace(", and more.", "").rstrip(".").split() == words


def test_of_a_list_without_end_some_is_kept_and_all_is_counted() -> None:
    passages = passages_of(ChatResult(response_text="", data=list(range(100_000))), "en")
    assert (len(passages.blocks), passages.left) == (MAX_PASSAGES, 100_000)


@given(
    st.lists(
        st.sampled_from(["one", "two.", "three,", "four?", "five!", "\n\n", "\n- ", "\n| ", "["]),
        max_size=200,
    )
)
def test_every_portion_is_within_the_limits_and_the_last_one_comes(words: list[str]) -> None:
    for said in read_whole(ChatResult(response_text=" ".join(words))):
        assert 0 < len(said.split()) <= MAX_WORDS
        assert len(re.findall(r"[.!?](?= [^ ])", said)) < MAX_SENTENCES + said.count(", and more.")


@given(st.text(alphabet=st.sampled_from("ab1 .,!?\n*_`#|<>[](){}\"'°%-\\/:éß漢👍"), max_size=300))
def test_whatever_comes_is_within_the_limits(text: str) -> None:
    heard = spoken(text, "en")
    assert "\n" not in heard
    assert len(heard.split()) <= MAX_WORDS
    assert heard == "" or any(c.isalnum() for c in heard)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists, max_leaves=20))
def test_whatever_data_comes_is_a_phrase(value: object) -> None:
    assert len(in_prose(value)) < 5000
