"""Is this pause the end? How long to wait after the last voiced sample, by what was said so far."""

from gateway.session.clock import samples

FINISHED = samples(480)
"""A phrase that stands by itself: little is gained by waiting."""

OPEN = samples(760)
"""A phrase that may go on; pauses inside a sentence are mostly below 0.7 s."""

UNFINISHED = samples(1600)
"""The last word asks for another one ("remind me in …"): thinking pauses reach 1.2 s."""

WORDLESS = samples(900)
"""Sound without words yet; the recogniser may be behind."""

LONGEST_TURN = samples(60_000)
"""Nobody speaks for a minute without a breath: it is noise, and the floor is given back."""

DANGLING = frozenset(
    """a an the my your our his her their its this these those some any every each no
    and or but so because if when while than that which who whose as like
    in on at to of for from with without by about into onto over under after before between until till since per
    is are was were am be been do does did can could will would shall should may might must have has had
    i you we they he she it's i'm let's
    what's where's who's how very really just not please remind set convert calculate tell give show
    um uh er erm hmm plus minus times divided point""".split()
)
"""Words that hardly ever end an English phrase."""

OPENERS = frozenset(
    """what what's who who's where where's when when's why how how's which is are was were do does did can could
    will would should tell give show set remind convert calculate call stop start turn hello hi hey thanks thank
    yes no yeah okay bye goodbye good never""".split()
)
"""Words with which questions, requests and whole short answers begin."""

PAIRS_THAT_END = frozenset(
    {("is", "it"), ("are", "you"), ("to", "do"), ("i", "am"), ("i", "do"), ("is", "that"), ("no", "please")}
)
"""Endings whose last word looks dangling alone, and is not."""


def patience(text: str) -> int:
    """How long a silence ends the turn, in samples, given the user's words so far."""
    words = text.lower().replace("?", " ").replace(".", " ").replace(",", " ").split()
    if not words:
        return WORDLESS
    if words[-1] in DANGLING and tuple(words[-2:]) not in PAIRS_THAT_END:
        return UNFINISHED
    if words[0] in OPENERS and (
        len(words) >= 3 or words[0] in {"hello", "hi", "thanks", "yes", "no", "bye", "stop"}
    ):
        return FINISHED
    return OPEN
