"""REST for acting on a session: have the agent speak, stop it, hang up."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field, StringConstraints

from gateway.access import Caller
from gateway.rest.door import GONE, Door, in_path
from gateway.rest.paths import BASE, ONE, SAY
from gateway.rest.routes import INTEGER, Body, Route, answer, read, read_headers, read_query
from gateway.session import events as on
from services.base.problems import Invalid


class SayRequest(Body):
    """Have the agent speak at the next free moment."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)] = Field(
        examples=["The build is done."]
    )
    priority: Annotated[int, Field(ge=-10, le=10), INTEGER] = Field(
        0, description="The higher goes first; equals in the order they came"
    )
    expires_in_s: float | None = Field(
        None,
        gt=0,
        le=3600,
        description="Dropped when it has not begun by then; null: never",
        examples=[120],
    )
    interrupt: bool = Field(False, description="Cuts what the agent is saying")


class SayHeaders(BaseModel):
    """What goes with it."""

    key: str | None = Field(
        None,
        alias="Idempotency-Key",
        max_length=200,
        description="The same again in the same session is the same text: it is said once, and its id answered again",
    )


class Saying(BaseModel):
    """It waits for its moment."""

    injection_id: UUID = Field(description="`GET …/injections/{injection_id}` tells where it has got to")


class Interrupted(BaseModel):
    """Whether the agent was speaking, and so was stopped."""

    interrupted: bool


class Named(Body):
    """Which session to end: in the query or in the body."""

    session_id: UUID | None = Field(None, description="The session to end")


class Ended(BaseModel):
    """A session is over."""

    session_id: UUID
    end_reason: str | None = Field(
        description="Null where it ended just now, by somebody else, and that is not written down yet"
    )


class Control:
    """The handlers."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                "POST",
                SAY,
                self.say,
                "Have the agent speak",
                Saying,
                202,
                takes=SayRequest,
                headers=SayHeaders,
                errors=(*GONE, 409),
            ),
            Route(
                "POST",
                f"{ONE}/interrupt",
                self.interrupt,
                "Stop the agent's turn",
                Interrupted,
                errors=(*GONE, 409),
            ),
            Route("DELETE", ONE, self.end_session, "End a session", Ended, errors=GONE),
            Route(
                "DELETE",
                f"{BASE}/sessions",
                self.end_named_session,
                "End the session that query or body names",
                Ended,
                takes=Named,
                query=Named,
                errors=GONE,
            ),
        )

    async def say(self, request: web.Request) -> web.Response:
        """How agents, timers and flows speak up. It is said at the next free moment; where no client is there, to the
        next one."""
        caller = self._door.sayer(request)
        asked = await read(request, SayRequest)
        key = read_headers(request, SayHeaders).key or None
        # Behind the body, for which up to 30 s are given: the session may end meanwhile.
        call = await self._door.live(request, caller)
        injection_id = call.say(asked.text, asked.priority, asked.expires_in_s, asked.interrupt, key)
        return answer(Saying(injection_id=injection_id), 202)

    async def interrupt(self, request: web.Request) -> web.Response:
        """As if the user had cut in: what was not heard yet is dropped."""
        call = await self._door.live(request, self._door.user(request))
        speaking = call.session.agent.turn is not None
        if speaking:
            call.feed(on.CancelAsked(call.now(), "interrupted"))
        return answer(Interrupted(interrupted=speaking))

    async def end_session(self, request: web.Request) -> web.Response:
        """Hang up. Ended twice is ended: 200."""
        return await self._end(self._door.user(request), in_path(request, "session_id"))

    async def end_named_session(self, request: web.Request) -> web.Response:
        """Hang up. Ended twice is ended: 200."""
        caller = self._door.user(request)
        named = {
            each.session_id
            for each in (read_query(request, Named), await read(request, Named))
            if each.session_id is not None
        }
        if len(named) != 1:
            raise Invalid("`session_id` must be in the query or in the body, and name one session")
        return await self._end(caller, named.pop())

    async def _end(self, caller: Caller, session_id: UUID) -> web.Response:
        door = self._door
        if session_id not in door.calls:
            fate = await door.past(caller, session_id)
            return answer(Ended(session_id=session_id, end_reason=fate.end_reason))
        door.owned(caller, session_id)
        await door.calls.end(session_id, "hung_up")
        door.access.forget(session_id)
        # Who looks next must see it ended.
        await door.catch_up()
        return answer(Ended(session_id=session_id, end_reason="hung_up"))
