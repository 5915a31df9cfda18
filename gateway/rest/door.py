"""Who asks, and for which session: what every route about sessions begins with."""

from uuid import UUID

from aiohttp import web

from gateway.access import Access, Caller
from gateway.call import Call, SessionEnded
from gateway.calls import Calls, SessionNotFound
from gateway.store.outbox import Outbox
from gateway.store.queries import Fate, Queries
from services.base.problems import Forbidden, Invalid
from services.base.serve import bearer

GONE = (400, 401, 403, 404, 503)
"""What asking for one session may be answered with."""

CATCH_UP_S = 1.0


class Door:
    """Lets callers through to the sessions that they may act on."""

    def __init__(self, calls: Calls, queries: Queries, outbox: Outbox, access: Access) -> None:
        self.calls, self.queries, self.access = calls, queries, access
        self._outbox = outbox

    def user(self, request: web.Request) -> Caller:
        """Who asks.

        Raises:
            Unauthorized, Forbidden
        """
        return self.access.user(bearer(request))

    def reader(self, request: web.Request) -> Caller:
        """Who asks, where services may ask too.

        Raises:
            Unauthorized, Forbidden
        """
        return self.access.reader(bearer(request))

    def sayer(self, request: web.Request) -> Caller:
        """Who asks to have something said in the path's session.

        Raises:
            Unauthorized, Forbidden
        """
        return self.access.sayer(bearer(request), request.match_info["session_id"])

    async def live(self, request: web.Request, caller: Caller) -> Call:
        """The path's session, which is under way and the caller's; any, where a service asks.

        Raises:
            SessionNotFound, SessionEnded, Forbidden, Invalid
        """
        session_id = in_path(request, "session_id")
        if session_id not in self.calls:
            await self.past(caller, session_id)
            raise SessionEnded(f"session {session_id} has ended")
        return self.owned(caller, session_id)

    async def readable(self, request: web.Request) -> UUID:
        """The path's session, under way or over, which is the caller's.

        Raises:
            SessionNotFound, Forbidden, Invalid
        """
        caller, session_id = self.reader(request), in_path(request, "session_id")
        if session_id in self.calls:
            self.owned(caller, session_id)
        elif not caller.operator:
            fate = await self._fate(session_id)
            if fate is None:
                raise SessionNotFound(f"there is no session {session_id}")
            _check(caller, fate.owner)
        return session_id

    def owned(self, caller: Caller, session_id: UUID) -> Call:
        """The call under way, which is the caller's.

        Raises:
            SessionNotFound, Forbidden
        """
        call = self.calls.get(session_id)
        _check(caller, call.profile.owner)
        return call

    async def past(self, caller: Caller, session_id: UUID) -> Fate:
        """What became of a session of the caller's that is not under way here (any more).

        Raises:
            SessionNotFound: there was none, or another gateway has it.
            Forbidden
        """
        fate = await self._fate(session_id)
        # One of ours may have ended before its end was written down.
        if fate is None or (fate.is_active and fate.node != self.calls.node):
            raise SessionNotFound(f"no session {session_id} is under way here")
        _check(caller, fate.owner)
        return fate

    async def catch_up(self) -> None:
        """Rows are written behind the sound: wait a moment for those that are on their way."""
        await self._outbox.flush(CATCH_UP_S)

    async def _fate(self, session_id: UUID) -> Fate | None:
        fate = await self.queries.fate(session_id)
        if fate is None:
            await self.catch_up()
            fate = await self.queries.fate(session_id)
        return fate


def _check(caller: Caller, owner: str | None) -> None:
    if not caller.may_use(owner):
        raise Forbidden("this session belongs to another key")


def in_path(request: web.Request, name: str) -> UUID:
    """An id out of the path.

    Raises:
        Invalid
    """
    text = request.match_info[name]
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is no {name.replace('_', ' ')}") from error
