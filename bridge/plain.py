"""Words as they were said: lower case, without marks and hesitation."""

import re

NOT_WORDS = re.compile(r"[^\w' ]+")
HESITATION = re.compile(r"\b(?:u+h+m*|u+m+|e+r+m*|e+h+|a+h+|h+m+|m+)\b ?")
"""Sounds that hold the floor, wherever they stand."""


def plain(text: str) -> str:
    """Lower case, without marks, one space between words; curly apostrophes made straight."""
    return " ".join(NOT_WORDS.sub(" ", text.lower().replace("’", "'")).split())


def without_hesitation(text: str) -> str:
    """The same, without the sounds that hold the floor, and without apostrophes: "don't" is "dont"."""
    return " ".join(HESITATION.sub("", plain(text).replace("'", "")).split())
