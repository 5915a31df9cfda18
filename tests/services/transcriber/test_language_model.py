"""The maths of the language model."""

import math

import pytest

from services.transcriber.language_model import END, START, LanguageModel, Source, arpa, train

GENERAL = ["what is the time", "what is the weather like", "tell me the time please", "call my mother"]
DOMAIN = ["what is the pressure", "turn off the pump"]
EVERYDAY = {word: 1.0 for text in [*GENERAL, *DOMAIN, "ada grace"] for word in text.split()}
WORDS = "san francisco fly to boston back from near in".split()
HISTORIES = [
    (),
    (START,),
    ("the",),
    (START, "what"),
    ("is", "the"),
    ("ada",),
    ("call", "ada"),
    ("pump", "grace"),
]


def model(domain_weight: float = 10.0, free: float = 0.1) -> LanguageModel:
    sources = [
        Source([text.split() for text in DOMAIN], domain_weight),
        Source([text.split() for text in GENERAL], 1.0),
    ]
    return train(sources, EVERYDAY, free)


@pytest.mark.parametrize("history", HISTORIES)
def test_what_may_follow_adds_up_to_one(history: tuple[str, ...]) -> None:
    trained = model()
    assert sum(trained.p(word, history) for word in [*EVERYDAY, END]) == pytest.approx(1.0)


def test_the_domain_is_likelier_by_its_weight() -> None:
    heavy, even = model(domain_weight=10.0), model(domain_weight=1.0)
    history = ("is", "the")
    assert heavy.p("pressure", history) > heavy.p("time", history)
    assert even.p("pressure", history) < even.p("time", history)


def test_a_word_that_follows_one_word_alone_is_not_expected_after_others() -> None:
    often = ["san francisco"] * 9 + ["fly to boston", "back from boston", "near boston"]
    trained = train(
        [Source([text.split() for text in often], 1.0)], EVERYDAY | dict.fromkeys(WORDS, 1.0), 0.1
    )
    assert trained.p("francisco", ("san",)) > trained.p("boston", ("san",))
    assert trained.p("francisco", ("in",)) < trained.p("boston", ("in",))


def test_a_word_of_no_phrase_gets_through() -> None:
    trained = model()
    assert trained.p("ada", ("call",)) > 0
    assert trained.p("ada", ("call",)) == pytest.approx(trained.backoff["call",] * trained.p("ada"))
    assert model(free=0.3).p("ada") == pytest.approx(3 * trained.p("ada"))


def test_a_word_outside_of_the_vocabulary_has_no_probability() -> None:
    assert model().p("zorblax", ("the",)) == 0.0


def test_only_two_words_back_count() -> None:
    trained = model()
    assert trained.p("time", ("call", "is", "the")) == trained.p("time", ("is", "the"))


def test_no_history_reaches_across_a_word_that_cannot_be_recognised() -> None:
    trained = train([Source([["ask", None, "about", "it"]], 1.0)], {"ask": 1.0, "about": 1.0, "it": 1.0}, 0.1)
    assert ("about", "it") in trained.probability
    assert ("ask", "about") not in trained.probability


def test_the_file_says_what_the_model_says() -> None:
    trained = model()
    lines = list(arpa(trained))
    listed = {
        tuple(words.split()): (float(p), float(rest[0]) if rest else None)
        for p, words, *rest in (line.split("\t") for line in lines if "\t" in line)
    }
    assert f"ngram 1={sum(len(gram) == 1 for gram in listed)}" in lines
    assert f"ngram 3={sum(len(gram) == 3 for gram in listed)}" in lines
    p, backoff = listed["is", "the"]
    assert p == pytest.approx(math.log10(trained.p("the", ("is",))), abs=1e-4)
    assert backoff == pytest.approx(math.log10(trained.backoff["is", "the"]), abs=1e-4)
    assert listed[START,][0] == -99.0
