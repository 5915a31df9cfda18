"""A turn that goes on is held to be a wish only where its words so far leave no doubt."""

import pytest

from bridge.events import Intent
from bridge.intent import Decision
from bridge.turn import is_wish_so_far
from tests.bridge.doubles import World


@pytest.mark.parametrize(
    ("text", "intent", "confidence", "is_wish"),
    [
        ("what time is", Intent.ACTION, 0.8, True),
        ("what time is", Intent.ACTION, 0.4, False),
        ("what", Intent.ACTION, 0.9, False),
        ("how are you", Intent.CHITCHAT, 0.9, False),
        ("hold on a moment", Intent.CONTROL, 1.0, False),
    ],
)
def test_it_takes_two_words_and_a_classifier_that_is_sure(
    text: str, intent: Intent, confidence: float, is_wish: bool
) -> None:
    assert is_wish_so_far(text, Decision(intent, confidence, "nearest")) is is_wish


async def test_the_bridge_looks_with_its_own_classifier_and_changes_nothing() -> None:
    world = World()
    assert world.bridge.is_wish_so_far("what time is it", "")
    assert not world.bridge.is_wish_so_far("how are you", "")
    assert world.order == []
