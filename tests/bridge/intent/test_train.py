"""The classifier is learned, the same each time, from what stands in the repository."""

from importlib.resources import files

import numpy as np
import pytest

from bridge.intent.calibration import calibration_error, temperature
from bridge.intent.corpus import Example, chat, label_of, training
from bridge.intent.network import CLASSES, Network
from bridge.intent.train import fingerprint, read, train

FEW = 600


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return training()


def learned(examples: list[Example], epochs: int) -> Network:
    return train(examples, read(examples), epochs)


def test_the_network_in_the_repository_is_made_of_what_stands_there(examples: list[Example]) -> None:
    with (files("bridge.intent") / "data" / "network.npz").open("rb") as file, np.load(file) as weights:
        assert str(weights["fingerprint"]) == fingerprint(examples)


def test_other_phrases_or_another_order_give_another_fingerprint(examples: list[Example]) -> None:
    few = examples[:10]
    assert len({fingerprint(few), fingerprint(few[:9]), fingerprint(few[::-1])}) == 3


def test_learning_twice_gives_the_same_network(examples: list[Example]) -> None:
    one, two = learned(examples[:FEW], 2), learned(examples[:FEW], 2)
    assert np.array_equal(one.words, two.words)
    assert np.array_equal(one.hidden[0], two.hidden[0])
    assert np.array_equal(one.out[0], two.out[0])


def test_a_little_learning_tells_most_wishes_from_small_talk(examples: list[Example]) -> None:
    network, unseen = learned(examples[:FEW], 40), examples[FEW : 2 * FEW]
    right = sum(
        CLASSES[int(network.probabilities(seen).argmax())] == one.label
        for seen, one in zip(read(unseen), unseen, strict=True)
    )
    assert right > 0.7 * FEW


def test_no_chat_that_is_held_out_is_learned() -> None:
    assert not {text for _, text in chat("held_out")} & {text for _, text in chat("train")}


@pytest.mark.parametrize(
    ("intent", "phrase", "label"),
    [
        ("greeting", "hello", "chitchat"),
        ("oos", "what do rabbits eat", "action"),
        ("maybe", "it could be both", "approval"),
        ("repeat", "what", "repeat"),
        ("cancel", "never mind", "never_mind"),
        ("cancel", "halt that immediately", "stop"),
        ("cancel", "don't do this process", "never_mind"),
        ("weather", "is it cold", "action"),
    ],
)
def test_each_intent_of_clinc150_is_one_of_ours(intent: str, phrase: str, label: str) -> None:
    assert label_of(intent, phrase) == label


def test_a_temperature_makes_the_sure_less_sure_where_they_are_wrong() -> None:
    labels = np.array([0, 1] * 50)
    logits = np.where(np.eye(2)[labels] > 0, 4.0, 0.0).astype(np.float32)
    logits[:20] = logits[:20, ::-1]
    assert temperature(logits, labels) > 1.5


def test_the_calibration_error_is_what_lies_between_sure_and_right() -> None:
    shares = np.tile(np.array([[0.9, 0.1]], np.float32), (10, 1))
    assert calibration_error(shares, np.array([0] * 9 + [1])) == pytest.approx(0.0, abs=1e-6)
    assert calibration_error(shares, np.array([0] * 4 + [1] * 6)) == pytest.approx(0.5, abs=1e-6)
