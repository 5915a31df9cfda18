"""REST for the topology: one look, or a stream of what changes (contracts, 2)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from gateway.access import Access
from gateway.rest.routes import Media, Route
from gateway.store.totals import Totals
from gateway.topology.change import Change, change
from gateway.topology.feed import Feed, Newer
from gateway.topology.graph import Known, build
from gateway.topology.model import Edge, LiveSession, Node, Snapshot
from services.base.problems import Unavailable
from services.base.serve import bearer

BASE = "/api/mas/voice/topology"

ERRORS = (401, 403, 503)

KEEP_ALIVE_S = 5.0
"""A comment after so long a silence: proxies leave the stream open, and the page knows that it is not cut off."""

WRITE_S = 20.0
"""Who has taken nothing for so long is gone."""

AGAIN_MS = 1000
"""When a reader that was cut off comes again (`retry` of the stream)."""


class Topology(BaseModel):
    """Nodes and edges as they live now, the calls on them, and totals."""

    at: datetime
    """When it was first seen so; nothing has changed since."""
    nodes: list[Node]
    edges: list[Edge]
    sessions: list[LiveSession]
    totals: Totals | None


SNAPSHOT, CHANGE = TypeAdapter(Snapshot), TypeAdapter(Change)


class Topologies:
    """The handlers."""

    def __init__(self, feed: Feed, access: Access) -> None:
        self._feed, self._access = feed, access

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                "GET",
                BASE,
                self.show_topology,
                "What lives here now, and which way calls go",
                Topology,
                errors=ERRORS,
                tag="topology",
            ),
            Route(
                "GET",
                f"{BASE}/stream",
                self.stream_topology,
                "The same, as it changes",
                Media(("text/event-stream",), "An event `snapshot`, then events `change`"),
                errors=ERRORS,
                tag="topology",
            ),
        )

    async def show_topology(self, request: web.Request) -> web.Response:
        """Parts, agents, tools and calls, the edges between them with what goes over each, and totals."""
        owner = self._shown_to(request)
        body = SNAPSHOT.dump_json(graph(await self._feed.latest(), owner))
        return web.Response(body=body, content_type="application/json")

    async def stream_topology(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: `snapshot` is the whole topology, `change` holds the rows that are new or other, whole,
        and under `gone` the ids of those that are no more. Calls and their paths are at most a second old, what others
        must be asked for somewhat more; a reader that is slow gets the newest and never a queue. A comment comes after
        5 s in which nothing changed. A key may have four of these at once."""
        owner = self._shown_to(request)
        async with self._feed.reader(owner) as newer:
            known = await newer(None)
            response = web.StreamResponse(
                headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
            )
            await response.prepare(request)
            try:
                await _tell(response, newer, known, owner)
            except ConnectionError:
                # It went; it knows how to come again.
                pass
            except TimeoutError:
                # Whoever merely left would wait for what lies in the buffer to be taken, and so for ever.
                if request.transport is not None:
                    request.transport.abort()
            return response

    def _shown_to(self, request: web.Request) -> str | None:
        """Whose calls the caller sees; None: everybody's.

        Raises:
            Unauthorized, Forbidden
        """
        caller = self._access.user(bearer(request))
        return None if caller.operator else caller.owner


async def _tell(response: web.StreamResponse, newer: Newer, known: Known, owner: str | None) -> None:
    """Write what is known and what changes, until there is nothing to be seen any more.

    Raises:
        ConnectionError: the reader went.
        TimeoutError: it takes nothing.
    """
    seen = graph(known, owner)
    due = await _write(response, f"retry: {AGAIN_MS}\n\n".encode() + first(seen))
    while True:
        try:
            async with asyncio.timeout_at(due):
                known = await newer(known)
        except TimeoutError:
            due = await _write(response, b":\n\n")
            continue
        except Unavailable:
            async with asyncio.timeout(WRITE_S):
                await response.write_eof()
            return
        newest = graph(known, owner)
        # What is new may be of calls that this reader is not shown.
        if not newest.same_as(seen):
            due = await _write(response, then(seen, newest))
            seen = newest


async def _write(response: web.StreamResponse, data: bytes) -> float:
    """Returns when a sign of life is due, by the loop's clock.

    Raises:
        TimeoutError: nothing is taken at the other end.
    """
    async with asyncio.timeout(WRITE_S):
        await response.write(data)
    return asyncio.get_running_loop().time() + KEEP_ALIVE_S


# Kept, because those who watch mostly watch the same.


@lru_cache(maxsize=8)
def graph(known: Known, owner: str | None) -> Snapshot:
    """What somebody sees who is shown that owner's calls."""
    return build(known, owner)


@lru_cache(maxsize=8)
def first(snapshot: Snapshot) -> bytes:
    """The event that begins a stream."""
    return b"event: snapshot\ndata: " + SNAPSHOT.dump_json(snapshot) + b"\n\n"


@lru_cache(maxsize=8)
def then(seen: Snapshot, newest: Snapshot) -> bytes:
    """The event for who has seen `seen`."""
    return b"event: change\ndata: " + CHANGE.dump_json(change(seen, newest)) + b"\n\n"
