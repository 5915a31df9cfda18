"""What either side of the speech wire can say."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal


class Kind(IntEnum):
    """The first byte."""

    HANDSHAKE = 0x00
    AUDIO = 0x01
    TEXT = 0x02
    CONTROL = 0x03
    METADATA = 0x04
    ERROR = 0x05
    PING = 0x06


class Action(IntEnum):
    """What a `Control` wants. NVIDIA's page has buttons for the first two and shows neither; no server heeds any."""

    START = 0
    END_TURN = 1
    PAUSE = 2
    RESTART = 3


@dataclass(frozen=True, slots=True)
class Handshake:
    """From the server: persona and voice are set, the call is live. Sound sent earlier is lost on a stock server.

    Kyutai's server in Rust puts two versions behind the byte; nobody reads them.
    """


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound as the query's `codec` has it: a piece of an Ogg Opus stream, cut anywhere, or PCM16."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Text:
    """From the server: the piece of a word that belongs to a frame, a space before it where a word begins.

    Whole characters: ours waits until all bytes of one are said. A stock server writes such bytes as `<0xC4>`.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Control:
    """An order of Kyutai's first client. Taken and ignored."""

    action: Action


@dataclass(frozen=True, slots=True)
class Ping:
    """Is somebody there? The server answers with another, a client never, lest the two go on for ever."""


@dataclass(frozen=True, slots=True)
class Error:
    """From the server: something was not done. A stock server sends no code."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """From the server: JSON that is none of ours, as Kyutai's server in Rust sends about itself."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A kind that this wire has no name for, perhaps a newer one's."""

    kind: int


@dataclass(frozen=True, slots=True)
class Inject:
    """An order: say `text`. Texts are said in the order in which they came."""

    id: str
    text: str
    when: Literal["idle", "now"] = "idle"
    """`idle` waits for a free floor; `now` takes it from the agent."""
    deadline_ms: int | None = None
    """From when on it waits for a free floor no longer. None waits as long as it takes."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """An order: leave the rest of `id` unsaid, from the next word on. An unknown id is ignored."""

    id: str


@dataclass(frozen=True, slots=True)
class Hold:
    """An order: while `on`, the agent is silent and says nothing into its own memory."""

    on: bool


@dataclass(frozen=True, slots=True)
class Queued:
    """From the server: all slots are taken, and `queue=1` asked for a place."""

    place: int
    """1 is the next."""
    wait_s: float | None = None
    """An estimate; None where there is nothing to go by."""


@dataclass(frozen=True, slots=True)
class Ready:
    """From the server, right before the handshake: orders are heeded here."""

    slot: int
    model: str
    frame_ms: float
    """How much sound a frame is: 80."""


@dataclass(frozen=True, slots=True)
class Injection:
    """From the server: how far `id` has come."""

    id: str
    state: Literal["waiting", "started", "word", "done", "cancelled", "failed"]
    word: str | None = None
    """At `word`: the one that begins. Of a cancelled one, those that came were said."""
    frame: int | None = None
    """In which frame since the handshake it happened; None while it waits."""
    reason: str | None = None
    """Why it failed."""


@dataclass(frozen=True, slots=True)
class Stats:
    """From the server, every few seconds: how its device keeps up."""

    rtf: float | None
    """Computing time over sound made; above 1 it falls behind. None: not measured yet."""
    frame_ms_p99: float | None
    slots_used: int
    slots_total: int


Order = Inject | Cancel | Hold
Event = Queued | Ready | Injection | Stats
Up = Audio | Control | Ping | Order
Down = Handshake | Audio | Text | Control | Ping | Error | Metadata | Event

ORDERS: dict[str, type[Order]] = {"inject": Inject, "cancel": Cancel, "hold": Hold}
EVENTS: dict[str, type[Event]] = {"queued": Queued, "ready": Ready, "injection": Injection, "stats": Stats}
TYPES: dict[type, str] = {kind: name for name, kind in (ORDERS | EVENTS).items()}
