"""What people put around a wish: "hey um could you please tell me …, thanks". It changes no plan."""

from services.orchestrator.language.phrases import Phrase, parse_phrase
from services.orchestrator.language.slots import Value
from services.orchestrator.language.words import Tokens, without_disfluencies

_LEADS: tuple[Phrase, ...] = tuple(
    parse_phrase(text)
    for text in (
        "(how|what) about",
        "hey|hi|hello|okay|ok|so|well|alright|right|yeah|yes|please|actually|just|also|then|and|now|oh|listen",
        "good (morning|afternoon|evening)",
        "[great|cool|nice|perfect|okay] (thanks|thank you) [very much|so much|a lot]",
        "(excuse|pardon) me",
        "i have a [quick] question",
        "(can|could|would|will) you [please] [just|quickly] (tell|give|show) me",
        "(can|could|would|will) you [please] [just|quickly] (let me know|help me [out] [with]|look up|check|find out)",
        "(can|could|would|will) you [please] [just|quickly]",
        "(can|could|may) i [please] (ask [you]|know|get|have)",
        "do you [happen to] know",
        "would you (mind|know) [telling me]",
        "[please] (tell|give|show) me [again]",
        "[please] remind me again",
        "let me know|let us see",
        "i (need|want|would like|would love|have|got|am needing|am trying) to (know|find out|ask [you]|get|see)",
        "i [really] (need|want|would like) [you to]",
        "i (wonder|was wondering|am wondering|am curious) [if (you|we) could tell me]",
        "i (do not know|forgot|forget)|(any|have you any|you have any) idea",
        "help me [out] [with|to]",
        "(look up|find out|figure out|work out|check)",
    )
)
_REMIND_ME = ("remind", "me")
_QUESTIONS = frozenset("what when where which who how".split())
"""After these words "remind me" is a question politely put; after any others it is the wish itself."""
_THANKS: tuple[Phrase, ...] = tuple(map(parse_phrase, ("please|thanks|thank you [very much|so much]",)))
"""All that may be taken off the end of words that are to be kept: in them "again" and "for me" mean something."""
_TAILS: tuple[Phrase, ...] = tuple(
    parse_phrase(text)
    for text in (
        "please|thanks|thank you|for me|again|exactly|anyway|okay|ok|though|then",
        "if you (can|do not mind|would|know)",
        "(would|could|can|do) you [know|tell me|please]",
        "i wonder|by the way|real quick|quickly|you know",
    )
)


def without_politeness(tokens: Tokens, *, keeping_words: bool = False) -> Tokens:
    """The wish alone, also without what a speaker's mouth did while thinking.

    Args:
        keeping_words: the wish may end in words of the user's own, of which none must be lost.
    """
    tokens = without_disfluencies(tokens)
    while end := _lead(tokens):
        tokens = tokens[end:]
    tails = _THANKS if keeping_words else _TAILS
    while (
        start := min(
            (m.start for p in tails for m in p.matches(tokens, _none, len(tokens)) if m.end == len(tokens)),
            default=len(tokens),
        )
    ) < len(tokens):
        tokens = tokens[:start]
    return tokens


def _lead(tokens: Tokens) -> int:
    """How many of the first words are polite."""
    if tokens[:2] == _REMIND_ME:
        end = 3 if tokens[2:3] in (("of",), ("about",)) else 2
        if _QUESTIONS.intersection(tokens[end : end + 1]):
            return end
    return max((m.end for p in _LEADS for m in p.matches(tokens, _none, 0)), default=0)


def _none(name: str, start: int, end: int) -> Value | None:
    return None
