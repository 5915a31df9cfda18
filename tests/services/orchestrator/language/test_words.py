"""From an utterance to the words that matter."""

import pytest

from services.orchestrator.language.politeness import without_politeness
from services.orchestrator.language.words import MAX_CHARACTERS, tokenise


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("What's 3 * (4+5)?", "what is 3 * ( 4 + 5 )"),
        ("14.5 km in miles", "14.5 km in miles"),
        ("10km", "10 km"),
        ("1,250 / 5 =", "1,250 / 5 ="),
        ("London's time zone", "london 's time zone"),
        ("twenty-three point five", "twenty three point five"),
        ("at 3:42 p.m. in Washington, D.C.", "at 3:42 pm in washington dc"),
        ("don’t you'll they're", "do not you will they are"),
        ("the 21st, at 9 o'clock", "the 21st at 9 oclock"),
        ("5² and π", "5 squared and pi"),
        ("", ""),
    ],
)
def test_speech_and_typing_become_the_same_tokens(text: str, tokens: str) -> None:
    assert " ".join(tokenise(text)) == tokens


def test_an_endless_text_is_cut() -> None:
    assert len(tokenise("a " * MAX_CHARACTERS)) == MAX_CHARACTERS / 2


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ("hey um could you please tell me uh what time it is thanks", "what time it is"),
        ("what time what time is it", "what time is it"),
        ("the the the date", "the date"),
        ("nine nine", "nine nine"),
        ("what time is it in walla walla", "what time is it in walla walla"),
        ("do you know how many cups are in a gallon you know", "how many cups are in a gallon"),
        ("thank you", ""),
    ],
)
def test_a_wish_is_left_when_politeness_and_hesitation_are_gone(said: str, wish: str) -> None:
    assert " ".join(without_politeness(tokenise(said))) == wish
