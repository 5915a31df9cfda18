"""What the classifier sees of an utterance."""

import pytest

from bridge.intent.features import asked, said, tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [("Um, turn on the the lights!", "turn on the lights"), ("No no no", "no"), ("uh", "uh"), ("", "")],
)
def test_hums_and_words_said_twice_are_not_read(text: str, words: str) -> None:
    assert said(text) == words


def test_words_neighbours_and_ends_are_hashed() -> None:
    assert list(tokens(["a", "b", "c"])) == ["a", "b", "c", "< a", "a b", "b c", "c >", "a _ c"]


@pytest.mark.parametrize(
    ("last_agent", "flags"),
    [
        ("", [False, False, False]),
        ("The lights are on.", [True, False, False]),
        ("I see. What for?", [True, True, False]),
        ("There are three. Shall I order them?", [True, True, True]),
        ("Shall I? I will.", [True, False, False]),
        ("?", [True, True, False]),
    ],
)
def test_of_the_agents_words_only_what_kind_of_question_counts(last_agent: str, flags: list[bool]) -> None:
    assert asked(last_agent) == flags
