"""Tells chitchat from a wish by the user's words: a port, and a first honest classifier behind it.

The classifier knows no more than the phrases it is given, the persona's small talk and the tools' examples. It takes
the nearest of each kind and abstains where neither is near, or both are. A wish that is taken for chitchat gets a
wrong answer, chitchat that is taken for a wish costs one question to the planner: so chitchat has to be surer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from bridge.controls import control_of
from bridge.events import Control, Intent
from bridge.nearest import Index

CHITCHAT_AT = 0.45
"""Cosine; under it an utterance is not near enough to any small talk. Measured, docs/bridge.md."""

ACTION_AT = 0.35
"""Cosine; lower, because the planner looks again."""

APART = 0.1
"""Nearer to each other than this, two kinds cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What an utterance is taken for."""

    intent: Intent
    confidence: float
    """0 to 1. Of `nearest`: the cosine to the nearest example, which is not a probability."""
    by: str
    control: Control | None = None
    """Which one, when `intent` is control."""


class IntentClassifier(Protocol):
    """Decides on the user's words, whole; may abstain with `unclear`."""

    def decide(self, text: str, last_agent: str) -> Decision:
        """`last_agent` is what was heard before it. Must not block: it runs in the call's own loop."""
        ...


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
