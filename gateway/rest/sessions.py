"""REST for sessions: made, shown, spoken into, ended (contracts, 2)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aiohttp import web

from gateway.access import Access, Caller
from gateway.call import Call
from gateway.calls import Calls, Opening, SessionNotFound
from gateway.ports import Mode
from gateway.rest import models
from gateway.rest.routes import Query, Route, answer, read
from gateway.session import events as on
from gateway.store.queries import Queries, SessionFilter
from gateway.wires.realtime.socket import RealtimeWire
from services.base.problems import Conflict, Forbidden, Invalid
from services.base.serve import bearer

BASE = "/api/mas/voice"
SECRET_S = 600
"""What a client has to come; a live session's secret is good for as long as the session."""

MOST_KEY = 200
"""Characters of an idempotency key."""

TEXT = {"type": "string"}
KEY = Query(
    "Idempotency-Key",
    {"type": "string", "maxLength": MOST_KEY},
    "The same again in the same session is the same text: it is said once, and its id answered again",
)
FILTERS = (
    Query("active", {"type": "boolean"}),
    Query("mode", {"enum": list(get_args(Mode))}),
    Query("persona", TEXT),
    Query("user_id", TEXT),
    Query("conversation_id", TEXT),
    Query("since", {"type": "string", "format": "date-time"}, "started then or later"),
    Query("until", {"type": "string", "format": "date-time"}, "started before"),
    Query("cursor", TEXT, "`next` of the page before"),
    Query("limit", {"type": "integer", "minimum": 1, "maximum": 200}),
)


class SessionEnded(Conflict):
    """The session was there, and is over."""

    code, title = "session_ended", "The session has ended"


