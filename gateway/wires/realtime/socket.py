"""`GET /v1/realtime`, upgraded: lets a client in, attaches it to its session, and moves frames both ways."""

import asyncio
import logging
from socket import SO_SNDBUF, SOL_SOCKET
from uuid import UUID

from aiohttp import WSCloseCode, WSMsgType, web

from gateway.access import Access, Caller
from gateway.call import GATEWAY_STOPPED
from gateway.calls import Calls, Opening, SessionNotFound
from gateway.wires.realtime.client import Attachment, RealtimeClient
from gateway.wires.realtime.errors import WireError
from gateway.wires.realtime.journal import ClientTooSlow
from services.base.problems import Invalid, Problem
from services.base.serve import bearer

log = logging.getLogger(__name__)

SUBPROTOCOL = "realtime"
KEY_PREFIX = "openai-insecure-api-key."
MESSAGE_LIMIT = 20 * 2**20
PING_S = 15.0
FIRST_S = 20.0
"""What a client that opened its own session here has to come: it is already there."""

SEND_BUFFER = 32 * 1024
"""Bytes, in the kernel, the transport and aiohttp each: what lies there cannot be dropped when the reader is late,
and a second of sound has 64 kB. At 200 ms of round trip it still carries 160 kB a second."""

GOODBYE_S = 2.0
"""What a client gets to take the last events and the close."""


class UpgradeNeeded(Problem):
    """A plain request where a WebSocket is spoken."""

    code, status, title = "upgrade_required", 426, "This address wants a WebSocket upgrade"


class RealtimeWire:
    """All clients of this wire on this gateway, by session."""

    def __init__(self, calls: Calls, access: Access) -> None:
        self._calls, self._access = calls, access
        self._clients: dict[UUID, RealtimeClient] = {}

    def expect(self, session_id: UUID, model: str, within_s: float) -> RealtimeClient:
        """Make the wire's end of a call before its client comes, so that nothing is missed."""
        client = RealtimeClient(self._calls.get(session_id), self._calls.parts, model, within_s)
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
        if not socket.can_prepare(request):
            raise UpgradeNeeded
        client = self._known(request, caller)
        if client is None:
            # Nothing was told in a session that does not exist yet.
            client, after = self._new(request, caller), None
        await socket.prepare(request)
        keep_little(request)
        attachment = client.attach(request.query.get("antiphon") == "1", after)
        try:
            await self._live(request, socket, client, attachment)
        finally:
            if not attachment.replaced.is_set():
                client.detach(socket.close_code in (WSCloseCode.OK, WSCloseCode.GOING_AWAY))
        return socket

    def _known(self, request: web.Request, caller: Caller) -> RealtimeClient | None:
        """The session that is asked for by id or by its secret; None when none is.

        Raises:
            SessionNotFound, Forbidden, Invalid
        """
        asked = request.query.get("session_id") or (caller.secret.session_id if caller.secret else None)
        if not asked:
            return None
        session_id = parse_id(str(asked))
        client = self._clients.get(session_id)
        if client is None or session_id not in self._calls:
            raise SessionNotFound("this session is over, or never was")
        self._access.may_attach(caller, session_id, client.call.profile.owner)
        return client

    def _new(self, request: web.Request, caller: Caller) -> RealtimeClient:
        """A session of the caller's, made from the defaults and what its secret says.

        Raises:
            Busy
        """
        begins_with = caller.secret.begins_with if caller.secret else {}
        model = request.query.get("model") or begins_with.get("model") or "antiphon"
        personas = {persona.name for persona in self._calls.parts.catalogue.personas}
        opening = Opening(
            owner=caller.owner,
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
    ) -> None:
        """Move frames until either side is done."""
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
                await _close(request, socket, WSCloseCode.POLICY_VIOLATION, why)
            elif over.done():
                line.end()
                await asyncio.wait({writing}, timeout=GOODBYE_S)
                reason = client.call.end_reason or "ended"
                code = WSCloseCode.GOING_AWAY if reason == GATEWAY_STOPPED else WSCloseCode.OK
                if _has_ended(writing):
                    await _close(request, socket, code, reason)
                else:
                    _cut(request)
            elif writing.done() and isinstance(writing.exception(), ClientTooSlow):
                # Nothing can be said to it now; it hears of it when it comes back.
                client.teller.error(WireError(ClientTooSlow.code, "The connection was cut: nobody read."))
                _cut(request)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for task in tasks:
                if not task.cancelled() and (error := task.exception()):
                    log.info("socket ended", extra={"task": task.get_name(), "error": repr(error)})

    async def _read(self, socket: web.WebSocketResponse, client: RealtimeClient) -> None:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                client.hearer.hear(message.data)
            elif message.type is WSMsgType.BINARY:
                client.teller.error(WireError("invalid_json", "Only text frames are known here."))


def _has_ended(task: asyncio.Task[None]) -> bool:
    """Whether it ran to its end."""
    return task.done() and not task.cancelled() and task.exception() is None


async def _close(request: web.Request, socket: web.WebSocketResponse, code: int, reason: str) -> None:
    """Close in order, if the client lets us."""
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


def token(request: web.Request) -> str:
    """The credential a client shows: a bearer token, or (browsers) the subprotocol that carries one."""
    if shown := bearer(request):
        return shown
    offered = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
    for protocol in offered:
        if protocol.strip().startswith(KEY_PREFIX):
            return protocol.strip().removeprefix(KEY_PREFIX)
    return ""


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
