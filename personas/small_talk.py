"""Find the reply to what somebody said among a persona's small talk: pure, and the same every time.

Each example becomes a TF-IDF vector over its words, pairs of words and pieces of words: pieces forgive a recogniser
its near misses, pairs tell "are you" from "you are". A kernel ridge classifier over their cosines then scores every
group; unlike the nearest example alone, it learns which words set the groups apart. Nothing passes for small talk
below a threshold that was measured, so that a request for a tool is left to the tools.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile, pairwise

import numpy as np
import numpy.typing as npt

from personas.model import SmallTalk

THRESHOLD = 0.36
"""Of a group's score; docs/personas.md has what was measured at it."""
RIDGE = 0.4
"""How far an example's own label is trusted: less follows single examples, more only what they share."""
WEIGHTS = {"word": 1.0, "pair": 0.8, "piece": 0.5}
PIECES = (3, 4)
"""Letters of a piece; `<` and `>` stand for the ends of its word."""

FILLERS = frozenset("uh um er erm ah mm mhm hm hmm".split())
OPENERS = frozenset("hey hi hello oh ok okay so and but please yeah".split())
"""What people put before what they mean: "hey can you hear me" is no greeting, "hey" alone is."""
CONTRACTIONS = (
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\bcan't\b"), "can not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"'m\b"), " am"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'d\b"), " would"),
    (re.compile(r"\blet's\b"), "let us"),
    (re.compile(r"'s\b"), " is"),
)
WORD = re.compile(r"[^\W_]+")

Feature = tuple[str, str]
"""Kind (a key of `WEIGHTS`) and text."""

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Match:
    """What somebody said, recognised as small talk."""

    group: SmallTalk
    score: float
    """About 0 to 1; at least the threshold."""
    reply: str


class SmallTalkIndex:
    """A persona's small talk, ready to be searched. Making one takes a good part of a second, asking 0.1 ms."""

    def __init__(self, groups: Sequence[SmallTalk]) -> None:
        self._groups = tuple(groups)
        found = [(number, features(said)) for number, group in enumerate(groups) for said in group.examples]
        # Rarity counts groups, not examples: what one group says in many ways still marks that group.
        spread = Counter(
            feature for _, feature in {(number, each) for number, each_of in found for each in each_of}
        )
        self._rarity = {feature: _rarity(len(groups), n) for feature, n in spread.items()}
        self._columns = {feature: column for column, feature in enumerate(spread)}
        examples = np.zeros((len(found), len(spread)))
        labels = np.zeros((len(found), len(groups)))
        for row, (number, counts) in enumerate(found):
            columns, values = self._vector(counts)
            examples[row, columns] = values
            labels[row, number] = 1.0
        alike = examples @ examples.T
        # The kernel is a plain cosine, so its dual weights fold into one weight for each feature and group.
        self._weights: Vector = examples.T @ np.linalg.solve(alike + RIDGE * np.eye(len(found)), labels)

    def match(self, words: str, said: Sequence[str] = ()) -> Match | None:
        """The reply to `words`, or None when they are no small talk that this persona knows.

        Args:
            words: as recognised; case, punctuation and "uh" don't matter.
            said: the replies given so far in this call, oldest first; see `pick`.
        """
        scores = self.scores(words)
        if scores.max(initial=0.0) < THRESHOLD:
            return None
        best = int(scores.argmax())
        group = self._groups[best]
        return Match(group, float(scores[best]), pick(group.replies, said))

    def scores(self, words: str) -> Vector:
        """[groups], how well each fits."""
        columns, values = self._vector(features(words))
        scores: Vector = values @ self._weights[columns]
        return scores

    def _vector(self, counts: Counter[Feature]) -> tuple[list[int], Vector]:
        """The columns that `counts` fills and their values. The length is 1, or less where something was said
        that no example has: a sentence about something else scores low, however many of its small words are known.
        """
        unseen = _rarity(len(self._groups), 0)
        columns, values, squares = [], [], 0.0
        for feature, count in counts.items():
            value = WEIGHTS[feature[0]] * (1 + math.log(count)) * self._rarity.get(feature, unseen)
            squares += value**2
            if feature in self._columns:
                columns.append(self._columns[feature])
                values.append(value)
        return columns, np.array(values) / math.sqrt(squares or 1.0)


def pick(choices: Sequence[str], said: Sequence[str]) -> str:
    """One of `choices`: the first not yet among `said`, else the one said longest ago."""
    last = {text: place for place, text in enumerate(said)}
    return min(choices, key=lambda choice: last.get(choice, -1))


def plain(words: str) -> list[str]:
    """Lower-case words, contractions written out; hesitations, and openers before something else, left out."""
    text = words.lower().replace("’", "'")
    for short, full in CONTRACTIONS:
        text = short.sub(full, text)
    found = WORD.findall(text)
    said = [word for word in found if word not in FILLERS] or found
    meant = list(dropwhile(lambda word: word in OPENERS, said))
    return meant or said[-1:]


def features(words: str) -> Counter[Feature]:
    """The words, pairs and pieces of `words`, counted."""
    said = plain(words)
    found: Counter[Feature] = Counter(("word", word) for word in said)
    found.update(("pair", f"{left} {right}") for left, right in pairwise(["<", *said, ">"]))
    for word in said:
        framed = f"<{word}>"
        found.update(
            ("piece", framed[at : at + size]) for size in PIECES for at in range(len(framed) - size + 1)
        )
    return found


def _rarity(groups: int, holding: int) -> float:
    return math.log((groups + 1) / (holding + 0.5))
