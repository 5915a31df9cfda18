"""What people say to the call itself. Whole phrases only: "no" is not in "know", nor "stop" in "bus stop"."""

import re

from bridge.events import Control

PHRASES: dict[Control, tuple[str, ...]] = {
    "stop": (
        "stop", "stop it", "stop that", "stop talking", "stop speaking", "be quiet", "quiet", "shut up",
        "hush", "enough", "that's enough", "silence",
    ),
    "wait": (
        "wait", "wait a moment", "wait a minute", "wait a second", "wait a sec", "hold on", "hold on a moment",
        "hold on a minute", "hold on a second", "hold on a sec", "hang on", "one moment", "one second",
        "just a moment", "just a minute", "just a second", "give me a moment", "give me a minute",
        "give me a second",
    ),
    "repeat": (
        "repeat", "repeat that", "repeat it", "say that again", "say it again", "say again", "come again",
        "once more", "one more time", "what did you say", "what was that", "what did you just say", "pardon",
        "pardon me", "i didn't catch that", "i didn't hear you", "i didn't hear that", "i missed that",
    ),
    "never_mind": (
        "never mind", "nevermind", "forget it", "forget that", "forget about it", "cancel", "cancel that",
        "cancel it", "don't bother", "leave it", "drop it", "scratch that",
    ),
}  # fmt: skip

# Politeness around a phrase does not change it. "no" and "actually" come before corrections of all kinds.
BEFORE = re.compile(
    r"^(?:(?:oh|ok|okay|hey|no|yeah|yes|well|sorry|please|actually|um|uh|and|but|so|"
    r"can you|could you|would you|will you) )+"
)
AFTER = re.compile(r"(?: (?:please|now|for me|okay|ok|then|thanks|thank you|would you|will you|could you))+$")
NOT_WORDS = re.compile(r"[^\w' ]+")

BY_PHRASE = {phrase: control for control, phrases in PHRASES.items() for phrase in phrases}


def plain(text: str) -> str:
    """Lower case, without punctuation, one space between words; curly apostrophes made straight."""
    return " ".join(NOT_WORDS.sub(" ", text.lower().replace("’", "'")).split())


def control_of(text: str) -> Control | None:
    """Which control `text` is, when the whole of it is one."""
    words = plain(text)
    bare = BEFORE.sub("", words)
    for form in (words, bare, AFTER.sub("", words), AFTER.sub("", bare)):
        if form in BY_PHRASE:
            return BY_PHRASE[form]
    return _said_twice(bare)


def _said_twice(text: str) -> Control | None:
    """The control of "stop stop stop": one phrase and nothing else, over and over."""
    words = text.split()
    for size in range(1, len(words) // 2 + 1):
        times, rest = divmod(len(words), size)
        if rest == 0 and words == words[:size] * times:
            return BY_PHRASE.get(" ".join(words[:size]))
    return None
