"""Is this pause the end? How long to wait after the last voiced sample, by what was said so far."""

import re

from gateway.session.clock import samples

FINISHED = samples(480)
"""A phrase with a close to it ("… in Cairo", "… please"): little is gained by waiting."""

LIKELY = samples(680)
"""A phrase that stands by itself and may still get a place or a time ("what time is it … in Tokyo"). The voice behind a
pause of 0.6 s is told before the answer sounds."""

OPEN = samples(760)
"""A phrase that may go on; pauses inside a sentence are mostly below 0.7 s."""

HALTING = samples(1480)
"""How it sounds says that it goes on, whatever was made of the words: thinking pauses reach 1.2 s. A soft last
consonant is no voice to the detector, and up to 0.2 s pass until the voice behind the pause is told."""

UNFINISHED = samples(1600)
"""The last word asks for another one ("remind me in …"). What follows often begins softly ("… the first of June")."""

WORDLESS = HALTING
"""Of sound without words nobody can say that it is a whole phrase."""

BRIEF = samples(280)
"""What people end a phrase with is drawn out, 0.3 to 0.6 s. A word as brief as this is an "in" or "the", whatever
a recogniser made of it ("remind me tin", "we moved tune")."""

LONGEST_TURN = samples(60_000)
"""Nobody speaks for a minute without a breath: it is noise, and the floor is given back."""

DANGLING = frozenset(
    """a an the my your our his her their its this these those some any every each no
    and or but so because if when while than that which who whose as like
    in on at to of for from with without by about into onto over under after before between until till since per
    is are was were am be been do does did can could will would shall should may might must have has had
    i we they he she it's i'm let's
    what's where's who's that's there's here's how very really just not remind set convert calculate tell give show
    um uh er erm hmm plus minus times divided point""".split()
)
"""Words that hardly ever end an English phrase."""

OPENERS = frozenset(
    """what what's who who's where where's when when's why how how's which is are was were do does did can could
    will would should tell give show set remind convert calculate call start turn thank good never
    hello hi hey thanks yes no yeah okay bye stop""".split()
)
"""Words with which questions, requests and answers begin; three words of such a one may stand by themselves."""

PAIRS_THAT_END = frozenset(
    tuple(pair.split("_"))
    for pair in """are_you thank_you meet_you see_you and_you about_you you_do to_do i_do you_have you_are i_am
    is_this is_that do_this do_that like_this like_that about_this about_that think_so you_into why_not it_on
    made_of think_of heard_of""".split()
)
"""Endings whose last word looks dangling alone, and is not."""

ASKERS = frozenset("what what's who who's where where's".split())
LEFT_BEHIND = frozenset("from for with about like".split())
"""Words that such a question leaves at its end ("where are you from"). Not "in" and "to", which mostly go on."""

BEFORE_YOU = frozenset(
    """do did does can could will would should may might must have had are were if when that what where while
    because and or""".split()
)
"""Behind these "you" begins a clause; behind a verb ("call you") it ends one."""

AUXILIARIES = frozenset("is are was were do does did can could will would should".split())
"""Words with which a question begins that wants a yes or no: the voice goes up at its end."""

VERBS_OF_BEING = frozenset("is are was were am be will have".split())
ASKING = frozenset("what who where when which how why whose".split())

PAIRS_THAT_GO_ON = frozenset(
    tuple(pair.split("_"))
    for pair in """tell_me show_me give_me let_me ask_me you_please you_know i_think i_guess i_believe
    i_wonder i_mean i_know i_hope i_said he_said she_said i_want i_need i_like would_like you_think""".split()
)
"""Beginnings that people pause after, though none of their words dangles by itself."""

CLOSING = frozenset(
    """now today tomorrow tonight yesterday please then again morning afternoon evening night
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million percent""".split()
)
"""Times, amounts and "please": a request mostly ends with them."""

LEADS_IN = frozenset("in on at to of for from with about over near by into".split())
"""A complement behind one of these closes a phrase: "half of sixty", "the time in Cairo"."""

WHOLE = frozenset("hello hi hey thanks yes no yeah yep nope bye goodbye stop okay sure".split())
"""Words that say all by themselves."""

LIGHT = frozenset(
    """you me it him her them us this that here there now then too so out off up down one else yet lot oh""".split()
)
"""Words that end a phrase though they are brief."""

NOT_OF_WORDS = re.compile(r"[^\w' ]+")


def patience(text: str, last_word: int = 0, raised: bool = False) -> int:
    """How long a silence ends the turn, in samples, given the user's words so far.

    Args:
        last_word: how many samples the last of them sounded; 0 where nobody knows.
        raised: the voice stayed up.
    """
    words = NOT_OF_WORDS.sub(" ", text.lower()).split()
    match words:
        case []:
            return WORDLESS
        case [word] if word in WHOLE:
            return FINISHED
    if words[0] in ASKERS and words[-1] in LEFT_BEHIND and len(words) >= 4:
        return FINISHED
    pair = tuple(words[-2:])
    if pair in PAIRS_THAT_END:
        return FINISHED if words[0] in OPENERS and len(words) >= 3 else OPEN
    if _dangles(words) or pair in PAIRS_THAT_GO_ON:
        return UNFINISHED
    is_request = words[0] in OPENERS and len(words) >= 3
    is_closed = is_request and _is_closed(words)
    asks = is_request and (words[0] in AUXILIARIES or (is_closed and words[0] in ASKING | ASKERS))
    goes_on = raised and not asks and words[-1] not in CLOSING
    if is_closed and not goes_on:
        return FINISHED
    if goes_on or (0 < last_word <= BRIEF and words[-1] not in LIGHT | CLOSING):
        return HALTING
    return LIKELY if is_request else OPEN


def _dangles(words: list[str]) -> bool:
    """Whether the last word asks for another one."""
    *before, last = words
    if last == "you":
        return not before or before[-1] in BEFORE_YOU
    if last in VERBS_OF_BEING and any(word in ASKING for word in before[1:-1]):
        # "Do you know what time it is": the question stands inside, and its verb at the end.
        return False
    return last in DANGLING


def _is_closed(words: list[str]) -> bool:
    """Whether a request has its last complement."""
    return words[-1] in CLOSING or any(word in LEADS_IN for word in words[2:-1])
