"""The gateway as a process: puts store, calls, wires, REST and page behind one address."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from aiohttp import web

from gateway.access import Access, check_apart, checked_keys
from gateway.calls import Calls
from gateway.entrance import Entrance
from gateway.forwarded import Proxies
from gateway.limits import Allowance, Limits
from gateway.measures import count_requests
from gateway.parts import Parts
from gateway.rest.catalogue import Choices
from gateway.rest.control import Control
from gateway.rest.door import Door
from gateway.rest.duplex import Duplex
from gateway.rest.headers import add_headers
from gateway.rest.openapi import openapi
from gateway.rest.page import add_page, find_page
from gateway.rest.sessions import Sessions
from gateway.rest.speech import Speech
from gateway.rest.topology import Topologies
from gateway.settings import GatewaySettings
from gateway.store.store import Store
from gateway.topology.lookout import new_feed
from gateway.wires.realtime.socket import RealtimeWire, Terms
from services.base.health import add_health
from services.base.problems import problems
from services.base.serve import is_loopback, run_main, serve
from services.base.settings import BadSettings, as_list
from services.base.tls import server_context, signs_itself

log = logging.getLogger(__name__)

MAX_BODY = 2**20
"""Bytes. No body of REST comes near it, and while one of 25 MB is read all calls wait."""


def new_access(settings: GatewaySettings) -> Access:
    """Keys and names out of the settings.

    Raises:
        BadSettings: a bind beyond loopback without keys; keys that are too short; names that are ours,
            or a key's and an operator's.
    """
    keys = checked_keys(settings.antiphon_api_keys)
    operators = checked_keys(settings.antiphon_operator_keys, "ANTIPHON_OPERATOR_KEYS")
    check_apart(keys, operators)
    loopback = is_loopback(settings.gateway_host)
    if not keys and not operators and not loopback:
        raise BadSettings(
            f"ANTIPHON_API_KEYS is needed to listen on {settings.gateway_host}; set it, or GATEWAY_HOST=127.0.0.1"
        )
    names = as_list(settings.gateway_allowed_hosts.lower())
    if settings.gateway_public_url:
        names.append(_public_name(settings.gateway_public_url))
    return Access(
        keys,
        open_to_all=loopback,
        hosts=frozenset(names),
        operators=operators,
        internal_key=settings.antiphon_internal_key,
        public_url=settings.public_url,
    )


def _public_name(url: str) -> str:
    """The host of GATEWAY_PUBLIC_URL, by which browsers may reach us, too.

    Raises:
        BadSettings: it is no address.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise BadSettings(
            f"GATEWAY_PUBLIC_URL: expected an address like http://voice.example:8999, got {url!r}"
        )
    return host


def new_limits(settings: GatewaySettings) -> Limits:
    """The limits that the settings ask for."""
    places = settings.gateway_max_sessions

    def given(value: int | None, default: int) -> int:
        return default if value is None else value

    return Limits(
        Allowance(
            requests_per_minute=settings.gateway_requests_per_minute,
            connections=given(settings.gateway_max_connections, 100 + 2 * places),
            failures_per_minute=settings.gateway_failures_per_minute,
            sessions_per_minute=settings.gateway_sessions_per_minute,
            sessions_of_key=given(settings.gateway_max_sessions_per_key, 0),
            sessions_of_address=given(settings.gateway_max_sessions_per_address, (places + 1) // 2),
        )
    )


@asynccontextmanager
async def opened(settings: GatewaySettings, parts_of: type[Parts] = Parts) -> AsyncIterator[web.Application]:
    """The gateway's application with everything behind it; leaving the context ends the calls in order.

    `parts_of` puts the calls together; a load test brings its own engine so.
    """
    access = new_access(settings)
    node = settings.node
    async with (
        Store.open(settings.database_url, node, journal=settings.ledger_journal) as store,
        parts_of.opened(settings, store.ledger) as parts,
        Calls(
            parts,
            store.outbox,
            node,
            settings.gateway_max_sessions,
            access.say_tokens,
            new_limits(settings),
        ) as calls,
    ):
        for session_id in await store.close_orphans():
            log.warning("closed a session that a former life left open", extra={"session": session_id})
        parts.follower.recover(await store.unfinished())
        yield new_app(settings, access, store, calls)


def new_app(settings: GatewaySettings, access: Access, store: Store, calls: Calls) -> web.Application:
    """Mount the routes."""
    entrance = Entrance(access, calls.limits, Proxies.parse(settings.gateway_trusted_proxies))
    app = web.Application(
        middlewares=[count_requests, problems, entrance.middleware()], client_max_size=MAX_BODY
    )
    terms = Terms(
        settings.gateway_bytes_per_second, settings.gateway_events_per_second, settings.gateway_idle_s
    )
    wire = RealtimeWire(calls, access, terms)
    door = Door(calls, store.queries, store.outbox, access)
    checks = {
        "database": store.ready,
        "transcriber": calls.parts.transcriber_ready,
        "synthesizer": calls.parts.synthesizer_ready,
        "orchestrator": calls.parts.orchestrator.ready,
    }
    ready = add_health(app, "gateway", checks)
    feed = new_feed(calls, store, ready)
    routes = [
        *Duplex(calls, wire, store.queries, access, ready).routes(),
        *Sessions(door).routes(),
        *Control(door).routes(),
        *Choices(calls.parts.catalogue, access).routes(),
        *Speech(calls.parts, access).routes(),
        *Topologies(feed, access).routes(),
    ]
    for route in routes:
        app.router.add_route(route.method, route.path, route.handler)
    app.router.add_get("/v1/realtime", wire.handle)
    description = openapi(routes, access.asks_for_keys)

    async def describe(_: web.Request) -> web.Response:
        return web.json_response(description)

    app.router.add_get("/openapi.json", describe)

    async def stop_calls(_: web.Application) -> None:
        # Before the sockets are closed, so that each client hears why.
        await calls.stop()
        await feed.close()

    app.on_shutdown.append(stop_calls)
    add_page(app, find_page(settings.web_folder))
    certificate = settings.gateway_tls_cert
    add_headers(app, hsts=not (certificate and signs_itself(certificate)))
    return app


def main() -> None:
    """Run the gateway in the foreground, until SIGTERM."""

    async def live() -> None:
        settings = GatewaySettings.load()
        certificate = settings.gateway_tls_cert
        tls = server_context(certificate, settings.gateway_tls_key) if certificate else None
        async with opened(settings) as app:
            await serve(app, settings.gateway_host, settings.gateway_port, tls=tls)

    run_main("gateway", live)
