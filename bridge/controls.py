"""What people say to the call itself. Whole utterances only: "no" is not in "know", nor "stop" in "bus stop"."""

import re

from bridge.events import Control
from bridge.plain import without_hesitation

WHILE = r"(?:(?:just )?(?:a|one|a couple of|a few) (?:moments?|minutes?|mins?|seconds?|secs?|bit))"
SAID = (
    r"(?:that|it|this|yourself|the question|what you(?: just)? (?:said|say|told me|mentioned)|"
    r"(?:that|your|the)(?: last)? (?:response|answer|sentence|part|message|phrase|"
    r"thing(?: you(?: just)? \w+(?: me)?)?))"
)
AGAIN = r"(?:again|once more|once again|one more time|over)"
REPEAT = (
    rf"(?:(?:repeat|restate)(?: {SAID})?(?: {AGAIN})?|(?:say|ask|tell me)(?: {SAID})? {AGAIN}|come again|{AGAIN}|"
    rf"(?:i )?(?:beg (?:your )?)?pardon(?: me)?|what did you(?: just)? (?:say|mention)|what was {SAID}|"
    r"what were you saying|you said what|say what|what)"
)
MISSED = (
    r"i (?:(?:didnt|did not|couldnt|could not)(?: quite)? (?:hear|catch|get|understand)|missed)"
    r"(?: you| that| it| what you(?: just)? said)?"
)
MINE = r"(?:that|it|this|what i(?: just)? said|i (?:asked|said (?:that|it|anything)))"
CALL_OFF = (
    r"(?:cancel|abort)(?: (?:that|it|this|what you(?:re| are| were) doing|"
    r"(?:that|my|the)(?: last| current| present| previous)? (?:request|command|action)))?"
)

PATTERNS: dict[Control, str] = {
    "stop": r"(?:stop|quit)(?: it| that| this| doing that| talking| speaking| reading| there| right there)?"
    rf"(?: for {WHILE})?|cut it out|(?:be )?(?:quiet|silent)|silence|mute|s?hush|shh+|shut up|halt|(?:thats )?enough|"
    r"no more(?: talking)?|let me (?:speak|talk|finish)",
    "wait": rf"(?:wait|hold (?:on|up|it)|hang on|pause)(?: (?:for )?{WHILE})?|{WHILE}|give me {WHILE}|"
    rf"not yet|let me think(?: about (?:it|that))?(?: for {WHILE})?",
    "repeat": rf"{MISSED}|(?:{MISSED} (?:so |and )?(?:please )?(?:(?:can|could|would|will) you )?)?{REPEAT}",
    "never_mind": rf"never ?mind(?: {MINE})?|(?:forget|ignore)(?: about)? {MINE}|take (?:that|it) back|"
    rf"(?:dont|do not) (?:bother|do (?:that|it))|dont(?= please|$)|leave it|drop it|scratch that|{CALL_OFF}|"
    r"i changed my mind",
}
"""Each for lower-case words without marks; "undo" is none of them, for it wants something done."""

# Politeness around a phrase does not change it.
BEFORE = (
    r"(?:oh|ok|okay|alright|all right|hey|whoa|no(?! more)|yeah|yes|well|sorry|excuse me|please|just|actually|oops|"
    r"and|but|so|i said|(?:can|could|would|will|may) you|you (?:can|may|should)|"
    r"i(?: would|d)? (?:need|want|like)(?: for)? you to)"
)
AFTER = (
    r"(?:please|now|no(?! more)|already|slowly|for me|louder|okay|ok|then|thanks|thank you|would you|will you|"
    r"could you|if you (?:can|could|would)|i dont need it(?: any ?more)?)"
)

AT_ONCE: dict[Control, tuple[Control, ...]] = {
    "wait": ("wait",),
    "stop": ("stop", "wait"),
    "repeat": ("repeat",),
    "never_mind": ("never_mind", "stop", "wait"),
}
"""What may be said along with each: "stop, wait", "hold on, cancel that". Tried in this order, the strongest last."""


def _whole(controls: tuple[Control, ...]) -> re.Pattern[str]:
    """Any of `controls`, once or more often, with what people put around them."""
    phrase = "|".join(PATTERNS[control] for control in controls)
    # Possessive: what is politeness is never tried as anything else, so this stays fast.
    one = rf"(?:{BEFORE} )*+(?:{phrase})(?: {AFTER})*+"
    return re.compile(rf"{one}(?: {one})*")


WHOLE = {control: _whole(at_once) for control, at_once in AT_ONCE.items()}

A_WHILE = re.compile(rf"{WHILE}(?: {AFTER})*+")

LONGEST = 20
"""Words; nobody needs more to say one of these."""


def control_of(text: str) -> Control | None:
    """Which control `text` is, when the whole of it is one."""
    said = without_hesitation(text)
    if said.count(" ") >= LONGEST:
        return None
    return next((control for control, whole in WHOLE.items() if whole.fullmatch(said)), None)


def is_a_while(text: str) -> bool:
    """Whether `text` is "one minute" or the like: it asks to wait, unless somebody asked how long."""
    return A_WHILE.fullmatch(without_hesitation(text)) is not None
