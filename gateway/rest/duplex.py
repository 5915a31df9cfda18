"""REST for making a session, and for what could be had: `/api/mas/voice/duplex/session`."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aiohttp import web
from pydantic import BaseModel, Field, StringConstraints, field_validator

from gateway.access import Access
from gateway.calls import Calls, Opening
from gateway.entrance import VISITOR
from gateway.parts import Offer, missing_to_local
from gateway.ports import Mode
from gateway.rest.routes import Body, Route, answer, read
from gateway.store.queries import Measured, Queries
from gateway.wires.realtime.socket import RealtimeWire
from services.base.database import StoreAway
from services.base.health import Ready
from services.base.problems import Invalid
from services.base.serve import bearer

PATH = "/api/mas/voice/duplex/session"

SECRET_S = 600
"""What a client has to come; a live session's secret is good for as long as the session."""

MOST_METADATA = 16_384
"""Characters as JSON: enough to find a call again, too little to be a store of its own."""

MEASURED_AGAIN_S = 5.0
"""Pages ask often, and a median of an hour does not move faster."""

Name = Annotated[str, StringConstraints(max_length=200)]


class SessionRequest(Body):
    """Make a session. Everything has a default."""

    mode: Literal["auto", "personaplex", "realtime", "elevenlabs", "local"] = Field(
        "auto", description="The engine; one that cannot be had is replaced, and `fallback_reason` says why"
    )
    persona: str | None = Field(None, description="A name out of `GET /api/personas`", examples=["myca"])
    voice: str | None = Field(None, description="A name out of `GET /api/voices`", examples=["fern"])
    language: str | None = Field(None, max_length=20, description="BCP 47 tag", examples=["en-GB"])
    input_mode: Literal["duplex", "push_to_talk"] = Field(
        "duplex", description="How the user takes the floor"
    )
    greeting: bool | None = Field(
        None,
        description="Whether the agent greets, and speaks up after long silence. "
        "Null: where the client asked for our own events",
    )
    user_id: Name | None = Field(None, description="Who calls, as you name them", examples=["ada"])
    conversation_id: Annotated[Name, StringConstraints(min_length=1)] | None = Field(
        None, description="Calls that belong together; null begins a new conversation"
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict,
        description="`timezone` (an IANA name) tells the tools where the caller is; the rest is kept as it is",
        examples=[{"timezone": "Europe/Vienna"}],
    )
    allow_recording: bool = Field(False, description="Whether the sound may be kept")

    @field_validator("metadata")
    @classmethod
    def _short(cls, metadata: dict[str, Any]) -> dict[str, Any]:
        if len(json.dumps(metadata)) > MOST_METADATA:
            raise ValueError(f"more than {MOST_METADATA} characters as JSON")
        return metadata


class ClientSecret(BaseModel):
    """A short-lived credential for the realtime wire."""

    value: str
    expires_at: int = Field(description="Unix time, seconds")


class SessionAnswer(BaseModel):
    """A session was made."""

    session_id: UUID
    conversation_id: str
    mode: Mode = Field(description="The engine that was chosen")
    fallback_reason: str | None = Field(description="Why it is not the one asked for; null where it is")
    persona: str
    voice: str
    realtime_url: str = Field(description="Where the call goes on: a WebSocket")
    client_secret: ClientSecret


class EngineOffer(BaseModel):
    """Whether an engine could be had now."""

    mode: Mode
    available: bool
    reason: str | None = Field(description="Why not, and what to do about it; null where it can be had")
    slots_free: int
    slots_total: int
    queue: int = Field(
        description="Callers who wait for a slot of the engine's, of other gateways too. This one lets nobody wait"
    )
    latency_ms: float | None = Field(
        description="Milliseconds from the user's last word to the agent's first sound: median of the turns of the "
        "last hour on this gateway; null where there were none"
    )
    latency_turns: int = Field(description="How many turns those were")


class Offers(BaseModel):
    """The engines, the best first."""

    engines: list[EngineOffer]


