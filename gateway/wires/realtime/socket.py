"""`GET /v1/realtime`, upgraded: lets a client in, attaches it to its session, and moves frames both ways."""

import asyncio
import logging
import time
from dataclasses import dataclass
from socket import SO_SNDBUF, SOL_SOCKET
from uuid import UUID

from aiohttp import WSCloseCode, WSMsgType, web

from gateway.access import Access, Caller
from gateway.call import GATEWAY_STOPPED
from gateway.calls import Calls, Opening, SessionNotFound
from gateway.entrance import VISITOR, token
from gateway.limits import Flow, Meter, Rate, RateLimited
from gateway.wires.realtime.client import Attachment, RealtimeClient
from gateway.wires.realtime.errors import WireError
from gateway.wires.realtime.journal import ClientTooSlow
from services.base.problems import Invalid, Problem

log = logging.getLogger(__name__)

SUBPROTOCOL = "realtime"
VERSION = "13"
"""RFC 6455, 4.1."""
MESSAGE_LIMIT = 20 * 2**20
PING_S = 15.0
FIRST_S = 20.0
"""What a client that opened its own session here has to come: it is already there."""

SEND_BUFFER = 32 * 1024
"""Bytes, in the kernel, the transport and aiohttp each: what lies there cannot be dropped when the reader is late,
and a second of sound has 64 kB. At 200 ms of round trip it still carries 160 kB a second."""

TOO_MUCH = "rate_limit_exceeded"
"""OpenAI's name for it."""

GOODBYE_S = 2.0
"""What a client gets to take the last events and the close."""

ATTACHES = Rate(per_second=0.5, burst=30)
"""Of one session: each may replay megabytes of events, and a network that is that bad carries no call."""


