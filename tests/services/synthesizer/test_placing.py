"""Marks of eSpeak's become written words, whatever it made of them."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.synthesizer.espeak import Mark, Pcm, Sound
from services.synthesizer.placing import Placed, place, trim

RATE = 22050


def sound(*parts: tuple[int, int], marks: tuple[Mark, ...] = ()) -> Sound:
    """Parts of so many samples at such a level, one after the other."""
    return Sound(np.concatenate([np.full(count, level, np.int16) for count, level in parts]), marks)


def words(text: str, marks: list[tuple[int, int]], pcm: Pcm | None = None) -> list[tuple[str, int, int]]:
    made = Sound(np.full(1000, 9000, np.int16) if pcm is None else pcm, tuple(Mark(*mark) for mark in marks))
    return [(word.text, word.start, word.end) for word in place(text, made)]


def test_a_word_ends_where_the_next_begins() -> None:
    assert words("one two", [(0, 0), (4, 400)]) == [("one", 0, 400), ("two", 400, 1000)]


def test_a_word_ends_with_its_sound_where_a_pause_follows() -> None:
    made = sound((300, 9000), (300, 0), (400, 9000), marks=(Mark(0, 0), Mark(5, 600)))
    assert place("one, two", made) == [Placed("one,", 0, 300), Placed("two", 600, 1000)]


def test_a_token_that_is_spoken_as_several_words_is_one() -> None:
    assert words("at 14:05 it", [(0, 0), (3, 200), (6, 400), (7, 500), (9, 800)]) == [
        ("at", 0, 200),
        ("14:05", 200, 800),
        ("it", 800, 1000),
    ]


def test_a_word_without_a_mark_joins_the_one_before() -> None:
    assert words("end of the day", [(0, 0), (4, 300), (11, 600)]) == [
        ("end", 0, 300),
        ("of the", 300, 600),
        ("day", 600, 1000),
    ]


def test_signs_before_the_first_word_go_with_it() -> None:
    assert words("— — yes", [(4, 0)]) == [("— — yes", 0, 1000)]


def test_a_mark_at_the_space_before_a_word_is_that_words() -> None:
    assert words("hi xxxx end", [(0, 0), (2, 300), (8, 700)]) == [
        ("hi", 0, 300),
        ("xxxx", 300, 700),
        ("end", 700, 1000),
    ]


def test_a_mark_at_a_space_goes_on_with_the_word_before_when_the_next_has_its_own() -> None:
    assert words("😀 now", [(0, 0), (1, 300), (2, 700)]) == [("😀", 0, 700), ("now", 700, 1000)]


def test_marks_that_go_back_give_positions_that_do_not() -> None:
    assert [start for _, start, _ in words("a b c", [(0, 0), (4, 200), (2, 500)])] == [0, 500, 500]


def test_a_mark_behind_the_sound_is_a_word_without_length() -> None:
    assert words("a b", [(0, 0), (2, 1200)]) == [("a", 0, 1000), ("b", 1000, 1000)]


def test_no_marks_no_words() -> None:
    assert words("...", []) == []


@given(
    st.text(alphabet="ab 😀.", max_size=30),
    st.lists(st.tuples(st.integers(-1, 40), st.integers(0, 1200)), max_size=20),
)
def test_whatever_the_marks_words_are_in_order_and_complete(text: str, marks: list[tuple[int, int]]) -> None:
    found = words(text, marks)
    assert all(start <= end for _, start, end in found)
    assert all(before[1] <= after[1] for before, after in pairwise(found))
    if found:
        assert "".join("".join(word.split()) for word, _, _ in found) == "".join(text.split())


def test_silence_around_the_sound_is_cut_and_the_marks_move_along() -> None:
    made = trim(sound((2000, 0), (3000, 9000), (4000, 0), marks=(Mark(0, 2000),)), RATE, keep_tail=False)
    assert made.marks == (Mark(0, 220),)
    assert len(made.pcm) == 220 + 3000 + 441


def test_the_pause_behind_a_sentence_can_stay() -> None:
    made = trim(sound((2000, 0), (3000, 9000), (4000, 0)), RATE, keep_tail=True)
    assert len(made.pcm) == 220 + 3000 + 4000


def test_silence_alone_becomes_nothing() -> None:
    assert len(trim(sound((2000, 0), marks=(Mark(0, 0),)), RATE, keep_tail=True).pcm) == 0
    assert len(trim(Sound(np.zeros(0, np.int16), ()), RATE, keep_tail=False).pcm) == 0
