"""How much one client may have: how often, and how many at a time, by address, by key and by session.

Rules only, no I/O: time is given as seconds of any clock that never goes back.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from prometheus_client import Counter

from services.base.problems import Problem

MOST_NAMES = 10_000
"""Whom a meter remembers; beyond that it forgets who came least lately, who so begins anew."""

PREFIX_V6 = 64
"""Bits: the network that one IPv6 subscriber has at least. Who has one has 2^64 addresses."""

LIMITED = Counter("antiphon_limited", "What was refused for being too much", ["limit"])


class RateLimited(Problem):
    """Too much, too often; `retry_after` (seconds) says when to come again."""

    code, status, title = "rate_limited", 429, "Too many requests"

    def __init__(self, limit: str, detail: str, wait_s: float) -> None:
        super().__init__(detail, retry_after=max(1, round(wait_s + 0.5)))
        LIMITED.labels(limit).inc()


@dataclass(frozen=True, slots=True)
class Rate:
    """So much in the long run, and a burst of so much at once."""

    per_second: float
    """0: without limit."""
    burst: float


class Bucket:
    """What one client has left of a rate: a leaky bucket, kept as the one moment at which it will be empty."""

    __slots__ = ("_empty_at", "_rate")

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._empty_at = float("-inf")

    def take(self, now: float, cost: float = 1) -> float:
        """Pour in `cost`. Returns 0, or the seconds until it fits: then nothing was poured."""
        if not self._rate.per_second:
            return 0.0
        empty_at = max(self._empty_at, now) + cost / self._rate.per_second
        wait = empty_at - now - self._rate.burst / self._rate.per_second
        # What is not 0 but for rounding is 0.
        if wait > 1e-6:
            return wait
        self._empty_at = empty_at
        return 0.0

    def full(self, now: float) -> float:
        """The seconds until one more fits."""
        if not self._rate.per_second:
            return 0.0
        return max(0.0, self._empty_at - now + (1 - self._rate.burst) / self._rate.per_second)


class Meter:
    """One rate, for each of many names apart."""

    def __init__(self, rate: Rate, most: int = MOST_NAMES) -> None:
        self._rate, self._most = rate, most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, name: str, now: float) -> float:
        """Count one of `name`'s. Returns 0, or the seconds until there is room: then it was not counted."""
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = Bucket(self._rate)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        return bucket.take(now)

    def full(self, name: str, now: float) -> float:
        """The seconds until there is room for one of `name`'s; nothing is counted."""
        bucket = self._buckets.get(name)
        return bucket.full(now) if bucket else 0.0


class Places:
    """At most so many at a time, for each of many names apart."""

    def __init__(self, most: int) -> None:
        """`most` 0: without limit."""
        self._most = most
        self._taken: dict[str, int] = {}

    @contextmanager
    def held(self, name: str) -> Iterator[bool]:
        """Hold a place while inside; False: there was none."""
        taken = self._taken.get(name, 0)
        if self._most and taken >= self._most:
            yield False
            return
        self._taken[name] = taken + 1
        try:
            yield True
        finally:
            self._taken[name] -= 1
            if not self._taken[name]:
                del self._taken[name]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who comes, as limits count them. None: they are not limited by it."""

    address: str | None = None
    """An IP address, of IPv6 the network; None: this machine itself."""
    key: str | None = None
    """The name of the key; None: no key is needed, or it is a service of ours."""

    def names(self) -> Iterator[tuple[str, str]]:
        """By what they are counted: kind and name."""
        if self.address is not None:
            yield "address", self.address
        if self.key is not None:
            yield "key", self.key


def network(address: str) -> str | None:
    """By what an address is counted; None for this machine's own.

    Raises:
        ValueError: it is none.
    """
    # A zone (`fe80::1%eth0`) is this machine's name for its own interface.
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if ip.is_loopback:
        return None
    return str(ip_network(f"{ip}/{PREFIX_V6}", strict=False)) if ip.version == 6 else str(ip)


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits themselves; 0 takes one away."""

    requests_per_minute: int = 1200
    """Of one address, and of one key; ten seconds' worth of them at once."""
    connections: int = 200
    """Requests, streams and sockets at a time, of one address, and of one key."""
    failures_per_minute: int = 10
    """Wrong credentials from one address, all at once if need be; then it waits, whatever it shows."""
    sessions_per_minute: int = 60
    """New ones of one address, and of one key, all at once if need be."""
    sessions_of_key: int = 0
    """At a time."""
    sessions_of_address: int = 0
    """At a time."""


