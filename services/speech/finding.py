"""What was found of one thing that the duplex model needs, in words one can act on."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["good", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    """`bad`: the model will not run here as things are."""
    what: str
    advice: str = ""
    """What to do about it."""
