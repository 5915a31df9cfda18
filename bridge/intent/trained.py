"""The trained classifier: surely known phrases first, then the network, which abstains where it is not sure."""

from collections.abc import Iterable, Mapping
from typing import get_args

from bridge.controls import control_of
from bridge.events import Control, Intent
from bridge.intent.decision import Decision
from bridge.intent.encoder import encoder
from bridge.intent.features import features
from bridge.intent.network import CLASSES, Label, network
from bridge.nearest import Index

AT: Mapping[Intent, float] = {
    Intent.CHITCHAT: 0.5,
    Intent.ACTION: 0.4,
    Intent.CONTROL: 0.8,
    Intent.APPROVAL: 0.6,
}
"""Probability; where nothing reaches its own, an utterance is unclear, and the planner looks at it. A wish needs less
than the others: taken for small talk it gets a wrong answer, while small talk that is taken for a wish costs a question
to the planner. A control needs more, for "stop" and "never mind" call off what was asked. Measured, docs/bridge.md."""

KNOWN = 0.9
"""Cosine; as near as this to a phrase of the persona's or of a tool's, an utterance is that phrase."""

SURE_SMALL_TALK = 0.9
"""Probability; of what is less surely small talk the planner is asked whether a tool fits: "note that the wombat hid
seven escudos" is like nothing that was learned."""

APART = 0.1
"""Nearer to each other than this, a persona's phrase and a tool's cannot be told apart."""

CONTROLS: tuple[Control, ...] = get_args(Control)


class Trained:
    """Knows the persona's small talk and the tools' phrases by heart, and judges all else by what it has learned."""

    def __init__(self, chitchat: Iterable[str] = (), wishes: Iterable[str] = ()) -> None:
        self._index = Index({Intent.CHITCHAT: chitchat, Intent.ACTION: wishes})
        self._encoder, self._network = encoder(), network()

    def decide(self, text: str, last_agent: str) -> Decision:
        control = control_of(text)
        if control:
            return Decision(Intent.CONTROL, 1.0, "controls", control)
        if not any(c.isalnum() for c in text):
            return Decision(Intent.UNCLEAR, 0.0, "trained")
        near = self._index.nearest(text)
        best = max(near, key=near.__getitem__)
        if near[best] >= KNOWN and near[best] - min(near.values()) >= APART:
            return Decision(best, near[best], "nearest")
        shares = self._network.probabilities(features(text, last_agent, self._encoder))
        return judge(dict(zip(CLASSES, shares.tolist(), strict=True)))


def judge(shares: Mapping[Label, float]) -> Decision:
    """Decide by the probabilities, or abstain."""
    intents = {
        Intent.CHITCHAT: shares["chitchat"],
        Intent.ACTION: shares["action"],
        Intent.APPROVAL: shares["approval"],
        Intent.CONTROL: sum(shares[control] for control in CONTROLS),
    }
    best = max(intents, key=lambda intent: intents[intent] / AT[intent])
    if intents[best] < (SURE_SMALL_TALK if best is Intent.CHITCHAT else AT[best]):
        return Decision(Intent.UNCLEAR, intents[best], "trained")
    likeliest = max(CONTROLS, key=lambda control: shares[control])
    control = likeliest if best is Intent.CONTROL else None
    return Decision(best, intents[best], "trained", control)
