"""A classifier that knows no more than the phrases it is given: it takes the kind of the nearest, or abstains.

A wish that is taken for chitchat gets a wrong answer, chitchat that is taken for a wish costs one question to the
planner: so chitchat has to be surer.
"""

from collections.abc import Iterable

from bridge.controls import control_of
from bridge.events import Intent
from bridge.intent.decision import Decision
from bridge.nearest import Index

CHITCHAT_AT = 0.45
"""Cosine; under it an utterance is not near enough to any small talk. Measured, docs/bridge.md."""

ACTION_AT = 0.35
"""Cosine; lower, because the planner looks again."""

APART = 0.1
"""Nearer to each other than this, two kinds cannot be told apart."""


class NearestExample:
    """Takes the kind of the nearest known phrase, by TF-IDF over words and character n-grams."""

    def __init__(self, chitchat: Iterable[str], wishes: Iterable[str]) -> None:
        self._index = Index({Intent.CHITCHAT: chitchat, Intent.ACTION: wishes})

    def decide(self, text: str, last_agent: str) -> Decision:
        control = control_of(text)
        if control:
            return Decision(Intent.CONTROL, 1.0, "controls", control)
        near = self._index.nearest(text)
        return judge(near[Intent.CHITCHAT], near[Intent.ACTION])


def judge(chitchat: float, action: float) -> Decision:
    """Decide between two nearnesses (cosines), or abstain."""
    best = max(chitchat, action)
    if abs(chitchat - action) >= APART:
        if chitchat > action and chitchat >= CHITCHAT_AT:
            return Decision(Intent.CHITCHAT, best, "nearest")
        if action > chitchat and action >= ACTION_AT:
            return Decision(Intent.ACTION, best, "nearest")
    return Decision(Intent.UNCLEAR, best, "nearest")