class UpgradeNeeded(Problem):
    """A plain request where a WebSocket is spoken."""

    code, status, title = "upgrade_required", 426, "This address wants a WebSocket upgrade"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a client may send, and how long it may be silent; 0 takes a limit away."""

    bytes_per_second: float = 1_000_000
    """Twelve times what a microphone gives."""
    events_per_second: float = 50
    """That are not sound."""
    idle_s: float = 3600
    """Without any message, sound included, a call is over."""


class RealtimeWire:
    """All clients of this wire on this gateway, by session."""

    def __init__(self, calls: Calls, access: Access, terms: Terms | None = None) -> None:
        self._calls, self._access, self._terms = calls, access, terms or Terms()
        self._clients: dict[UUID, RealtimeClient] = {}
        self._attaches = Meter(ATTACHES)

    def expect(self, session_id: UUID, model: str, within_s: float) -> RealtimeClient:
        """Make the wire's end of a call before its client comes, so that nothing is missed."""
        flow = Flow(self._terms.bytes_per_second, self._terms.events_per_second)
        client = RealtimeClient(self._calls.get(session_id), self._calls.parts, model, within_s, flow)
        for known in [known for known in self._clients if known not in self._calls]:
            del self._clients[known]
            self._access.forget(known)
        self._clients[session_id] = client
        return client

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The route."""
        caller = self._access.caller(token(request))
        after = number(request, "after")
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            heartbeat=PING_S,
            max_msg_size=MESSAGE_LIMIT,
            compress=False,
            writer_limit=SEND_BUFFER,
        )
        # aiohttp takes drafts of the protocol, too.
        if not socket.can_prepare(request) or request.headers.get("Sec-WebSocket-Version") != VERSION:
            raise UpgradeNeeded(f"by RFC 6455, version {VERSION}")
        client = self._known(request, caller)
        if client is None:
            await self._calls.parts.speech.look()
            # Nothing was told in a session that does not exist yet.
            client, after = self._new(request, caller), None
        await socket.prepare(request)
        keep_little(request)
        attachment = client.attach(request.query.get("antiphon") == "1", after)
        session_id = client.call.session_id
        log.info(
            "client came", extra={"session": session_id, "owner": caller.owner, "address": request.remote}
        )
        cut = False
        try:
            cut = await self._live(request, socket, client, attachment)
        finally:
            log.info("client went", extra={"session": session_id, "close_code": socket.close_code})
            if not attachment.replaced.is_set():
                # Many a client that is cut off says 1000 to that.
                client.detach(not cut and socket.close_code in (WSCloseCode.OK, WSCloseCode.GOING_AWAY))
        return socket

    def _known(self, request: web.Request, caller: Caller) -> RealtimeClient | None:
        """The session that is asked for by id or by its secret; None when none is.

        Raises:
            SessionNotFound, Forbidden, Invalid, RateLimited
        """
        asked = request.query.get("session_id") or (caller.secret.session_id if caller.secret else None)
        if not asked:
            return None
        session_id = parse_id(str(asked))
        client = self._clients.get(session_id)
        if client is None or session_id not in self._calls:
            raise SessionNotFound("this session is over, or never was")
        self._access.may_attach(caller, session_id, client.call.profile.owner)
        if wait := self._attaches.take(str(session_id), time.monotonic()):
            raise RateLimited("attaches", "this session's client came back too often", wait)
        return client

    def _new(self, request: web.Request, caller: Caller) -> RealtimeClient:
        """A session of the caller's, made from the defaults and what its secret says.

        Raises:
            Busy, RateLimited
        """
        begins_with = caller.secret.begins_with if caller.secret else {}
        model = request.query.get("model") or begins_with.get("model") or "antiphon"
        personas = {persona.name for persona in self._calls.parts.catalogue.personas}
        opening = Opening(
            owner=caller.owner,
            of_house=self._access.is_house(caller.owner),
            visitor=request[VISITOR],
            # A model that is a persona's name means that persona; any other means the default.
            persona=model if model in personas else None,
            client=request.headers.get("User-Agent"),
        )
        client = self.expect(self._calls.open(opening).session_id, model, FIRST_S)
        client.begin_with(begins_with)
        return client

    async def _live(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        client: RealtimeClient,
        attachment: Attachment,
    ) -> bool:
        """Move frames until either side is done; whether we cut the client off, which may come back."""
        line = attachment.line
        reading = asyncio.create_task(self._read(socket, client), name="realtime read")
        writing = asyncio.create_task(line.pour(socket.send_str), name="realtime write")
        over = asyncio.create_task(client.over.wait(), name="realtime over")
        replaced = asyncio.create_task(attachment.replaced.wait(), name="realtime replaced")
        tasks = {reading, writing, over, replaced}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if replaced.done():
                why = "session_replaced: a newer connection took this session"
                await _close(request, socket, reading, WSCloseCode.POLICY_VIOLATION, why)
            elif over.done():
                line.end()
                await asyncio.wait({writing}, timeout=GOODBYE_S)
                reason = client.call.end_reason or "ended"
                code = WSCloseCode.GOING_AWAY if reason == GATEWAY_STOPPED else WSCloseCode.OK
                if _has_ended(writing):
                    await _close(request, socket, reading, code, reason)
                else:
                    _cut(request)
            elif reading.done() and isinstance(reading.exception(), RateLimited):
                line.end()
                await asyncio.wait({writing}, timeout=GOODBYE_S)
                await _close(request, socket, reading, WSCloseCode.POLICY_VIOLATION, TOO_MUCH)
                return True
            elif writing.done() and isinstance(writing.exception(), ClientTooSlow):
                # Nothing can be said to it now; it hears of it when it comes back.
                client.teller.error(WireError(ClientTooSlow.code, "The connection was cut: nobody read."))
                _cut(request)
                return True
            return False
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for task in tasks:
                if not task.cancelled() and (error := task.exception()):
                    log.info("socket ended", extra={"task": task.get_name(), "error": type(error).__name__})

    async def _read(self, socket: web.WebSocketResponse, client: RealtimeClient) -> None:
        """Take what the client sends, until it closes, says nothing for too long, or too much.

        Raises:
            RateLimited
        """
        idle_s = self._terms.idle_s or None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(idle_s) as patience:
                async for message in socket:
                    if idle_s:
                        patience.reschedule(loop.time() + idle_s)
                    client.flow.message(len(message.data), loop.time())
                    if message.type is WSMsgType.TEXT:
                        client.hearer.hear(message.data)
                    elif message.type is WSMsgType.BINARY:
                        client.teller.error(WireError("invalid_json", "Only text frames are known here."))
        except TimeoutError:
            client.call.end("idle")
            # The client is told why before its socket is closed.
            await client.over.wait()
        except RateLimited as much:
            client.teller.error(WireError(TOO_MUCH, f"The connection is closed: {much.detail}."))
            raise


def _has_ended(task: asyncio.Task[None]) -> bool:
    """Whether it ran to its end."""
    return task.done() and not task.cancelled() and task.exception() is None


async def _close(
    request: web.Request, socket: web.WebSocketResponse, reading: asyncio.Task[None], code: int, reason: str
) -> None:
    """Close in order, if the client lets us."""
    # While somebody reads, aiohttp hangs up without the client's answer. What the client still sends is then answered
    # by a reset, behind which a browser may lose the close itself, and take a call that is over for a lost one.
    reading.cancel()
    await asyncio.wait({reading})
    try:
        async with asyncio.timeout(GOODBYE_S):
            await socket.close(code=code, message=reason.encode())
    except (TimeoutError, ConnectionError):
        _cut(request)


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def keep_little(request: web.Request) -> None:
    """Let little sound lie between here and the client (`SEND_BUFFER`)."""
    if request.transport is not None:
        request.transport.set_write_buffer_limits(high=SEND_BUFFER)
        request.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER)


def parse_id(text: str) -> UUID:
    """
    Raises:
        Invalid: not a UUID.
    """
    try:
        return UUID(text.removeprefix("sess_"))
    except ValueError as error:
        raise Invalid(f"{text!r} is no session id") from error


def number(request: web.Request, name: str) -> int | None:
    """A whole number out of the query.

    Raises:
        Invalid
    """
    text = request.query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Invalid(f"`{name}` must be a number, the end of the last event_id")
    return int(text)
