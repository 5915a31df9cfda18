"""What a tool written in Python gives back: an answer for the ear, or a plain refusal.

A tool is an `async def` that takes its parameters by keyword. It may also take `report`, to say how far it is.
Whatever else it raises is our fault or its own, and never reaches the ear.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Report = Callable[[str, float | None], None]
"""Takes words for the ear and a fraction in [0, 1] or None."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The deed is done, or the question answered."""

    text: str
    """Short and speakable: units in words, no markup."""
    data: Any = None
    """The same exactly, for machines; JSON."""


class Refused(Exception):
    """What was asked cannot be done, and the tool knows why ("Nothing can be divided by zero.")."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
