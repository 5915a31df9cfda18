"""What an utterance is taken for, and the port behind which it is decided."""

from dataclasses import dataclass
from typing import Protocol

from bridge.events import Control, Intent


@dataclass(frozen=True, slots=True)
class Decision:
    """What an utterance is taken for."""

    intent: Intent
    confidence: float
    """0 to 1. Of `trained`: the calibrated probability; of `nearest`: the cosine to the nearest example,
    which is none."""
    by: str
    control: Control | None = None
    """Which one, when `intent` is control."""


class IntentClassifier(Protocol):
    """Decides on the user's words, whole; may abstain with `unclear`."""

    def decide(self, text: str, last_agent: str) -> Decision:
        """`last_agent` is what was heard before it. Must not block: it runs in the call's own loop."""
        ...