class Limits:
    """Counts what visitors do, and refuses what is too much. All methods raise `RateLimited`."""

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = a = allowance
        self._requests = Meter(Rate(a.requests_per_minute / 60, a.requests_per_minute / 6))
        self._failures = Meter(Rate(a.failures_per_minute / 60, a.failures_per_minute))
        self._sessions = Meter(Rate(a.sessions_per_minute / 60, a.sessions_per_minute))
        self._connections = Places(a.connections)

    def request(self, who: Visitor, now: float) -> None:
        """Count a request."""
        self._count("requests", self._requests, who, now)

    def attempt(self, who: Visitor, now: float) -> None:
        """Somebody shows a credential: refuse to look at it, where too many were wrong."""
        if who.address is not None and (wait := self._failures.full(who.address, now)):
            raise RateLimited("failures", "too many wrong keys or secrets came from this address", wait)

    def failed(self, who: Visitor, now: float) -> None:
        """Count a wrong credential."""
        if who.address is not None:
            self._failures.take(who.address, now)

    @contextmanager
    def connected(self, who: Visitor) -> Iterator[None]:
        """Hold a place among the connections while inside."""
        with self._connection("address", who.address), self._connection("key", who.key):
            yield

    def new_session(self, who: Visitor, of_key: int, of_address: int, now: float) -> None:
        """Count a new session.

        Args:
            of_key: sessions of that key that are under way.
            of_address: sessions that were made from that address and are under way.
        """
        a = self.allowance
        for kind, name, under_way, most in (
            ("key", who.key, of_key, a.sessions_of_key),
            ("address", who.address, of_address, a.sessions_of_address),
        ):
            if name is not None and most and under_way >= most:
                raise RateLimited("sessions", f"{under_way} sessions of this {kind} are under way", 10)
        self._count("sessions_made", self._sessions, who, now)

    @contextmanager
    def _connection(self, kind: str, name: str | None) -> Iterator[None]:
        if name is None:
            yield
            return
        with self._connections.held(f"{kind} {name}") as free:
            if not free:
                raise RateLimited("connections", f"too many connections of this {kind} are open", 10)
            yield

    def _count(self, limit: str, meter: Meter, who: Visitor, now: float) -> None:
        for kind, name in who.names():
            if wait := meter.take(f"{kind} {name}", now):
                raise RateLimited(limit, f"too many of this {kind} in too little time", wait)


MESSAGES = Rate(per_second=500, burst=10_000)
"""Frames of one session. Sound in pieces of 10 ms has 100 a second, and a minute of it may come at once."""

MOST_BYTES = 32 * 2**20
"""At once: one message of the longest, and something beside it."""

EVENTS_BURST_S = 20
"""So many seconds' worth of events at once: a client that begins may tell a whole conversation."""


class Flow:
    """What one session's client may send, whichever socket it comes by. The methods raise `RateLimited`."""

    def __init__(self, bytes_per_second: float, events_per_second: float) -> None:
        """0 takes a limit away."""
        self._messages = Bucket(MESSAGES)
        self._bytes = Bucket(Rate(bytes_per_second, MOST_BYTES))
        self._events = Bucket(Rate(events_per_second, EVENTS_BURST_S * events_per_second))

    def message(self, size: int, now: float) -> None:
        """Count a frame of `size` characters."""
        if wait := self._messages.take(now) or self._bytes.take(now, size):
            raise RateLimited("messages", "more was sent than a microphone gives", wait)

    def event(self, now: float) -> None:
        """Count an event that is not sound."""
        if wait := self._events.take(now):
            raise RateLimited("events", "too many events in too little time", wait)