class Sessions:
    """The handlers."""

    def __init__(self, calls: Calls, wire: RealtimeWire, queries: Queries, access: Access) -> None:
        self._calls, self._wire, self._queries, self._access = calls, wire, queries, access

    def routes(self) -> Sequence[Route]:
        one = f"{BASE}/sessions/{{session_id}}"
        gone = (400, 401, 403, 404, 503)
        return (
            Route(
                "POST",
                f"{BASE}/duplex/session",
                self.make_session,
                "Make a session",
                models.SessionAnswer,
                201,
                models.SessionRequest,
                errors=(400, 401, 403, 503),
            ),
            Route("GET", f"{BASE}/duplex/session", self.show_offers, "What could be had now", models.Offers),
            Route(
                "GET",
                f"{BASE}/sessions",
                self.list_sessions,
                "Sessions, active first",
                models.SessionPage,
                query=FILTERS,
                errors=(400, 401, 403, 503),
            ),
            Route("GET", one, self.show_session, "One session, whole", models.Session, errors=gone),
            Route(
                "GET",
                f"{one}/events",
                self.show_events,
                "Its event log",
                models.Events,
                query=(Query("after", {"type": "integer"}), Query("limit", {"type": "integer"})),
                errors=gone,
            ),
            Route("DELETE", one, self.end_session, "End it", models.Ended, errors=gone),
            Route(
                "DELETE",
                f"{BASE}/sessions",
                self.end_named_session,
                "End the session that query or body names",
                models.Ended,
                takes=models.EndRequest,
                query=(Query("session_id", {"type": "string", "format": "uuid"}),),
                errors=gone,
            ),
            Route(
                "POST",
                f"{one}/say",
                self.say,
                "Have the agent speak",
                models.Saying,
                202,
                models.SayRequest,
                headers=(KEY,),
                errors=(*gone, 409),
            ),
            Route(
                "POST",
                f"{one}/interrupt",
                self.interrupt,
                "Stop the agent's turn",
                models.Interrupted,
                errors=(*gone, 409),
            ),
        )

    async def make_session(self, request: web.Request) -> web.Response:
        caller = self._user(request)
        asked = await read(request, models.SessionRequest)
        call = self._calls.open(
            Opening(
                owner=caller.owner,
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
        made = models.SessionAnswer(
            session_id=call.session_id,
            conversation_id=profile.conversation_id,
            mode=profile.mode,
            fallback_reason=profile.fallback_reason,
            persona=profile.brief.persona.name,
            voice=profile.brief.voice.name,
            realtime_url=f"{scheme}://{request.host}/v1/realtime?session_id={call.session_id}",
            client_secret=models.ClientSecret(value=secret.value, expires_at=secret.expires_at),
        )
        return answer(made, 201)

    async def show_offers(self, request: web.Request) -> web.Response:
        self._user(request)
        offers = [
            models.EngineOffer(
                mode=offer.mode,
                available=offer.available,
                reason=offer.reason,
                slots_free=self._calls.free if offer.available else 0,
                slots_total=self._calls.most if offer.available else 0,
                queue=0,
                latency_ms=None,
            )
            for offer in self._calls.parts.offers()
        ]
        return answer(models.Offers(engines=offers))

    async def list_sessions(self, request: web.Request) -> web.Response:
        self._reader(request)
        query = request.query
        wanted = SessionFilter(
            active=_boolean(query.get("active")),
            mode=_mode(query.get("mode")),
            persona=query.get("persona"),
            user_id=query.get("user_id"),
            conversation_id=query.get("conversation_id"),
            since=_moment(query.get("since"), "since"),
            until=_moment(query.get("until"), "until"),
        )
        limit = _whole(query.get("limit"), "limit", 1, 50)
        page = await self._queries.list_sessions(wanted, query.get("cursor"), limit)
        return web.json_response(page)

    async def show_session(self, request: web.Request) -> web.Response:
        self._reader(request)
        session_id = _session_id(request.match_info["session_id"])
        found = await self._queries.session(session_id)
        if found is None:
            raise SessionNotFound(f"there is no session {session_id}")
        return web.json_response(found)

    async def show_events(self, request: web.Request) -> web.Response:
        self._user(request)
        session_id = _session_id(request.match_info["session_id"])
        after = _whole(request.query.get("after"), "after", -1, -1)
        limit = _whole(request.query.get("limit"), "limit", 1, 1000)
        found = await self._queries.events(session_id, after, limit)
        if found is None:
            raise SessionNotFound(f"there is no session {session_id}")
        return web.json_response({"events": found})

    async def end_session(self, request: web.Request) -> web.Response:
        return await self._end(self._user(request), request.match_info["session_id"])

    async def end_named_session(self, request: web.Request) -> web.Response:
        caller = self._user(request)
        named = request.query.get("session_id")
        return await self._end(caller, named or str((await read(request, models.EndRequest)).session_id))

    async def _end(self, caller: Caller, named: str) -> web.Response:
        session_id = _session_id(named)
        if session_id not in self._calls:
            # Ended twice is ended.
            reason = (await self._past(session_id))["end_reason"]
            return answer(models.Ended(session_id=session_id, end_reason=reason))
        self._owned(caller, session_id)
        await self._calls.end(session_id, "hung_up")
        self._access.forget(session_id)
        return answer(models.Ended(session_id=session_id, end_reason="hung_up"))

    async def say(self, request: web.Request) -> web.Response:
        caller = self._access.sayer(bearer(request), request.match_info["session_id"])
        call = await self._live(request, caller)
        asked = await read(request, models.SayRequest)
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > MOST_KEY:
            raise Invalid(f"`Idempotency-Key`: expected at most {MOST_KEY} characters")
        injection_id = call.say(asked.text, asked.priority, asked.expires_in_s, asked.interrupt, key or None)
        return answer(models.Saying(injection_id=injection_id), 202)

    async def interrupt(self, request: web.Request) -> web.Response:
        call = await self._live(request, self._user(request))
        speaking = call.session.agent.turn is not None
        if speaking:
            call.feed(on.CancelAsked(call.now(), "interrupted"))
        return answer(models.Interrupted(interrupted=speaking))

    async def _live(self, request: web.Request, caller: Caller) -> Call:
        """The path's session, which is under way and the caller's.

        Raises:
            SessionNotFound, SessionEnded, Forbidden
        """
        session_id = _session_id(request.match_info["session_id"])
        if session_id not in self._calls:
            await self._past(session_id)
            raise SessionEnded(f"session {session_id} has ended")
        return self._calls.get(session_id) if caller.is_service else self._owned(caller, session_id)

    async def _past(self, session_id: UUID) -> dict[str, Any]:
        """The row of a session that is not under way here (any more).

        Raises:
            SessionNotFound: there was none, or another gateway has it.
        """
        known = await self._queries.session(session_id)
        # One of ours may have ended before its end was written down.
        if known is None or (known["is_active"] and known["node"] != self._calls.node):
            raise SessionNotFound(f"no session {session_id} is under way here")
        return known

    def _owned(self, caller: Caller, session_id: UUID) -> Call:
        call = self._calls.get(session_id)
        if call.profile.owner != caller.owner:
            raise Forbidden("this session belongs to another key")
        return call

    def _user(self, request: web.Request) -> Caller:
        return self._access.user(bearer(request))

    def _reader(self, request: web.Request) -> Caller:
        return self._access.reader(bearer(request))


def _session_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is no session id") from error


def _timezone(metadata: dict[str, Any]) -> str | None:
    name = metadata.get("timezone")
    if name is None:
        return None
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        raise Invalid(f"`metadata.timezone`: {name!r} is no IANA time zone") from error


def _mode(text: str | None) -> Mode | None:
    for mode in get_args(Mode):
        if text == mode:
            found: Mode = mode
            return found
    if text is not None:
        raise Invalid(f"`mode` must be one of {', '.join(get_args(Mode))}")
    return None


def _boolean(text: str | None) -> bool | None:
    if text is None:
        return None
    if text not in ("true", "false", "1", "0"):
        raise Invalid("`active` must be true or false")
    return text in ("true", "1")


def _moment(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        # A plus in a query is a space to a lenient client.
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise Invalid(f"`{name}` must be a time like 2026-01-31T12:00:00Z") from error
    if moment.tzinfo is None:
        raise Invalid(f"`{name}` needs a time zone, like 2026-01-31T12:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise Invalid(f"`{name}` lies outside the calendar") from error


def _whole(text: str | None, name: str, least: int, default: int) -> int:
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError as error:
        raise Invalid(f"`{name}` must be a whole number") from error
    if value < least:
        raise Invalid(f"`{name}` must be at least {least}")
    return min(value, 2**31 - 1)
