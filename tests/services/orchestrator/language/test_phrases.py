"""The grammar of phrases."""

from datetime import UTC, datetime

import pytest

from services.orchestrator.language.phrases import BadPhrase, Match, parse_phrase
from services.orchestrator.language.slots import TYPES, Value
from services.orchestrator.language.words import tokenise

NOW = datetime(2026, 7, 14, tzinfo=UTC)


def longest(phrase: str, said: str, **named: str) -> Match | None:
    """The match of `phrase` that covers most of `said`; its slots are places."""
    tokens = tokenise(said)

    def read(_: str, start: int, end: int) -> Value | None:
        return TYPES["place"].read(tokens[start:end], NOW)

    matches = parse_phrase(phrase, named).matches(tokens, read, latest=len(tokens))
    return max(matches, key=lambda match: match.end - match.start, default=None)


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("what time is it", "what time is it"),
        ("what's the time", "what is the time"),
        ("[the] time", "the time"),
        ("(a|b [c]|d) e", "b c e"),
        ("a|b c", "b c"),
        ("time in {place}", "time in new york"),
        ("{place}'s time", "tokyo's time"),
        ("{place} and {place}", "rome and paris"),
        ("x <now>", "x right now"),
    ],
)
def test_a_phrase_covers_all_that_it_says(phrase: str, said: str) -> None:
    match = longest(phrase, said, now="[now|right now]")
    assert match is not None
    assert (match.start, match.end) == (0, len(tokenise(said)))


def test_a_slot_takes_only_what_its_type_can_read() -> None:
    assert longest("time in {place}", "time in nowhereville") is None


def test_a_match_may_stand_in_the_middle() -> None:
    match = longest("b c", "a b c d")
    assert match == Match(1, 3, (), 2)


@pytest.mark.parametrize(
    ("phrase", "complaint"),
    [
        ("a (b", "not closed"),
        ("a b]", "closes nothing"),
        ("[a (b])", "not closed"),
        ("a {b", "no partner"),
        ("<when> a", "not defined"),
        ("[a] [b|c]", "matches silence"),
        ("", "matches silence"),
        ("<loop>", "contains itself"),
    ],
)
def test_a_bad_phrase_is_refused_with_a_reason(phrase: str, complaint: str) -> None:
    with pytest.raises(BadPhrase, match=complaint):
        parse_phrase(phrase, {"loop": "a <loop>"})


@pytest.mark.parametrize(
    ("text", "openers"),
    [
        ("what time is it", {"what"}),
        ("[please] (tell|give) me", {"please", "tell", "give"}),
        ("[a|b [c]] [d] e f", {"a", "b", "d", "e"}),
        ("[now] {place} time", None),
        ("({place}|here) is it", None),
        ("((a|b)|c [d]) e", {"a", "b", "c"}),
    ],
)
def test_a_phrase_knows_with_which_words_it_can_begin(text: str, openers: set[str] | None) -> None:
    assert parse_phrase(text).openers == openers
