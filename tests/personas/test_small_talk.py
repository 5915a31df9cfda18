"""Small talk is found by what people say, and requests are left alone."""

import random
from itertools import pairwise

import pytest

from personas.loader import load
from personas.model import SmallTalk
from personas.small_talk import THRESHOLD, SmallTalkIndex, pick, plain

MYCA = load().persona("myca")


@pytest.fixture(scope="module")
def index() -> SmallTalkIndex:
    return SmallTalkIndex(MYCA.small_talk)


def intent(index: SmallTalkIndex, words: str) -> str | None:
    match = index.match(words)
    return match.group.intent if match else None


def test_every_example_finds_its_own_group(index: SmallTalkIndex) -> None:
    missed = [
        example
        for group in MYCA.small_talk
        for example in group.examples
        if intent(index, example) != group.intent
    ]
    assert missed == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Hello!", "greeting"),
        ("uh, how are you, um, doing?", "how_are_you"),
        ("what is your name please", "who_are_you"),
        ("how’s it going", "how_are_you"),
        ("HOW ARE YOU", "how_are_you"),
        ("could you tell me a joke", "joke"),
        ("thank you so very much", "thanks"),
        ("oh i am so bored today", "bored"),
        ("are you a human or a robot", "are_you_a_robot"),
        ("hey can you hear me", "can_you_hear_me"),
        ("hi there how old are you", "how_old_are_you"),
        ("okay tell me a joke", "joke"),
        ("hey hey", "greeting"),
    ],
)
def test_what_people_really_say_is_found(index: SmallTalkIndex, words: str, expected: str) -> None:
    assert intent(index, words) == expected


@pytest.mark.parametrize(
    "words",
    [
        "what time is it in tokyo",
        "what's the time",
        "how much is two plus two",
        "convert five miles to kilometres",
        "remind me in ten minutes to call ada",
        "set a timer for five minutes",
        "turn off the pump in the lab",
        "what is the square root of eighty one",
        "book me a table for two tonight",
        "send a message to the whole team",
    ],
)
def test_a_request_is_no_small_talk(index: SmallTalkIndex, words: str) -> None:
    assert index.match(words) is None


@pytest.mark.parametrize("words", ["", "   ", "...", "?!", "uh um", "中文"])
def test_nothing_said_matches_nothing(index: SmallTalkIndex, words: str) -> None:
    assert index.match(words) is None


def test_a_lost_letter_makes_it_doubt_rather_than_err(index: SmallTalkIndex) -> None:
    chance = random.Random(7)
    longer = [
        (group, example)
        for group in MYCA.small_talk
        for example in group.examples
        if len(example.split()) > 3
    ]
    found, mistaken = 0, 0
    for group, example in longer:
        at = chance.randrange(len(example))
        heard = intent(index, example[:at] + example[at + 1 :])
        found += heard == group.intent
        mistaken += heard not in (group.intent, None)
    assert found / len(longer) > 0.6
    assert mistaken / len(longer) < 0.03


def test_the_same_words_get_the_same_answer(index: SmallTalkIndex) -> None:
    assert index.match("tell me a joke") == SmallTalkIndex(MYCA.small_talk).match("tell me a joke")


def test_replies_rotate_and_the_last_one_is_not_repeated(index: SmallTalkIndex) -> None:
    said: list[str] = []
    for _ in range(12):
        match = index.match("tell me a joke", said)
        assert match is not None
        assert match.score >= THRESHOLD
        said.append(match.reply)
    assert all(one != next_one for one, next_one in pairwise(said))
    assert (
        set(said[:4]) == set(said[4:8]) == set(next(g for g in MYCA.small_talk if g.intent == "joke").replies)
    )


def test_what_another_group_said_does_not_turn_the_rotation() -> None:
    assert pick(("a", "b"), ("a", "x", "y")) == "b"
    assert pick(("a", "b"), ("a", "x", "b")) == "a"
    assert pick(("a",), ("a",)) == "a"


def test_a_persona_without_small_talk_matches_nothing() -> None:
    assert SmallTalkIndex(()).match("hello") is None


def test_one_group_is_found_too() -> None:
    only = SmallTalk(examples=("good morning",), replies=("Morning.",))
    index = SmallTalkIndex((only,))
    match = index.match("good morning")
    assert match is not None
    assert match.group is only
    assert index.match("turn on the light") is None


def test_openers_are_left_out_before_what_is_meant() -> None:
    assert plain("oh hello, are you there?") == ["are", "you", "there"]
    assert plain("oh, hello") == ["hello"]


def test_contractions_are_written_out_and_hesitations_left_out() -> None:
    assert plain("Uh, I'm sure you can't, what's up?") == "i am sure you can not what is up".split()
    assert plain("Um.") == ["um"]
