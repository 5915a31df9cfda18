"""What of a result was not said yet: offered, and read on when the user says so. No I/O.

One offer stands at a time. It ends when it is answered, when the user speaks of anything else, or with its time.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from bridge.data import MAX_ITEMS
from bridge.plain import plain
from bridge.words import Passages, portion

OPEN_FOR = timedelta(seconds=60)
"""From when the result was ready: it takes 15 s to be said, and may have waited for a free moment."""

YES = r"(?:yes|yeah|yep|yup|sure|please|okay|ok|of course|certainly|absolutely|go ahead|do|all right|alright)"
ON = (
    r"(?:(?:please )?(?:go on|go ahead|carry on|keep going|continue|proceed|read (?:on|more|it|them|those|that|all)"
    r"|(?:read|tell|give)(?: me)? (?:the )?"
    r"(?:rest|others?|other \w+|next(?: \w+)?|last(?: one)?|all of (?:it|them)|more)"
    r"|(?:and )?(?:the )?(?:rest|others?|next(?: ones?| \w+)?|last one)|(?:some |tell me )?more|what else)"
    r"(?: (?:of (?:it|them)|to me|then))?)"
)
READ_ON = re.compile(
    rf"(?:{YES} )*(?:{YES}|(?:you (?:can|may|should) |can you |could you |i(?:d| would) like to )?{ON})(?: {YES})*"
)
NO = r"(?:no|nope|nah|not now|no need|thanks|thank you)"
LEAVE = re.compile(
    rf"(?:{NO} )*(?:{NO}|(?:thats|that is|that was|its|it is) (?:all|fine|okay|enough|plenty|it)|im (?:good|fine|okay)"
    rf"|i dont(?: need (?:it|them|that|the (?:rest|others)))?|you dont (?:have|need) to|dont)(?: {NO})*"
)

LONGEST = 12
"""Words; nobody needs more to answer."""

COUNTS = {2: "two", 3: "three", 4: "four", 5: "five"}


@dataclass(frozen=True, slots=True)
class Offer:
    """What is left of a result."""

    rest: Passages
    invocation_id: UUID
    made_at: datetime


def with_offer(passages: Passages) -> tuple[str, Passages | None]:
    """The next words of `passages`, with an offer behind them where more can be read; and what that is."""
    said, rest = portion(passages)
    if rest is None:
        return said, None
    if not rest.blocks:
        more = (
            f"There are {rest.beyond:,} more, too many to read out."
            if rest.beyond
            else "The rest is too long to read out."
        )
        return f"{said} {more}", None
    left = rest.left
    if left == 1:
        question = "Shall I read the last one?"
    elif left and left <= MAX_ITEMS:
        question = f"Shall I read the other {COUNTS[left]}?"
    else:
        question = f"There are {left:,} more; shall I read on?" if left else "Shall I go on?"
    return f"{said} {question}", rest


class Offers:
    """The offer that stands."""

    def __init__(self) -> None:
        self._open: Offer | None = None
        self._answered: tuple[UUID, Offer] | None = None
        """The turn that answered the last one: the user may go on with it, and mean something else."""

    def make(self, rest: Passages | None, invocation_id: UUID, now: datetime) -> None:
        """What was told last has left `rest` unsaid, or nothing."""
        self._open = Offer(rest, invocation_id, now) if rest else None

    def close(self) -> None:
        """The user speaks of something else."""
        self._open = None

    def answer(self, turn_id: UUID, text: str, now: datetime) -> tuple[Literal["yes", "no"], Offer] | None:
        """What the user says to the offer that stands, which then does not stand any more."""
        offer = self._open
        if offer is None or now - offer.made_at > OPEN_FOR:
            return None
        said = plain(text).replace("'", "")
        if said.count(" ") >= LONGEST:
            return None
        yes = READ_ON.fullmatch(said)
        if not yes and not LEAVE.fullmatch(said):
            return None
        self._open, self._answered = None, (turn_id, offer)
        return "yes" if yes else "no", offer

    def withdraw(self, turn_id: UUID) -> None:
        """The user goes on with that turn: what it answered stands again."""
        if self._answered and self._answered[0] == turn_id:
            self._open, self._answered = self._answered[1], None
