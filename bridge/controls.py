"""What people say to the call itself. Whole utterances only: "no" is not in "know", nor "stop" in "bus stop"."""

import re

from bridge.events import Control

SAID = (
    r"(?:that|it|this|yourself|the question|what you(?: just)? (?:said|say|told me|mentioned)|"
    r"(?:that|your|the)(?: last)? (?:response|answer|sentence|part|message|phrase|"
    r"thing(?: you(?: just)? \w+(?: me)?)?))"
)
AGAIN = r"(?:again|once more|once again|one more time|over)"
REPEAT = (
    rf"(?:(?:repeat|restate)(?: {SAID})?(?: {AGAIN})?|(?:say|ask|tell me)(?: {SAID})? {AGAIN}|come again|"
    rf"once more|one more time|pardon(?: me)?|what did you(?: just)? (?:say|mention)|what was {SAID})"
)
MISSED = (
    r"i (?:(?:didnt|did not|couldnt|could not)(?: quite)? (?:hear|catch|get|understand)|missed)"
    r"(?: you| that| it| what you(?: just)? said)?"
)
WHILE = r"(?:moment|minute|second|sec|bit)"
CALL_OFF = (
    r"(?:cancel|abort)(?: (?:that|it|this|what you(?:re| are| were) doing|"
    r"(?:that|my|the)(?: last| current| present| previous)? (?:request|command|action)))?"
)
FORGET = r"(?:never ?mind|forget (?:it|that|about (?:it|that))|dont bother|leave it|drop it|scratch that)"

PATTERNS: dict[Control, str] = {
    "stop": r"(?:stop|quit)(?: it| that| this| doing that| talking| speaking)?|(?:be )?(?:quiet|silent)|silence|"
    r"mute|hush|shut up|halt|(?:thats )?enough|no more talking",
    "wait": rf"(?:wait|hold on|hang on)(?: (?:just )?(?:a|one) {WHILE})?|(?:just )?(?:a|one) {WHILE}|pause|"
    rf"give me (?:just )?(?:a|one) {WHILE}",
    "repeat": rf"{MISSED}|(?:{MISSED} (?:so |and )?(?:please )?(?:(?:can|could|would|will) you )?)?{REPEAT}",
    "never_mind": rf"{FORGET}|(?:{FORGET} )?{CALL_OFF}(?: i changed my mind| i dont need it(?: any ?more)?)?",
}
"""Each for lower-case words without marks; "undo" is none of them, for it wants something done."""

WHOLE = {control: re.compile(pattern) for control, pattern in PATTERNS.items()}

# Politeness around a phrase does not change it.
BEFORE = re.compile(
    r"^(?:(?:oh|ok|okay|hey|no|yeah|yes|well|sorry|excuse me|please|just|actually|um|uh|oops|and|but|so|"
    r"(?:can|could|would|will|may) you|i(?: would|d)? (?:need|want|like)(?: for)? you to) )+"
)
AFTER = re.compile(
    r"(?: (?:please|now|for me|louder|okay|ok|then|thanks|thank you|would you|will you|could you))+$"
)
NOT_WORDS = re.compile(r"[^\w' ]+")


def plain(text: str) -> str:
    """Lower case, without marks, one space between words; curly apostrophes made straight."""
    return " ".join(NOT_WORDS.sub(" ", text.lower().replace("’", "'")).split())


def control_of(text: str) -> Control | None:
    """Which control `text` is, when the whole of it is one."""
    words = _once(plain(text).replace("'", ""))
    bare = BEFORE.sub("", words)
    for form in (words, bare, AFTER.sub("", words), _once(AFTER.sub("", bare))):
        for control, pattern in WHOLE.items():
            if pattern.fullmatch(form):
                return control
    return None


def _once(text: str) -> str:
    """ "stop" for "stop stop stop": a phrase that is said over and over, and nothing else, once."""
    words = text.split()
    for size in range(1, len(words) // 2 + 1):
        times, rest = divmod(len(words), size)
        if rest == 0 and words == words[:size] * times:
            return " ".join(words[:size])
    return text
