"""What a tool written in Python gives back: an answer for the ear, or a plain refusal.

A tool is an `async def` that takes its parameters by keyword. It may also take `report`, to say how far it is, and
`caller`, to know who asks.
Whatever else it raises is our fault or its own, and never reaches the ear.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.orchestrator.whose import Whose

Report = Callable[[str, float | None], None]
"""Takes words for the ear and a fraction in [0, 1] or None."""


@dataclass(frozen=True, slots=True)
class Say:
    """How to speak up in a call later: a POST of `{"text": …}` to `url`, with the token as bearer."""

    url: str
    token: str = field(repr=False)
    """Opens `say` of that one call, for as long as it lives. It belongs in no log and no row."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and in which call; what nobody told is None."""

    idempotency_key: str
    """Of the wish: the same again means the same deed, also after a restart of this service."""
    conversation_id: str = ""
    session_id: UUID | None = None
    """The call, into which `say` can speak."""
    user_id: str | None = None
    timezone: str | None = None
    """An IANA name."""
    language: str | None = None
    """A BCP 47 tag."""
    message: str = ""
    """The user's words."""
    say: Say | None = None
    owner: str | None = None
    """Name of the API key whose call it is; None: the house's. A `user_id` means somebody under one key alone."""
    amends: str | None = None
    """Idempotency key of the deed of the same tool whose place this one takes: the user corrected themselves."""

    @property
    def whose(self) -> Whose:
        """For whom things are kept."""
        return Whose(self.owner, self.user_id)


@dataclass(frozen=True, slots=True)
class Answer:
    """The deed is done, or the question answered."""

    text: str
    """Short and speakable: units in words, no markup."""
    data: Any = None
    """The same exactly, for machines; JSON."""


class Refused(Exception):
    """What was asked cannot be done, and the tool knows why ("Nothing can be divided by zero.")."""

    def __init__(self, code: str, text: str, why: str = "") -> None:
        """`text` is for the ear; `why`, where it says more, for the row and whoever mends the tool."""
        super().__init__(text)
        self.code = code
        self.text = text
        self.why = why


class Failed(Refused):
    """Somebody whom the tool relies on let it down; it counts against the agent, a plain refusal does not."""

    def __init__(self, code: str, text: str, why: str = "", in_doubt: bool = False) -> None:
        """`in_doubt`: it may be done all the same, so nobody may do it again unasked."""
        super().__init__(code, text, why)
        self.in_doubt = in_doubt
