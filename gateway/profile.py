"""What a call was made with."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bridge.events import SayAddress
from gateway.ports import Brief, Mode
from gateway.session.rules import Rules


@dataclass(frozen=True, slots=True)
class Profile:
    """Whose call it is, with whom, and by which rules."""

    session_id: UUID
    conversation_id: str
    owner: str
    """Whose it is: an API key's name, or `local`."""
    mode: Mode
    fallback_reason: str | None
    brief: Brief
    rules: Rules
    of_house: bool = False
    """Whether the owner is an operator, or whoever sits at this machine."""
    address: str | None = None
    """The network that it was made from, as limits count it; None: this machine."""
    greets: bool | None = None
    """Whether the agent may begin to speak; None: with a client that knows our own events."""
    recognizer: str | None = None
    """Who turns the user's sound into words, where that is known."""
    user_id: str | None = None
    client: str | None = None
    timezone: str | None = None
    say: SayAddress | None = None
    """How tools that answer later can have the agent speak in this call."""
    allow_recording: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
