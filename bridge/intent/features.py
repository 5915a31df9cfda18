"""What the classifier sees of an utterance: its meaning, its words, its shape, and whether the agent had asked."""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from bridge.intent.encoder import Encoder, Floats
from bridge.plain import HESITATION, plain

BUCKETS = 1 << 15
"""For words and pairs of words; with 20,000 different ones in the corpus few that matter share one."""

LENGTHS = (1, 2, 3, 5, 8, 13)
"""Words; a shape is which of these an utterance reaches."""

YES_NO = frozenset(
    "shall should do does did is are was were can could would will have has may am want ready sure".split()
)
"""Words that open a question to be answered by yes or no."""

SHAPE = len(LENGTHS) + 3


@dataclass(frozen=True, slots=True)
class Features:
    """Of one utterance."""

    dense: Floats
    """[the encoder's size + SHAPE]."""
    buckets: npt.NDArray[np.int32]
    """The buckets of its words, each once."""


def said(text: str) -> str:
    """`text` as the classifier reads it: words alone, hums and words said twice in a row left out."""
    words = HESITATION.sub("", plain(text)).split()
    kept = [word for at, word in enumerate(words) if at == 0 or word != words[at - 1]]
    return " ".join(kept) or plain(text)


def features(text: str, last_agent: str, encoder: Encoder) -> Features:
    """Of `text`, after the agent was heard to say `last_agent`."""
    return features_of_all([(text, last_agent)], encoder)[0]


def features_of_all(turns: Sequence[tuple[str, str]], encoder: Encoder) -> list[Features]:
    """The same of many turns, each with what the agent had said before it."""
    words = [said(text) for text, _ in turns]
    meanings = encoder.encode_all(words)
    return [
        _features(one.split(), meaning, last_agent)
        for one, meaning, (_, last_agent) in zip(words, meanings, turns, strict=True)
    ]


def _features(words: list[str], meaning: Floats, last_agent: str) -> Features:
    shape = np.array([len(words) >= n for n in LENGTHS] + asked(last_agent), np.float32)
    buckets = {zlib.crc32(token.encode()) % BUCKETS for token in tokens(words)}
    return Features(np.concatenate((meaning, shape)), np.array(sorted(buckets), np.int32))


def tokens(words: Sequence[str]) -> Iterator[str]:
    """What is hashed: words, neighbours, the first and the last of them."""
    yield from words
    for left, right in pairwise(("<", *words, ">")):
        yield f"{left} {right}"
    for first, _, third in zip(words, words[1:], words[2:], strict=False):
        yield f"{first} _ {third}"


def asked(last_agent: str) -> list[bool]:
    """Whether the agent had said something, had asked, and had asked for yes or no. Its words decide nothing else."""
    last = re.split(r"(?<=[.!?])\s+", last_agent.strip())[-1]
    question = last.endswith("?")
    words = plain(last).split()
    return [bool(last), question, question and bool(words) and words[0] in YES_NO]
