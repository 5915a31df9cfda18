"""What Prometheus is told of the calls, beside what each part counts of itself (docs/rest.md)."""

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import Counter, Histogram

from bridge import events as bridge
from bridge.ledger import FINISHED
from gateway.session import effects as do

TURNS = Counter("antiphon_turns", "Turns that began", ["speaker"])
OVERLAPS = Counter("antiphon_overlaps", "The user's sound over the agent's, by what it was", ["kind"])
TOOLS = Counter("antiphon_tool_invocations", "Tool calls that are over", ["status"])
INJECTIONS = Counter(
    "antiphon_injections", "Texts to be said that were heard, cut or dropped", ["source", "state"]
)
LATENCY = Histogram(
    "antiphon_latency_seconds",
    "What voice_latencies holds",
    ["span", "engine"],
    # From a frame to a slow tool; closest where a conversation begins to feel slow.
    buckets=(0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
)
REQUESTS = Counter("antiphon_http_requests", "Requests that were answered", ["method", "route", "status"])

OVER = frozenset({"heard", "cut", "dropped"})


def count(fact: object) -> None:
    """Count a fact of a call, where it is one of these."""
    match fact:
        case do.UserStarted() if fact.may_continue is None:
            TURNS.labels("user").inc()
        case do.AgentStarted():
            TURNS.labels("agent").inc()
        case do.BargeIn():
            OVERLAPS.labels(fact.kind).inc()
        case do.EchoSuppressed():
            OVERLAPS.labels("echo").inc()
        case do.InjectionChanged() if fact.state in OVER:
            INJECTIONS.labels(fact.source, fact.state).inc()
        case bridge.InvocationChanged() if fact.invocation.status in FINISHED:
            TOOLS.labels(fact.invocation.status).inc()
        case _:
            pass


@web.middleware
async def count_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count what was answered, by route: paths hold ids, and strangers make up others."""
    response = await handler(request)
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "none"
    method = request.method if resource else "any"
    REQUESTS.labels(method, route, response.status).inc()
    return response
