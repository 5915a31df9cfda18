"""REST for what is written down of the sessions. The JSON is Postgres' own: a large page costs the calls nothing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Annotated, TypeVar
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field, StringConstraints

from gateway.calls import SessionNotFound
from gateway.ports import Mode
from gateway.rest.door import GONE, Door, in_path
from gateway.rest.paths import BASE, ONE
from gateway.rest.routes import WHOLE, Body, Flag, Moment, Route, read_query
from gateway.rest.rows import (
    BargeIn,
    EngineChange,
    Event,
    Injection,
    Latency,
    SessionRow,
    ToolInvocation,
    Turn,
)
from gateway.store.queries import EVENTS, LONGEST_PAGE, MOST_EVENTS, PAGE, SessionFilter
from gateway.store.tables import InvocationStatus
from services.base.problems import NotFound

T = TypeVar("T")

Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class SessionQuery(Body):
    """Which sessions are wanted."""

    active: Flag | None = Field(None, description="Under way, or over")
    attached: Flag | None = Field(None, description="A client is there now, at this gateway; or none is")
    mode: Mode | None = Field(None, description="Engine, as chosen at the start")
    persona: str | None = Field(None, description="Name of the persona")
    voice: str | None = Field(None, description="Name of the voice")
    user_id: str | None = Field(None, description="The caller")
    conversation_id: str | None = Field(None, description="The conversation")
    client: str | None = Field(None, description="What the caller uses, as it named itself")
    end_reason: str | None = Field(None, description="Why it ended", examples=["hung_up"])
    tool_status: InvocationStatus | None = Field(None, description="A tool call in it stands there")
    said: Phrase | None = Field(None, description="Words of a turn of either side, in any case of letters")
    since: Moment | None = Field(None, description="Started then or later", examples=["2026-01-31T12:00:00Z"])
    until: Moment | None = Field(None, description="Started before", examples=["2026-02-01T00:00:00Z"])
    cursor: str | None = Field(None, description="`next` of the page before")
    limit: Annotated[int, Field(ge=1, le=LONGEST_PAGE), WHOLE] = Field(PAGE, description="Sessions on a page")

    def filter(self, attached: tuple[UUID, ...]) -> SessionFilter:
        """As the store takes it, which does not know where clients are."""
        rest = self.model_dump(exclude={"attached", "cursor", "limit"})
        return SessionFilter(
            **rest,
            among=attached if self.attached is True else None,
            besides=attached if self.attached is False else None,
        )


class Counts(BaseModel):
    """How much there was of what."""

    turns: int
    tool_invocations: int
    tool_failures: int = Field(description="Those with status `error` or `unknown`")
    barge_ins: int = Field(description="Those of kind `barge_in`")


class Percentiles(BaseModel):
    """Milliseconds; null where nothing was measured."""

    p50: float | None
    p95: float | None


class SessionSummary(SessionRow):
    """One call, and what there was in it."""

    duration_ms: float = Field(description="Milliseconds from `started_at` to `ended_at`, or until now")
    counts: Counts
    tools: dict[InvocationStatus, int] = Field(
        description="Tool calls by status, for each status that came up",
        examples=[{"success": 2, "error": 1}],
    )
    turn_latency_ms: Percentiles = Field(description="Of the span `turn`")


class SessionPage(BaseModel):
    """A page of sessions, active first, of either kind the latest first."""

    sessions: list[SessionSummary]
    next: str | None = Field(description="The `cursor` of the page behind; null at the end")


class Session(SessionSummary):
    """One session, whole."""

    turns: list[Turn]
    tool_invocations: list[ToolInvocation]
    barge_ins: list[BargeIn]
    injections: list[Injection]
    latencies: list[Latency]
    engine_changes: list[EngineChange]


class EventQuery(Body):
    """Which part of the log is wanted."""

    after: Annotated[int, Field(ge=0, lt=10**18), WHOLE] = Field(
        0, description="`seq` of the last event that is known"
    )
    limit: Annotated[int, Field(ge=1, le=MOST_EVENTS), WHOLE] = Field(EVENTS, description="Events on a page")


class EventPage(BaseModel):
    """A page of a session's event log, in order."""

    events: list[Event]
    next: int | None = Field(
        description="`after` of the page behind; null where the log ends now (a call under way writes on)"
    )


class InjectionNotFound(NotFound):
    """The session has no such text to be said."""

    code = "injection_not_found"


class Sessions:
    """The handlers."""

    def __init__(self, door: Door) -> None:
        self._door, self._queries = door, door.queries

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                "GET",
                f"{BASE}/sessions",
                self.list_sessions,
                "Sessions, active first",
                SessionPage,
                query=SessionQuery,
                errors=(400, 401, 403, 503),
            ),
            Route("GET", ONE, self.show_session, "One session, whole", Session, errors=GONE),
            Route(
                "GET",
                f"{ONE}/events",
                self.show_events,
                "Its event log",
                EventPage,
                query=EventQuery,
                errors=GONE,
            ),
            Route(
                "GET",
                f"{ONE}/injections/{{injection_id}}",
                self.show_injection,
                "Where a text to be said has got to",
                Injection,
                errors=GONE,
            ),
        )

    async def list_sessions(self, request: web.Request) -> web.Response:
        """A page begins where the one before ended, whatever comes and goes meanwhile. A session that ends between two
        pages may be shown again, as ended."""
        caller = self._door.reader(request)
        query = read_query(request, SessionQuery)
        attached = tuple(call.session_id for call in self._door.calls.live() if call.has_client)
        wanted = replace(query.filter(attached), owner=None if caller.operator else caller.owner)
        return _json(await self._queries.list_sessions(wanted, query.cursor, query.limit))

    async def show_session(self, request: web.Request) -> web.Response:
        """Its turns, tool calls, barge-ins, injections, latencies and engines. Rows are written behind the sound: those
        of a call under way may lag by a moment."""
        session_id = await self._door.readable(request)
        found = await self._found(lambda: self._queries.session(session_id))
        if found is None:
            raise SessionNotFound(f"there is no session {session_id}")
        return _json(found)

    async def show_events(self, request: web.Request) -> web.Response:
        """All that happened, in order; a session can be rebuilt from it alone. To follow a call under way, ask again
        with the last `seq` as `after`."""
        session_id = await self._door.readable(request)
        query = read_query(request, EventQuery)
        found = await self._found(lambda: self._queries.events(session_id, query.after, query.limit))
        if found is None:
            raise SessionNotFound(f"there is no session {session_id}")
        return _json(found)

    async def show_injection(self, request: web.Request) -> web.Response:
        """What was asked for by `POST …/say`, and every other text that the agent was to say."""
        session_id, injection_id = await self._door.readable(request), in_path(request, "injection_id")
        found = await self._found(lambda: self._queries.injection(session_id, injection_id))
        if found is None:
            raise InjectionNotFound(f"session {session_id} has no injection {injection_id}")
        return _json(found)

    async def _found(self, read: Callable[[], Awaitable[T | None]]) -> T | None:
        found = await read()
        if found is None:
            await self._door.catch_up()
            found = await read()
        return found


def _json(text: str) -> web.Response:
    return web.Response(content_type="application/json", text=text)
