"""What the trained classifier is held against: a list of verbs, and plain TF-IDF over the phrases of CLINC150."""

from bridge.controls import control_of
from bridge.events import Intent
from bridge.intent.corpus import clinc, label_of
from bridge.intent.decision import Decision
from bridge.nearest import Index
from bridge.plain import plain

VERBS = frozenset(
    "turn switch set open close start stop play pause call text send book order buy find search show tell remind "
    "schedule cancel add remove delete create make check convert calculate translate read run "
    "restart transfer pay".split()
)


class VerbList:
    """A wish is what holds a verb of action; all else is small talk."""

    def decide(self, text: str, last_agent: str) -> Decision:
        control = control_of(text)
        if control:
            return Decision(Intent.CONTROL, 1.0, "controls", control)
        wish = not VERBS.isdisjoint(plain(text).split())
        return Decision(Intent.ACTION if wish else Intent.CHITCHAT, 1.0, "verbs")


class TfIdf:
    """The kind of the nearest phrase of CLINC150's training part, however far."""

    def __init__(self) -> None:
        phrases: dict[Intent, list[str]] = {Intent.CHITCHAT: [], Intent.ACTION: [], Intent.CONTROL: []}
        for intent, phrase in clinc("train"):
            label = label_of(intent, phrase)
            if label in ("chitchat", "action"):
                phrases[Intent(label)].append(phrase)
            elif label != "approval":
                phrases[Intent.CONTROL].append(phrase)
        self._index = Index(phrases)

    def decide(self, text: str, last_agent: str) -> Decision:
        near = self._index.nearest(text)
        best = max(near, key=near.__getitem__)
        return Decision(best, near[best], "nearest", "never_mind" if best is Intent.CONTROL else None)
