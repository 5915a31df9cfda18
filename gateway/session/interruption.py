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

LATEST_HUM = samples(1000)
"""The same of a hum, whose end is told 0.2 s late."""

SHORT = samples(450)
"""One word in so short a voice is mostly a murmur that was misheard: who wants the floor says more, or a command."""

TOLD_LATE = samples(200)
"""The end of a voice is told that much later, and its last words come before it."""

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

MOST_MISHEARD = 2
"""A recogniser makes one or two words of a murmur."""

THIN = frozenset(
    """i i'm you he she we they it it's a an the who what what's which that this have has had is are am do be to of in
    on for my me your and or yes""".split()
)
"""Words that a recogniser makes of hums ("i'm", "who", "which you"): short, and nothing by themselves."""

COMMANDS = frozenset({"stop", "wait", "hold", "quiet", "enough", "cancel", "pause", "silence", "shut"})
"""Words that take the floor at once when they come first."""

OBJECTIONS = frozenset({"no", "nope"})
"""The same, but what follows them may belong to the wish before ("… no, in Paris")."""


def is_backchannel(text: str, to_question: bool = False) -> bool:
    """Whether these words, whole, only say "I am listening"."""
    words = _words(text)
    return bool(words) and all(w in MURMURS or (w in ASSENTS and not to_question) for w in words)


def is_command(text: str) -> bool:
    """Whether these words, so far, order the agent to be quiet."""
    words = _words(text)
    return bool(words) and words[0] in COMMANDS


def is_misheard(text: str, lasted: int) -> bool:
    """Whether a voice of `lasted` samples was a murmur, though a recogniser made these words of it."""
    words = _words(text)
    if not words or len(words) > MOST_MISHEARD or words[0] in COMMANDS | OBJECTIONS:
        return False
    return (lasted <= SHORT and len(words) == 1) or (lasted <= LONGEST_HUM and _are_thin(words))


def _are_thin(words: list[str]) -> bool:
    return all(word in THIN or word in MURMURS or word in ASSENTS for word in words)


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
        if words and words[0] in COMMANDS | OBJECTIONS:
            return "cut"
        nods = is_backchannel(self.text, self.to_question)
        if self.stopped is None:
            return self._while_speaking(now, words, nods)
        lasted = self.stopped - self.onset
        if words and not nods and (self.to_question or not is_misheard(self.text, lasted)):
            return "cut"
        if now - self.stopped < GRACE and now - self.onset < LATEST:
            return "wait"
        if words:
            return "backchannel"
        return "false_alarm" if lasted < LONGEST_HUM else "cut"

    def _while_speaking(self, now: int, words: list[str], nods: bool) -> Verdict:
        if len(words) > MOST_WORDS:
            return "cut"
        lasted = now - self.onset
        hums = nods or (not self.to_question and len(words) <= MOST_MISHEARD and _are_thin(words))
        if hums:
            return "cut" if lasted >= LATEST_HUM else "wait"
        return "cut" if lasted >= (DECIDED if words else LATEST) else "wait"