class Duplex:
    """The handlers."""

    def __init__(
        self, calls: Calls, wire: RealtimeWire, queries: Queries, access: Access, ready: Ready
    ) -> None:
        """`ready` is what `/ready` asks."""
        self._calls, self._wire, self._queries, self._access = calls, wire, queries, access
        self._ready = ready
        self._measured: Mapping[str, Measured] = {}
        self._measured_at = -MEASURED_AGAIN_S

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                "POST",
                PATH,
                self.make_session,
                "Make a session",
                SessionAnswer,
                201,
                takes=SessionRequest,
                errors=(400, 401, 403, 503),
            ),
            Route("GET", PATH, self.show_offers, "What could be had now", Offers),
        )

    async def make_session(self, request: web.Request) -> web.Response:
        """A client attaches to it at `realtime_url` with its secret, also again after a drop. One to which nobody comes
        ends after 10 minutes."""
        caller = self._access.user(bearer(request))
        asked = await read(request, SessionRequest)
        if asked.mode in ("auto", "personaplex"):
            await self._calls.parts.speech.look()
        call = self._calls.open(
            Opening(
                owner=caller.owner,
                of_house=self._access.is_house(caller.owner),
                visitor=request[VISITOR],
                mode=asked.mode,
                persona=asked.persona,
                voice=asked.voice,
                language=asked.language,
                push_to_talk=asked.input_mode == "push_to_talk",
                greeting=asked.greeting,
                user_id=asked.user_id,
                conversation_id=asked.conversation_id,
                client=request.headers.get("User-Agent"),
                timezone=_timezone(asked.metadata),
                allow_recording=asked.allow_recording,
                metadata=asked.metadata,
            )
        )
        self._wire.expect(call.session_id, "antiphon", within_s=SECRET_S)
        secret = self._access.new_secret(caller.owner, SECRET_S, call.session_id)
        profile = call.profile
        scheme = "wss" if request.scheme == "https" else "ws"
        made = SessionAnswer(
            session_id=call.session_id,
            conversation_id=profile.conversation_id,
            mode=profile.mode,
            fallback_reason=profile.fallback_reason,
            persona=profile.brief.persona.name,
            voice=profile.brief.voice.name,
            realtime_url=f"{scheme}://{request.host}/v1/realtime?session_id={call.session_id}",
            client_secret=ClientSecret(value=secret.value, expires_at=secret.expires_at),
        )
        return answer(made, 201)

    async def show_offers(self, request: web.Request) -> web.Response:
        """Each engine with its places and how fast it has been. What was not measured is null."""
        self._access.user(bearer(request))
        await self._calls.parts.speech.look()
        found = await self._ready.ask()
        missing = missing_to_local(found.parts)
        offers = self._calls.parts.offers(missing and f"{missing}. `antiphon doctor` looks closer")
        measured = await self._latencies()
        nothing = Measured(None, 0)
        engines = [
            EngineOffer(
                mode=offer.mode,
                available=offer.available and self._calls.free > 0,
                reason=offer.reason or (None if self._calls.free else self._full()),
                slots_free=self._free(offer),
                slots_total=self._total(offer),
                queue=offer.queue,
                latency_ms=measured.get(offer.mode, nothing).median_ms,
                latency_turns=measured.get(offer.mode, nothing).turns,
            )
            for offer in offers
        ]
        return answer(Offers(engines=engines))

    def _free(self, offer: Offer) -> int:
        """Places: the engine's own, as far as this gateway has as many."""
        free = self._calls.free
        return min(free, free if offer.slots_free is None else offer.slots_free) if offer.available else 0

    def _total(self, offer: Offer) -> int:
        if offer.slots_total is not None:
            return offer.slots_total
        return self._calls.most if offer.available else 0

    def _full(self) -> str:
        return f"all {self._calls.most} places are taken; end a call, or raise GATEWAY_MAX_SESSIONS"

    async def _latencies(self) -> Mapping[str, Measured]:
        if time.monotonic() - self._measured_at >= MEASURED_AGAIN_S:
            self._measured_at = time.monotonic()
            try:
                self._measured = await self._queries.turn_latencies(self._calls.node)
            except StoreAway:
                # `/ready` tells of that; here it means that nothing is known.
                self._measured = {}
        return self._measured


def _timezone(metadata: dict[str, Any]) -> str | None:
    name = metadata.get("timezone")
    if name is None:
        return None
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        raise Invalid(f"`metadata.timezone`: {name!r} is no IANA time zone") from error
