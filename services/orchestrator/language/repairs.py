"""Corrections in mid-sentence: "a timer for five, no, ten minutes" wants ten.

A repair has three parts (Shriberg, "Preliminaries to a Theory of Speech Disfluencies", 1994): what is taken back, words
that say so, and what stands in its place. Where the first begins nobody says. It is found by likeness to the last: the
same word, or a value of the same kind.
"""

from collections.abc import Callable, Iterator

from services.orchestrator.language.feasts import FIXED, MOVING
from services.orchestrator.language.numbers import ORDINALS, SCALES, SMALL, TENS
from services.orchestrator.language.places import find_place
from services.orchestrator.language.times import MONTHS, WEEKDAYS
from services.orchestrator.language.units import read_unit
from services.orchestrator.language.words import Tokens

_CUES = sorted(
    (
        tuple(phrase.split())
        for phrase in (
            "no; nope; sorry; wait; actually; rather; oh; oops; i mean; i meant; make that; make it; i said; "
            "or rather; scratch that; correction; hold on; not that; let us say"
        ).split("; ")
    ),
    key=len,
    reverse=True,
)
_UNSURE = frozenset(
    {"no", "nope", "sorry", "wait", "actually", "rather", "oh", "make it", "i said", "hold on"}
)
"""By themselves these may be part of the wish ("a note that says no sugar"): then only a value may take the place of
another that stands right before them."""
_MOST_WORDS = 6
"""Of what is taken back."""
_LONGEST_NAME = 3

_NUMBERS = frozenset({*SMALL, *TENS, *SCALES, "half", "quarter"})
_DAYS = frozenset({*WEEKDAYS, "today", "tonight", "tomorrow"})
_PARTS = frozenset({"morning", "afternoon", "evening", "night", "noon", "midnight"})
_LEADS = frozenset("the on at in by next this for until till from to into".split())
"""Stand before a value, and may be said anew with it or left out."""
_WITHIN = frozenset("past oclock am pm a an and the of in point percent degrees".split())
"""May stand within a value that is taken back."""


def repairs(tokens: Tokens) -> Iterator[Tokens]:
    """What may have been meant where `tokens` correct themselves, the likeliest first; nothing where they don't.

    For a planner to judge: one of them has to make sense as a whole.
    """
    for begin in range(1, len(tokens)):
        end, sure = _cue(tokens, begin)
        if end == begin or end == len(tokens) or (begin > 1 and _cue(tokens, begin - 1)[0] >= end):
            continue
        before, after = tokens[:begin], tokens[end:]
        # What comes after may be corrected in its turn.
        after = next(repairs(after), after)
        yield from _of_values(before, after)
        if sure:
            yield from _of_words(before, after)
            yield after


def leading_cue(tokens: Tokens) -> int:
    """How many words at the beginning say that what was said before is taken back."""
    return _cue(tokens, 0)[0]


def _cue(tokens: Tokens, begin: int) -> tuple[int, bool]:
    """Where the words end that take something back and begin at `begin`, and whether they can mean nothing else."""
    end, said = begin, []
    while found := next((cue for cue in _CUES if tokens[end : end + len(cue)] == cue), None):
        end += len(found)
        said.append(" ".join(found))
    return end, len(said) > 1 or bool(set(said) - _UNSURE)


def _of_values(before: Tokens, after: Tokens) -> Iterator[Tokens]:
    """A value takes the place of the last one of its kind, whole or in its first part."""
    lead = next((at for at, word in enumerate(after) if word not in _LEADS), len(after))
    value = after[lead:]
    for is_one in _KINDS:
        size = _run(value, is_one)
        if not size:
            continue
        # "Three plus four, no, three plus five": the sentence is taken up at what was said before.
        said_at = _place(before, value[:size])
        if said_at is not None:
            yield before[:said_at] + value
        start, end = _last(before, is_one)
        if start == end or not _is_value(before[end:]) or len(before) - start > _MOST_WORDS:
            continue
        kept = before[: start - _alike(before[:start], after[:lead])]
        # "Ten minutes, no, twenty": the unit stays. "Ten minutes, no, twenty seconds": it goes.
        if before[end:]:
            yield kept + after[: lead + size] + before[end:] + value[size:]
        yield kept + after


def _of_words(before: Tokens, after: Tokens) -> Iterator[Tokens]:
    """The speaker takes up the sentence at a word that was said, or says the last words anew."""
    for start in range(len(before) - 1, max(0, len(before) - _MOST_WORDS) - 1, -1):
        if before[start] == after[0]:
            yield before[:start] + after
    for size in range(1, min(len(after), len(before) - 1, _LONGEST_NAME) + 1):
        yield before[:-size] + after


def _place(words: Tokens, part: Tokens) -> int | None:
    """Where `part` begins for the last time among the last of `words`; None where it does not."""
    places = range(len(words) - len(part), max(0, len(words) - _MOST_WORDS) - 1, -1)
    return next((at for at in places if words[at : at + len(part)] == part), None)


def _alike(before: Tokens, lead: Tokens) -> int:
    """With how many words of `lead` `before` ends: "on monday, no, on tuesday"."""
    return next((size for size in range(len(lead), 0, -1) if before[-size:] == lead[:size]), 0)


def _is_value(words: Tokens) -> bool:
    """Whether all of it may stand between a value and the words that take it back."""
    return all(word in _WITHIN or any(is_one((word,)) for is_one in _PLAIN) for word in words)


Kind = Callable[[Tokens], bool]
"""Whether all of some words are one value of a kind."""

_PLAIN: tuple[Kind, ...] = (
    lambda words: all(word in _NUMBERS or word[0].isdigit() for word in words),
    lambda words: all(word in ORDINALS or word in TENS for word in words),
    lambda words: len(words) == 1 and words[0] in _DAYS,
    lambda words: len(words) == 1 and words[0] in _PARTS,
    lambda words: len(words) == 1 and words[0] in MONTHS,
    lambda words: read_unit(words) is not None,
)
_KINDS: tuple[Kind, ...] = (
    *_PLAIN,
    lambda words: " ".join(words) in FIXED or " ".join(words) in MOVING,
    lambda words: find_place(words) is not None,
)
"""With those of which single words may mean anything."""


def _run(words: Tokens, is_one: Kind) -> int:
    """How many of the first words are one value."""
    return next((size for size in range(min(len(words), _LONGEST_NAME), 0, -1) if is_one(words[:size])), 0)


def _last(words: Tokens, is_one: Kind) -> tuple[int, int]:
    """Where the last value begins and ends."""
    for end in range(len(words), 0, -1):
        sizes = range(min(end, _LONGEST_NAME), 0, -1)
        if size := next((size for size in sizes if is_one(words[end - size : end])), 0):
            return end - size, end
    return 0, 0
