"""The index of known phrases."""

import pytest

from bridge.nearest import Index


def test_a_phrase_is_nearest_to_itself_whatever_its_case_and_marks() -> None:
    index = Index({"clock": ["what time is it in Tokyo"], "thanks": ["thank you"]})
    near = index.nearest("What time is it, in tokyo?")
    assert near["clock"] == pytest.approx(1.0)
    assert near["thanks"] == 0.0


def test_a_rare_word_says_more_than_a_common_one() -> None:
    index = Index({"clock": ["tell me the hour"], "jokes": ["tell me the joke", "tell me the best riddle"]})
    near = index.nearest("the hour")
    assert near["clock"] > near["jokes"]


def test_unknown_words_make_a_text_less_like_all_phrases() -> None:
    index = Index({"thanks": ["thank you"]})
    assert index.nearest("thank you for nothing at all")["thanks"] < index.nearest("thank you")["thanks"]


def test_other_endings_of_a_word_are_near() -> None:
    index = Index({"units": ["convert miles"]})
    assert index.nearest("converting mile")["units"] > 0.3


def test_a_kind_without_phrases_is_near_nothing() -> None:
    assert Index({"none": [], "some": ["hello"]}).nearest("hello")["none"] == 0.0


@pytest.mark.parametrize("text", ["", "?!", "   "])
def test_a_text_without_words_is_near_nothing(text: str) -> None:
    assert Index({"some": ["hello"]}).nearest(text) == {"some": 0.0}
