"""What mood the user's words are in, as far as words tell it: for the choice of a phrase, never for a decision."""

import re
from typing import Literal

from bridge.plain import plain

Mood = Literal["even", "hurried", "upset"]

HURRIED = re.compile(
    r"\b(?:quick(?:ly)?|hurry(?: up)?|asap|right (?:now|away)|immediately|urgent(?:ly)?|as soon as (?:you can|possible)"
    r"|(?:im|i am) (?:late|in a (?:hurry|rush))|no time)\b"
)
UPSET = re.compile(
    r"\b(?:i (?:already|just) (?:said|told|asked)|(?:second|third|fourth|last|hundredth|how many) times?"
    r"|still (?:not|isnt|doesnt|wrong|broken)|(?:thats|it is|its) (?:wrong|not what i)|come on|ridiculous|useless"
    r"|stupid|damn|hell|annoy(?:ed|ing)|frustrat(?:ed|ing)|fed up|whats wrong with you|youre not listening)\b"
)


def mood_of(text: str) -> Mood:
    """Upset goes before hurried: who is both wants to be heard first."""
    said = plain(text).replace("'", "")
    if UPSET.search(said):
        return "upset"
    return "hurried" if HURRIED.search(said) else "even"
