"""Sentences out of a stream of text, each as soon as it is whole."""

import pytest

from gateway.minds.sentences import LONGEST, Sentences, sentences_of


def test_a_sentence_comes_once_the_next_has_begun() -> None:
    sentences = Sentences()
    assert sentences.feed("Hello there") == []
    assert sentences.feed(". How") == ["Hello there."]
    assert sentences.feed(" are you? ") == ["How are you?"]
    assert sentences.rest() == []


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("", []),
        ("   ", []),
        ("No end", ["No end"]),
        ("Dr. Green is in. Ask her.", ["Dr. Green is in.", "Ask her."]),
        ("We were the first. Then came you.", ["We were the first.", "Then came you."]),
        ("He said no. She said yes.", ["He said no.", "She said yes."]),
        ("It costs 3.14 dollars. Really!", ["It costs 3.14 dollars.", "Really!"]),
        ('"Stop!" he said. (Quietly.) Yes.', ['"Stop!"', "he said.", "(Quietly.)", "Yes."]),
        ("A list\nof lines\n\nand more", ["A list", "of lines", "and more"]),
        ("Well… yes. No", ["Well…", "yes.", "No"]),
    ],
)
def test_where_sentences_end(text: str, cut: list[str]) -> None:
    assert sentences_of(text) == cut
    by_character = Sentences()
    pieces = [sentence for character in text for sentence in by_character.feed(character)]
    assert pieces + by_character.rest() == cut


def test_what_has_no_end_is_cut_at_a_comma_or_a_space() -> None:
    cut = sentences_of("word, " * 200)
    assert all(len(sentence) <= LONGEST for sentence in cut)
    assert " ".join(cut) == ("word, " * 200).strip()
    assert [len(piece) for piece in sentences_of("a" * (2 * LONGEST + 5))] == [LONGEST, LONGEST, 5]
