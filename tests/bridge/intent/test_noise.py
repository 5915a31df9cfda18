"""What a recogniser and haste make of a sentence."""

from random import Random

from bridge.intent.noise import hesitant, misheard, recognised


def test_a_recogniser_writes_neither_case_nor_marks() -> None:
    assert recognised("Turn ON the lights, please!") == "turn on the lights please"


def test_the_same_seed_makes_the_same_errors() -> None:
    text = "set a timer for two minutes in the kitchen"
    assert misheard(text, Random(3), 0.5) == misheard(text, Random(3), 0.5) != text


def test_something_is_left_of_every_phrase() -> None:
    assert all(misheard("stop", Random(seed), 1.0) for seed in range(100))


def test_hesitation_leaves_no_word_out() -> None:
    words = "set a timer for two minutes".split()
    for seed in range(100):
        said = hesitant(" ".join(words), Random(seed)).split()
        assert [word for word in said if word in words][-1] == words[-1]
        assert set(words) <= set(said)
        assert len(said) > len(words)
