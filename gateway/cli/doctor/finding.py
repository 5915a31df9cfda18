"""What was found of one thing, in words one can act on."""

from dataclasses import dataclass
from typing import Literal

ASK_S = 10.0
"""What somebody else gets to answer."""

Verdict = Literal["good", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    """`bad`: `antiphon up` will not work. `note`: something else will not."""
    what: str
    advice: str = ""
    """What to do about it."""


def gib(size: float) -> str:
    return f"{size / 2**30:.1f} GiB"
