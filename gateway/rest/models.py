"""Bodies of REST requests and answers; pydantic, because these bytes come from outside."""

import json
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

MOST_METADATA = 16_384
"""Characters as JSON: enough to find a call again, too little to be a store of its own."""


class Body(BaseModel):
    """Unknown fields are refused: a misspelt one would else be ignored without a word."""

    model_config = ConfigDict(extra="forbid")


class SessionRequest(Body):
    """Make a session. Everything has a default."""

    mode: Literal["auto", "personaplex", "realtime", "elevenlabs", "local"] = "auto"
    persona: str | None = None
    voice: str | None = None
    language: str | None = Field(default=None, max_length=20)
    input_mode: Literal["duplex", "push_to_talk"] = "duplex"
    greeting: bool | None = None
    """Whether the agent greets, and speaks up after long silence. Null: where the client asked for our own events."""
    user_id: str | None = Field(default=None, max_length=200)
    conversation_id: str | None = Field(default=None, min_length=1, max_length=200)
    metadata: dict[str, Any] = Field(default_factory=dict)
    """`timezone` (an IANA name) tells the tools where the caller is; the rest is kept as it is."""
    allow_recording: bool = False

    @field_validator("metadata")
    @classmethod
    def _short(cls, metadata: dict[str, Any]) -> dict[str, Any]:
        if len(json.dumps(metadata)) > MOST_METADATA:
            raise ValueError(f"more than {MOST_METADATA} characters as JSON")
        return metadata


class ClientSecret(BaseModel):
    """A short-lived credential for the realtime wire."""

    value: str
    expires_at: int
    """Unix time, seconds."""


class SessionAnswer(BaseModel):
    """A session was made."""

    session_id: UUID
    conversation_id: str
    mode: Literal["personaplex", "realtime", "elevenlabs", "local"]
    fallback_reason: str | None
    persona: str
    voice: str
    realtime_url: str
    client_secret: ClientSecret


class EngineOffer(BaseModel):
    """Whether an engine could be had now. What was not measured is null."""

    mode: str
    available: bool
    reason: str | None
    slots_free: int | None
    slots_total: int | None
    queue: int
    latency_ms: float | None


class Offers(BaseModel):
    """The engines, the best first."""

    engines: list[EngineOffer]


class SessionPage(BaseModel):
    """One page of sessions; `next` is the cursor of the one behind it, null at the end."""

    sessions: list[dict[str, Any]]
    next: str | None


class Session(BaseModel):
    """One session, whole."""

    model_config = ConfigDict(extra="allow")

    session_id: UUID
    turns: list[dict[str, Any]]
    tool_invocations: list[dict[str, Any]]
    barge_ins: list[dict[str, Any]]
    injections: list[dict[str, Any]]
    latencies: list[dict[str, Any]]


class Events(BaseModel):
    """A session's event log, in order."""

    events: list[dict[str, Any]]


class EndRequest(Body):
    """Which session to end, where the query does not say it."""

    session_id: UUID


class Ended(BaseModel):
    """A session is over."""

    session_id: UUID
    end_reason: str | None
    """Null where it ended just now, by somebody else, and that is not written down yet."""


class SayRequest(Body):
    """Have the agent speak at the next free moment."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    priority: int = Field(default=0, ge=-10, le=10)
    expires_in_s: float | None = Field(default=None, gt=0, le=3600)
    interrupt: bool = False


class Saying(BaseModel):
    """It waits for its moment."""

    injection_id: UUID


class Interrupted(BaseModel):
    """Whether the agent was speaking, and so was stopped."""

    interrupted: bool


class ExpiresAfter(Body):
    """When a client secret expires."""

    anchor: Literal["created_at"] = "created_at"
    seconds: int = Field(default=600, ge=10, le=7200)


class SecretRequest(Body):
    """Make a client secret that opens sessions of its owner."""

    expires_after: ExpiresAfter = Field(default_factory=ExpiresAfter)
    session: dict[str, Any] = Field(default_factory=dict)
    """A session object as in `session.update`; sessions opened with the secret begin with it."""


class SecretAnswer(BaseModel):
    """A client secret, and the session object that its sessions begin with."""

    value: str
    expires_at: int
    session: dict[str, Any]
