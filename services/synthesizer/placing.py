"""Where each written word lies in the sound that eSpeak made of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.synthesizer.espeak import Mark, Pcm, Sound

AUDIBLE = 0.015
"""Of a piece's peak: above the breath that some variants leave between words, below the softest consonant."""
LEAD_S, TAIL_S = 0.010, 0.020
"""What stays before the first and behind the last audible sample, so that no consonant is clipped."""

TOKEN = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Placed:
    """A written word, with its punctuation, and the samples in which it sounds."""

    text: str
    start: int
    end: int


def trim(sound: Sound, rate: int, keep_tail: bool) -> Sound:
    """`sound` without the silence around it; `keep_tail` leaves the pause behind it."""
    loud = _audible(sound.pcm)
    if not len(loud):
        return Sound(sound.pcm[:0], ())
    first = max(int(loud[0]) - int(LEAD_S * rate), 0)
    last = len(sound.pcm) if keep_tail else min(int(loud[-1]) + 1 + int(TAIL_S * rate), len(sound.pcm))
    marks = tuple(Mark(mark.position, max(mark.at - first, 0)) for mark in sound.marks)
    return Sound(sound.pcm[first:last], marks)


def place(text: str, sound: Sound) -> list[Placed]:
    """The words of `text` in order. One that eSpeak says in one breath with the word before ("of the"), and one
    that makes no sound ("—"), is joined to that word."""
    tokens = [match.span() for match in TOKEN.finditer(text)]
    # A mark may point into the silence that was trimmed away.
    marks = [Mark(mark.position, min(mark.at, len(sound.pcm))) for mark in sound.marks]
    starts = _starts(tokens, marks)
    sounding = [index for index, start in enumerate(starts) if start is not None]
    if not sounding:
        return []
    loud = _audible(sound.pcm)
    placed: list[Placed] = []
    # What stands before the first sounding word has no word before it, and goes with that one.
    bounds = [0, *sounding[1:], len(tokens)]
    for place, index in enumerate(sounding):
        first, behind = tokens[bounds[place]][0], tokens[bounds[place + 1] - 1][1]
        start = starts[index] or 0
        limit = starts[sounding[place + 1]] if place + 1 < len(sounding) else len(sound.pcm)
        placed.append(Placed(text[first:behind], start, _end(loud, start, limit or start)))
    return placed


def _starts(tokens: Sequence[tuple[int, int]], marks: Sequence[Mark]) -> list[int | None]:
    """The sample at which each token begins; None where no mark belongs to it."""
    starts: list[int | None] = [None] * len(tokens)
    strays: list[tuple[int, int]] = []
    for mark in marks:
        inside = next((i for i, (a, b) in enumerate(tokens) if a <= mark.position < b), None)
        if inside is None:
            behind = next((i for i, (a, _) in enumerate(tokens) if a > mark.position), None)
            if behind is not None:
                strays.append((behind, mark.at))
        elif starts[inside] is None:
            starts[inside] = mark.at
    # Some marks point at the space before their word; others, at a space, go on with the word before it
    # (the name of an emoji). The former are those whose word has no mark of its own.
    for index, at in strays:
        if starts[index] is None:
            starts[index] = at
    return _growing(starts)


def _growing(starts: Sequence[int | None]) -> list[int | None]:
    """eSpeak may say "$5" in another order than it is written; positions on the wire never go back."""
    latest, grown = 0, []
    for start in starts:
        if start is not None:
            latest = max(latest, start)
        grown.append(None if start is None else latest)
    return grown


def _audible(pcm: Pcm) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The places of all samples that can be heard."""
    level = np.abs(pcm.astype(np.int32))
    peak = int(level.max(initial=0))
    return np.flatnonzero(level >= max(AUDIBLE * peak, 1))


def _end(loud: np.ndarray[tuple[int], np.dtype[np.intp]], start: int, limit: int) -> int:
    """Behind the last audible sample in [start, limit), else `limit`."""
    index = int(np.searchsorted(loud, limit)) - 1
    return int(loud[index]) + 1 if index >= 0 and loud[index] >= start else limit
