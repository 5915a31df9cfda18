"""A long text is cut where a speaker would breathe, and nothing of it is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.synthesizer.pieces import LONGEST, pieces


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \n ", []),
        ("One sentence only", ["One sentence only"]),
        (
            "This works. That too! Really? Well…  Good.",
            ["This works.", "That too!", "Really?", "Well…", "Good."],
        ),
        ("Ask Dr. Smith, e.g. on Monday.", ["Ask Dr. Smith, e.g. on Monday."]),
        ("It is 3.5 degrees. Or 21. Who knows.", ["It is 3.5 degrees.", "Or 21.", "Who knows."]),
        (
            "“Stop there!” he said (twice). Then silence.",
            ["“Stop there!”", "he said (twice).", "Then silence."],
        ),
        ("See example.com now", ["See example.com now"]),
    ],
)
def test_sentences_are_pieces(text: str, expected: list[str]) -> None:
    assert list(pieces(text)) == expected


def test_a_long_sentence_is_cut_at_a_clause() -> None:
    clause = "and so it went on and on, "
    assert all(piece.endswith("on,") for piece in list(pieces(clause * 40))[:-1])


def test_one_without_commas_is_cut_at_a_space() -> None:
    assert all(set(piece.split()) == {"word"} for piece in pieces("word " * 200))


def test_one_without_spaces_is_cut_anyhow() -> None:
    assert [len(piece) for piece in pieces("x" * 700)] == [LONGEST, LONGEST, 100]


@given(st.text(max_size=1500))
def test_no_piece_is_too_long_and_no_letter_is_lost(text: str) -> None:
    cut = list(pieces(text))
    assert all(0 < len(piece) <= LONGEST for piece in cut)
    assert "".join("".join(cut).split()) == "".join(text.split())
