"""Serve an aiohttp application as one process: bind, say so, stop in order on a signal."""

import asyncio
import gc
import hmac
import ipaddress
import logging
import signal
import ssl
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aiohttp import web

from services.base.logs import set_up_logs, tell_of_stray
from services.base.problems import Handler, Problem, Unauthorized, problems

log = logging.getLogger(__name__)

MAX_BODY = 25 * 2**20
OPEN_PATHS = frozenset({"/health", "/ready", "/metrics"})
KEEP_ALIVE_S = 75.0
"""What a connection gets for the head of its first request, or of its next. Proxies keep theirs for 60 s."""

MAX_LINE = web.AppKey("max_line", int)
"""Bytes of a request's first line that an application takes; aiohttp's 8,190 where it says nothing."""

DRAIN: web.AppKey[Callable[[], Awaitable[None]]] = web.AppKey("drain")
"""Of an application whose clients may finish before it stops: returns once they have, or it has waited enough."""

STOP_S = 5.0
"""What open requests get to finish after a signal."""


class PortTaken(Problem):
    """Another program listens where this service wants to."""

    code, title = "port_taken", "The port is taken"


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address) is this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_door(host: str, key: str) -> None:
    """
    Raises:
        OpenDoor: others can reach `host`, and there is no key.
    """
    if not key and not is_loopback(host):
        raise OpenDoor(f"set ANTIPHON_INTERNAL_KEY to listen on {host}, or listen on 127.0.0.1")


def bearer(request: web.Request) -> str:
    """The token of `Authorization: Bearer …`, or an empty string."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return credential(token) if scheme.lower() == "bearer" else ""


def credential(shown: str) -> str:
    """What a header shows, as text that can be encoded again.

    aiohttp hands on bytes that are no UTF-8 as lone surrogates, at which `encode` raises. Spelled out they are a wrong
    credential like any other, which is counted and answered with 401.
    """
    return shown.strip().encode(errors="backslashreplace").decode()


def internal_key(key: str) -> Callable[[web.Request, Handler], object]:
    """A middleware that lets only holders of `key` in; with no key, everyone (loopback binds)."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if (
            key
            and request.path not in OPEN_PATHS
            and not hmac.compare_digest(bearer(request).encode(), key.encode())
        ):
            raise Unauthorized("this service asks for ANTIPHON_INTERNAL_KEY as a bearer token")
        return await handler(request)

    return check


def new_app(key: str = "") -> web.Application:
    """An application with problem details for every error and, where set, the internal key asked for."""
    return web.Application(middlewares=[problems, internal_key(key)], client_max_size=MAX_BODY)  # type: ignore[list-item]


def new_runner(app: web.Application) -> web.AppRunner:
    """What serves `app`. It logs no requests, whose addresses may tell things."""
    return web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=STOP_S,
        keepalive_timeout=KEEP_ALIVE_S,
        max_line_size=app.get(MAX_LINE, 8_190),
    )


async def serve(
    app: web.Application,
    host: str,
    port: int,
    stop: asyncio.Event | None = None,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve `app` until SIGTERM, SIGINT or `stop`.

    Args:
        tls: serves https and wss; None serves http and ws.

    Raises:
        PortTaken: when something else listens there.
    """
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(tell_of_stray)
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    runner = new_runner(app)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port, ssl_context=tls, reuse_address=True).start()
        except OSError as error:
            raise PortTaken(f"{host}:{port}: {error.strerror}") from error
        # What was made so far stays; the collector, which stops everything, need not look at it again and again.
        gc.collect()
        gc.freeze()
        log.info("listening", extra={"host": host, "port": runner.addresses[0][1]})
        await stop.wait()
        await wind_up(runner)
    finally:
        await runner.cleanup()


async def wind_up(runner: web.AppRunner) -> None:
    """Let nobody in any more, and those who are served finish."""
    for site in list(runner.sites):
        await site.stop()
    if drain := runner.app.get(DRAIN):
        # Here and not in `on_shutdown`, at which aiohttp has stopped reading what clients send.
        await drain()


class OpenDoor(Problem):
    """Others could reach this service, and no key would be asked for."""

    code, title = "open_door", "A service does not listen beyond this machine without the internal key"


def run(part: str, make: Callable[[], web.Application], host: str, port: int, key: str) -> None:
    """Run one service in the foreground; the exit status is 1 with a sentence when it cannot start.

    Args:
        key: the internal key, which it asks for; empty on loopback alone.
    """

    async def main() -> None:
        check_door(host, key)
        await serve(make(), host, port)

    run_main(part, main)


def run_main(part: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `main` in the foreground; the exit status is 1 with a sentence when it ends in a `Problem`."""
    import uvloop

    set_up_logs(part)
    try:
        uvloop.run(main())
    except Problem as problem:
        sys.exit(f"{part}: {problem.title}: {problem.detail}")
