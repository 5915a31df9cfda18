"""A question that goes on after a pause is one bubble on the page, whatever was under way meanwhile."""

import pytest

from tests.e2e.browser import opened
from tests.e2e.deployment import Deployment
from tests.e2e.speech import Voice, timeline, write_wav

GREETING_S, ANSWER_S = 6.0, 5.5
"""What the agent's greeting and its answer to the first sentence take at most; that one is for the browser's gain
control, which needs some words to find its level."""


async def test_a_question_in_two_breaths_is_one_bubble(
    deployment: Deployment, voice: Voice, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("breaths")
    said = ("how are you today", "what time is it", "in tokyo")
    before, first, second = [await voice.say(text) for text in said]
    sound = timeline(GREETING_S, before, ANSWER_S, first, 0.8, second, 1.0)
    microphone = write_wav(folder / "microphone.wav", sound)
    async with opened(deployment.url, microphone, folder) as window:
        await window.press()
        bubbles = window.page.locator("[data-role=user]")
        whole = bubbles.filter(has_text="what time is it in tokyo")
        await whole.locator("xpath=self::*[@data-state='settled']").wait_for(timeout=60_000)
        shown, seen, errors = await bubbles.count(), await window.seen(), window.errors
    assert (shown, errors) == (2, [])
    assert ("what time is it", "settled") in {(look.text, look.state) for look in seen}, (
        "it was taken for over"
    )
