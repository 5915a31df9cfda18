"""A sentence as a vector of its meaning."""

import numpy as np
import pytest

from bridge.intent.encoder import LONGEST, Pieces, beside, encoder


def near(one: str, other: str) -> float:
    return float(encoder().encode(one) @ encoder().encode(other))


@pytest.mark.parametrize(
    ("text", "like", "unlike"),
    [
        ("turn on the lights", "switch the lamp on please", "i love my dog"),
        ("how is the weather", "will it rain", "transfer some money"),
        ("i feel sad", "i am unhappy today", "open the garage"),
    ],
)
def test_what_means_the_same_lies_near(text: str, like: str, unlike: str) -> None:
    assert near(text, like) > near(text, unlike) + 0.2


def test_a_vector_has_length_one() -> None:
    assert np.linalg.norm(encoder().encode("hello there")) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("text", ["", "  ", "你好"])
def test_nothing_known_is_zeros(text: str) -> None:
    assert not encoder().encode(text).any()


def test_case_and_accents_do_not_matter() -> None:
    assert near("Café in ZÜRICH", "cafe in zurich") == pytest.approx(1.0, abs=1e-5)


def test_words_are_cut_into_the_longest_known_pieces() -> None:
    pieces = Pieces(["un", "##load", "##l", "load", "unl"])
    assert pieces.of("unload") == []
    assert Pieces(["un", "##load", "##lo", "load"]).of("unload load") == [0, 1, 3]


def test_of_endless_speech_the_beginning_is_read() -> None:
    assert len(Pieces(["a"]).of("a " * 1000)) == LONGEST
    assert np.isfinite(encoder().encode("word " * 10_000)).all()


def test_each_row_stands_between_its_neighbours() -> None:
    rows = np.array([[1.0], [2.0], [3.0]], np.float32)
    assert beside(rows).tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 0]]
