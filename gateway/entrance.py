"""What every request passes before its handler: whence it comes, whose page sent it, and whether it is too much."""

import logging
import time
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import Counter

from gateway.access import LOCAL, Access
from gateway.forwarded import Proxies
from gateway.limits import Limits, Meter, Rate, RateLimited, Visitor, network
from services.base.problems import Forbidden, Problem, Unauthorized
from services.base.serve import OPEN_PATHS, bearer, credential

log = logging.getLogger(__name__)

KEY_PREFIX = "openai-insecure-api-key."

TELL = Rate(per_second=0.1, burst=5)
"""Log lines of one kind about one address: who knocks all day must not fill the disk."""

REFUSED = Counter("antiphon_refused", "Requests that were not let in, by the problem's code", ["code"])

VISITOR = web.RequestKey("visitor", Visitor)
"""Who sends the request, as limits count them."""


def token(request: web.Request) -> str:
    """The credential a client shows: a bearer token, or (browsers' sockets) the subprotocol that carries one."""
    if shown := bearer(request):
        return shown
    offered = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
    for protocol in offered:
        if protocol.strip().startswith(KEY_PREFIX):
            return credential(protocol.strip().removeprefix(KEY_PREFIX))
    return ""


class Entrance:
    """The entrance of one gateway."""

    def __init__(
        self, access: Access, limits: Limits, proxies: Proxies, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._access, self._limits, self._proxies, self._now = access, limits, proxies, now
        self._told = Meter(TELL)

    def middleware(self) -> Middleware:
        """The entrance as aiohttp takes it; it stands inside `problems`."""

        @web.middleware
        async def enter(request: web.Request, handler: Handler) -> web.StreamResponse:
            request = self._seen(request)
            try:
                return await self._let_in(request, handler)
            except (Unauthorized, Forbidden, RateLimited) as refusal:
                self._tell(request, refusal)
                raise

        return enter

    async def _let_in(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._access.check_browser(request.host, request.headers.get("Origin"))
        # A prober that is told "too much" takes the gateway for dead.
        if request.path in OPEN_PATHS:
            return await handler(request)
        shown = token(request)
        # Nobody is at the other end any more where there is no address.
        who = Visitor(network(request.remote) if request.remote else None)
        if shown:
            self._limits.attempt(who, self._now())
        who = request[VISITOR] = self._visitor(who, shown)
        self._limits.request(who, self._now())
        with self._limits.connected(who):
            try:
                return await handler(request)
            except Unauthorized:
                if shown:
                    self._limits.failed(who, self._now())
                raise

    def _visitor(self, who: Visitor, shown: str) -> Visitor:
        """Counted by key, too, where there is one; the deployment's own services are not counted."""
        caller = self._access.known(shown)
        if caller is None or caller.owner == LOCAL:
            return who
        return Visitor() if caller.is_service else Visitor(who.address, caller.owner)

    def _seen(self, request: web.Request) -> web.Request:
        """The request as the first trusted proxy saw it."""
        peer, headers = request.remote, request.headers
        if not peer or not self._proxies.networks:
            return request
        address = self._proxies.origin(peer, headers.getall("X-Forwarded-For", []))
        scheme = self._proxies.scheme(peer, headers.getall("X-Forwarded-Proto", []))
        return request.clone(remote=address, scheme=scheme or request.scheme)

    def _tell(self, request: web.Request, refusal: Problem) -> None:
        """Count it and log it: where, whence and why, and nothing that was shown."""
        REFUSED.labels(refusal.code).inc()
        address = request.remote or "unknown"
        if self._told.take(f"{address} {refusal.code}", self._now()):
            return
        resource = request.match_info.route.resource
        log.warning(
            "refused",
            extra={
                "code": refusal.code,
                "why": refusal.detail,
                "route": resource.canonical if resource else "none",
                "address": address,
                "origin": ascii(request.headers.get("Origin", ""))[:100],
            },
        )
