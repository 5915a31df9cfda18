"""`GET /v1/realtime`, upgraded: lets a client in, attaches it to its session, and moves frames both ways."""

import asyncio
import logging
from uuid import UUID

from aiohttp import WSCloseCode, WSMsgType, web

from gateway.access import Access, Caller
from gateway.calls import Calls, Opening, SessionNotFound
from gateway.wires.realtime.client import Attachment, RealtimeClient
from gateway.wires.realtime.errors import WireError
from gateway.wires.realtime.journal import ClientTooSlow, Line
from services.base.problems import Invalid
from services.base.serve import bearer

log = logging.getLogger(__name__)

SUBPROTOCOL = "realtime"
KEY_PREFIX = "openai-insecure-api-key."
MESSAGE_LIMIT = 20 * 2**20
PING_S = 15.0
FIRST_S = 60.0
"""What a client that opened its own session here has to come: it is already there."""


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
        self._access.check_browser(request.host, request.headers.get("Origin"))
        caller = self._access.caller(token(request))
        client = self._client(request, caller)
        after = number(request, "after")
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,), heartbeat=PING_S, max_msg_size=MESSAGE_LIMIT, compress=False
        )
        await socket.prepare(request)
        attachment = client.attach(request.query.get("antiphon") == "1", after)
        try:
            await self._live(socket, client, attachment)
        finally:
            if not attachment.replaced.is_set():
                client.detach(socket.close_code in (WSCloseCode.OK, WSCloseCode.GOING_AWAY))
        return socket

    def _client(self, request: web.Request, caller: Caller) -> RealtimeClient:
        """The session that is asked for, or a new one of the caller's.

        Raises:
            NotFound, Forbidden, Invalid, Busy
        """
        model = request.query.get("model", "antiphon")
        asked = request.query.get("session_id") or (caller.secret.session_id if caller.secret else None)
        if asked:
            session_id = parse_id(str(asked))
            client = self._clients.get(session_id)
            if client is None or session_id not in self._calls:
                raise SessionNotFound("this session is over, or never was")
            self._access.may_attach(caller, session_id, client.call.profile.owner)
            return client
        personas = {persona.name for persona in self._calls.parts.catalogue.personas}
        opening = Opening(
            owner=caller.owner,
            # A model that is a persona's name means that persona; any other means the default.
            persona=model if model in personas else None,
            client=request.headers.get("User-Agent"),
        )
        client = self.expect(self._calls.open(opening).session_id, model, FIRST_S)
        if caller.secret is not None:
            client.begin_with(caller.secret.begins_with)
        return client

    async def _live(
        self, socket: web.WebSocketResponse, client: RealtimeClient, attachment: Attachment
    ) -> None:
        """Move frames until either side is done."""
        reading = asyncio.create_task(self._read(socket, client), name="realtime read")
        writing = asyncio.create_task(self._write(socket, attachment.line), name="realtime write")
        over = asyncio.create_task(client.over.wait(), name="realtime over")
        replaced = asyncio.create_task(attachment.replaced.wait(), name="realtime replaced")
        tasks = {reading, writing, over, replaced}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if replaced.done():
                await self._goodbye(socket, "session_replaced", "a newer connection took this session")
            elif over.done():
                writing.cancel()
                await asyncio.wait({writing})
                for text in attachment.line.rest():
                    await socket.send_str(text)
                await socket.close(code=WSCloseCode.OK, message=(client.call.end_reason or "ended").encode())
            elif writing.done() and isinstance(writing.exception(), ClientTooSlow):
                await self._goodbye(socket, ClientTooSlow.code, "the client does not read")
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

    async def _write(self, socket: web.WebSocketResponse, line: Line) -> None:
        while True:
            await socket.send_str(await line.next())

    async def _goodbye(self, socket: web.WebSocketResponse, code: str, why: str) -> None:
        await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=f"{code}: {why}".encode())


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
    if not text.isdigit():
        raise Invalid(f"`{name}` must be a number, the end of the last event_id")
    return int(text)
