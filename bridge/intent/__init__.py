"""What an utterance is taken for: small talk, a wish, a control, an answer, or an honest "unclear"."""

from bridge.intent.decision import Decision, IntentClassifier
from bridge.intent.nearest_example import NearestExample
from bridge.intent.trained import Trained

__all__ = ["Decision", "IntentClassifier", "NearestExample", "Trained"]
