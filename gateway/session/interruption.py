"""The user sounds while the agent speaks: a barge-in, a backchannel, or nothing?

The agent falls quiet at once (ducking); this decides what follows, by length, words so far and time.
"""

from dataclasses import dataclass
from typing import Literal

from gateway.session.clock import samples

Verdict = Literal["wait", "cut", "backchannel", "false_alarm"]

DECIDED = samples(700)
"""Most backchannels last 300 to 760 ms; who still speaks then, and not only "mhm", wants the floor."""

LATEST = samples(900)
"""By now it is decided, whatever the words."""

GRACE = samples(300)
"""How long after a short sound its words are awaited."""

BACKCHANNELS = frozenset(
    """mhm mm mmm hm hmm uh huh um yeah yes yep yup ya okay ok right sure i see oh ah aha wow nice cool good great
    interesting really exactly true""".split()
)
"""Words that listeners say without wanting the floor."""

MOST_WORDS = 3
"""A backchannel holds at most three words."""

COMMANDS = frozenset({"stop", "wait", "hold", "quiet", "enough", "cancel", "pause", "silence", "shut"})
"""Words that take the floor at once when they come first."""


def is_backchannel(text: str) -> bool:
    """Whether these words, whole, only say "I am listening"."""
    words = _words(text)
    return 0 < len(words) <= MOST_WORDS and BACKCHANNELS.issuperset(words)


def _words(text: str) -> list[str]:
    return text.lower().replace("-", " ").replace(",", " ").replace(".", " ").split()


@dataclass(slots=True)
class Contest:
    """Sound of the user over an agent's turn, not yet decided. Times in samples of the session clock."""

    onset: int
    stopped: int | None = None
    """The last voiced sample, while the user is quiet."""
    text: str = ""

    def judge(self, now: int) -> Verdict:
        """What it is, as far as can be said at `now`."""
        words = _words(self.text)
        if words and words[0] in COMMANDS:
            return "cut"
        if self.stopped is None:
            return self._while_speaking(now, words)
        if words and not is_backchannel(self.text):
            return "cut"
        if now - self.stopped < GRACE and now - self.onset < LATEST:
            return "wait"
        if words:
            return "backchannel"
        return "false_alarm" if self.stopped - self.onset < DECIDED else "cut"

    def _while_speaking(self, now: int, words: list[str]) -> Verdict:
        if len(words) > MOST_WORDS:
            return "cut"
        lasted = now - self.onset
        if lasted >= LATEST or (lasted >= DECIDED and not (words and is_backchannel(self.text))):
            return "cut"
        return "wait"
