"""Puts the topology's feed together: what it looks at, and whom it asks."""

from datetime import UTC, datetime

from gateway.calls import Calls
from gateway.parts import missing_to_local
from gateway.store.store import Store
from gateway.topology.feed import Feed
from gateway.topology.graph import Backlog, Known
from gateway.topology.sight import session_of
from gateway.topology.surroundings import Surroundings
from services.base.health import Ready


def new_feed(calls: Calls, store: Store, ready: Ready) -> Feed:
    """The feed of this gateway; `ready` is what `/ready` asks."""
    around = Surroundings(ready, calls.parts.orchestrator, store.totals)

    def look() -> Known:
        live = calls.live()
        return Known(
            at=datetime.now(UTC),
            node=calls.node,
            most=calls.most,
            sessions=[session_of(call) for call in live],
            deciding=sum(call.is_deciding for call in live),
            offers=calls.parts.offers(missing_to_local(around.learned.parts)),
            recognizer=calls.parts.recognizer,
            outbox=Backlog(store.outbox.depth, store.outbox.full),
            learned=around.learned,
        )

    return Feed(look, around)
