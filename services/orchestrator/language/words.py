"""From an utterance, spoken or typed, to the words that matter.

A recogniser gives lower case without punctuation, digits as words, and every "uh"; a keyboard gives
"What's 3 * (4+5)?". Both become the same tuple of lower-case tokens.
"""

import re
import unicodedata
from collections.abc import Iterator

Tokens = tuple[str, ...]

MAX_CHARACTERS = 2000
"""A minute of fast speech has 1,200; what lies beyond is no wish for one tool."""

_INITIALS = re.compile(r"\b(?:[a-z]\.){2,}")
_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_TOKEN = re.compile(
    r"""
      \d{4}-\d{2}-\d{2}                                  # 2026-07-04
    | \d+(?:st|nd|rd|th)\b                               # 21st
    | \d{1,2}:\d{2}                                      # 3:42
    | (?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?  # 14.5  1,000  1e-3
    | \.\d+
    | [^\W\d_]+(?:'[^\W\d_]+)*                           # what's
    | \*\* | [-+*/^%()×÷·√²³°=]
    """,
    re.VERBOSE,
)

_WHOLE = {
    "won't": ("will", "not"),
    "can't": ("can", "not"),
    "cannot": ("can", "not"),
    "let's": ("let", "us"),
    "gonna": ("going", "to"),
    "wanna": ("want", "to"),
    "gimme": ("give", "me"),
    "lemme": ("let", "me"),
    "whats": ("what", "is"),
    "hows": ("how", "is"),
    "o'clock": ("oclock",),
    "timezone": ("time", "zone"),
    "timezones": ("time", "zones"),
}
_IS = frozenset({"what", "that", "it", "how", "where", "when", "who", "there", "here", "which"})
"""After these an 's is a verb; elsewhere it is a possessive, and stays a token of its own."""
_ENDINGS = {"n't": "not", "'ll": "will", "'re": "are", "'ve": "have", "'d": "would", "'m": "am"}

DISFLUENCIES = frozenset({"uh", "um", "uhm", "er", "erm", "eh", "ah", "hmm", "hm", "mm"})
"""Words that hold the floor and mean nothing to any tool."""


def tokenise(text: str) -> Tokens:
    """Split `text` into lower-case tokens: words, numbers as typed, operators; no other punctuation."""
    text = unicodedata.normalize(
        "NFKC", text[:MAX_CHARACTERS].replace("²", " squared ").replace("³", " cubed ")
    )
    text = text.lower().replace("’", "'").replace("−", "-").replace("π", " pi ")
    text = _INITIALS.sub(lambda found: found.group().replace(".", ""), text)
    text = _HYPHEN.sub(" ", text).replace("_", " ")
    return tuple(word for found in _TOKEN.finditer(text) for word in _spread(found.group()))


def _spread(word: str) -> Tokens:
    """Undo a contraction: "what's" is "what is", "london's" is "london 's"."""
    if word in _WHOLE:
        return _WHOLE[word]
    if word.endswith("'s"):
        stem = word[:-2]
        return (stem, "is" if stem in _IS else "'s")
    for ending, full in _ENDINGS.items():
        if word.endswith(ending) and len(word) > len(ending):
            return (word[: -len(ending)], full)
    return (word.replace("'", ""),)


def without_disfluencies(tokens: Tokens) -> Tokens:
    """Drop fillers, and what was said twice in a row ("what time what time is it").

    Numbers may repeat ("nine nine"), so only words of which a repetition cannot be meant are merged.
    """
    kept: list[str] = []
    for token in tokens:
        if token in DISFLUENCIES:
            continue
        kept.append(token)
        for size in (1, 2, 3):
            tail = kept[-size:]
            if kept[-2 * size : -size] == tail and not any(word in _MAY_REPEAT for word in tail):
                if all(word.isalpha() for word in tail):
                    del kept[-size:]
                break
    return tuple(kept)


_NUMBERS = frozenset(
    "zero oh one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty "
    "seventy eighty ninety hundred thousand million billion point half".split()
)
_MAY_REPEAT = _NUMBERS | set("walla bora pago baden".split())
"""Numbers, and places whose name is said twice (Walla Walla)."""

_SEAMS = frozenset({"and", "so", "well", "then", "okay", "ok", "like"})
_MOST_SEAMS = 3
"""Tried each by itself; a planner looks through all phrases each time."""


def without_seams(tokens: Tokens) -> Iterator[Tokens]:
    """`tokens` without the words with which a speaker takes up a sentence after a pause: all of them, then each.

    "What time is it … and in tokyo". Elsewhere they mean something, so this is for an utterance that cannot be
    understood with them. "Two hundred and five" stays whole.
    """
    seams = [at for at, token in enumerate(tokens) if token in _SEAMS and not _in_a_number(tokens, at)]
    if seams:
        yield tuple(token for at, token in enumerate(tokens) if at not in seams)
    if len(seams) > 1:
        yield from (tokens[:at] + tokens[at + 1 :] for at in seams[:_MOST_SEAMS])


def _in_a_number(tokens: Tokens, at: int) -> bool:
    return _NUMBERS.issuperset((*tokens[at - 1 : at], *tokens[at + 1 : at + 2]))
