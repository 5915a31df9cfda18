"""Cuts a stream of text into sentences, so that the first is spoken while the next is thought."""

import re

END = re.compile(r"(?<=[.!?…])([\"')\]]*)\s+|\n+")
"""With what closes behind the mark, which belongs to the sentence."""

ABBREVIATIONS = frozenset("mr. mrs. ms. dr. prof. st. e.g. i.e. vs. approx.".split())
"""Words whose full stop ends no sentence."""

LONGEST = 300
"""Characters; a sentence without end is cut at a comma or a space."""


class Sentences:
    """Feed it pieces of text; it gives back each sentence once it is whole."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, piece: str) -> list[str]:
        """Add a piece; returns the sentences that are complete now."""
        self._rest += piece
        out: list[str] = []
        start = 0
        for end in END.finditer(self._rest):
            head = self._rest[start : end.end(1) if end.group(1) else end.start()].strip()
            if _last_word(head) in ABBREVIATIONS and "\n" not in end.group():
                continue
            if head:
                out.append(head)
            start = end.end()
        self._rest = self._rest[start:]
        while len(self._rest) > LONGEST:
            cut = max(self._rest.rfind(mark, 0, LONGEST) for mark in (", ", "; ", " "))
            cut = cut + 1 if cut > 0 else LONGEST
            out.append(self._rest[:cut].strip())
            self._rest = self._rest[cut:]
        return out

    def rest(self) -> list[str]:
        """What is left when the text has ended."""
        rest, self._rest = self._rest.strip(), ""
        return [rest] if rest else []


def sentences_of(text: str) -> list[str]:
    """A whole text, cut."""
    sentences = Sentences()
    return [*sentences.feed(text), *sentences.rest()]


def _last_word(text: str) -> str:
    return text.rsplit(maxsplit=1)[-1].strip("\"'()[]").lower() if text else ""
