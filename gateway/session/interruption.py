"""The user sounds while the agent speaks: a barge-in, a backchannel, or nothing?

The agent falls quiet at once (ducking); this decides what follows, by length, words so far, time, and whether
the agent had asked something.
"""

import re
from dataclasses import dataclass
from typing import Literal

from gateway.session.clock import samples

Verdict = Literal["wait", "cut", "backchannel", "false_alarm"]

DECIDED = samples(700)
"""Who still speaks then, in words that are more than "mhm", wants the floor."""

LONGEST_HUM = samples(800)
"""Most backchannels last 300 to 760 ms; a voice of that length without words is one of them."""

LATEST = samples(900)
"""By now it is decided, whatever the words."""

GRACE = samples(300)
"""How long after a short sound its words are awaited."""

MURMURS = frozenset(
    """mhm mm mmm hm hmm uh huh um i see oh ah aha wow nice cool good great interesting really""".split()
)
"""Words that listeners say without wanting the floor."""

ASSENTS = frozenset("yeah yes yep yup ya okay ok right sure exactly true".split())
"""The same, unless the agent has asked something: then they answer it."""

MOST_WORDS = 3
"""A backchannel holds at most three words."""

COMMANDS = frozenset({"stop", "wait", "hold", "quiet", "enough", "cancel", "pause", "silence", "shut"})
"""Words that take the floor at once when they come first."""


def is_backchannel(text: str, to_question: bool = False) -> bool:
    """Whether these words, whole, only say "I am listening"."""
    words = _words(text)
    return bool(words) and all(w in MURMURS or (w in ASSENTS and not to_question) for w in words)


def is_command(text: str) -> bool:
    """Whether these words, so far, order the agent to be quiet."""
    words = _words(text)
    return bool(words) and words[0] in COMMANDS


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


@dataclass(slots=True)
class Contest:
    """Sound of the user over an agent's turn, not yet decided. Times in samples of the session clock."""

    onset: int
    quiet_at: int
    """When the agent's sound died away."""
    before: str = ""
    """Words of the same turn from before this sound: they were judged already."""
    to_question: bool = False
    """The agent was asking something."""
    stopped: int | None = None
    """The last voiced sample, while the user is quiet."""
    text: str = ""
    """The words since."""

    @property
    def stop(self) -> int:
        """From the user's onset to the agent's silence; 0 when it was silent before."""
        return max(0, self.quiet_at - self.onset)

    def hear(self, text: str) -> None:
        """Note the turn's words so far."""
        self.text = " ".join(_words(text)[len(_words(self.before)) :])

    def skip(self, count: int) -> None:
        """The last `count` samples do not count."""
        self.onset, self.quiet_at = self.onset + count, self.quiet_at + count
        if self.stopped is not None:
            self.stopped += count

    def judge(self, now: int) -> Verdict:
        """What it is, as far as can be said at `now`."""
        words = _words(self.text)
        if is_command(self.text):
            return "cut"
        nods = is_backchannel(self.text, self.to_question)
        if self.stopped is None:
            return self._while_speaking(now, len(words), nods)
        if words and not nods:
            return "cut"
        if now - self.stopped < GRACE and now - self.onset < LATEST:
            return "wait"
        if words:
            return "backchannel"
        return "false_alarm" if self.stopped - self.onset < LONGEST_HUM else "cut"

    def _while_speaking(self, now: int, words: int, nods: bool) -> Verdict:
        if words > MOST_WORDS:
            return "cut"
        lasted = now - self.onset
        if lasted >= LATEST or (lasted >= DECIDED and words and not nods):
            return "cut"
        return "wait"
