"""Cut a text where a speaker would breathe, so that one long text never keeps the others waiting."""

import re
from collections.abc import Iterator

LONGEST = 300
"""Characters of one piece, some 20 s of speech and 25 ms of eSpeak's time: what another call waits at most."""

CLOSING = r"""[\])"'”’]"""
# A full stop ends a sentence behind four letters, a digit or a bracket; "Dr." and "e.g." don't end one.
SENTENCE_END = re.compile(rf"(?:(?<=[^\W\d_]{{4}})\.|(?<=\d)\.|(?<={CLOSING})\.|[!?…]){CLOSING}*\s+")
CLAUSE_END = re.compile(r"[,;:.—–]\s+")
SPACE = re.compile(r"\s+")


def pieces(text: str) -> Iterator[str]:
    """The sentences of `text`, none longer than `LONGEST`; together they are the text, but for outer spaces."""
    start = 0
    for match in SENTENCE_END.finditer(text):
        yield from _short(text[start : match.end()].strip())
        start = match.end()
    yield from _short(text[start:].strip())


def _short(sentence: str) -> Iterator[str]:
    """`sentence` in as many parts as it takes: cut at a clause, else at a space, else anywhere."""
    while len(sentence) > LONGEST:
        ends = [_last(mark, sentence) for mark in (CLAUSE_END, SPACE)]
        cut = next((end for end in ends if end), LONGEST)
        yield sentence[:cut].strip()
        sentence = sentence[cut:].strip()
    if sentence:
        yield sentence


def _last(mark: re.Pattern[str], sentence: str) -> int:
    """Where the last `mark` within `LONGEST` characters ends; 0 without one."""
    return max((match.end() for match in mark.finditer(sentence[: LONGEST + 1])), default=0)
