"""The speech servers of this gateway: what each has free, and which of them gets a call."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from gateway.engines.personaplex.line import Line, ServerFull, plainly
from gateway.engines.personaplex.prompt import text_prompt, voice_prompt
from gateway.ports import Brief, PartAway
from services.base.settings import BadSettings
from services.speech import protocol as wire

log = logging.getLogger(__name__)

PROBE_S = 1.5
FRESH_S = 1.0
LOOK_EVERY_S = 5.0

OURS_LIMIT_S = 15.0
"""From asking for a call to the handshake. Ours reads a new persona in pieces between the frames of running calls: by
arithmetic 6 s where 64 slots are full, and more behind another new one."""

STOCK_LIMIT_S = 25.0
"""A stock server steps through voice and prompt, some 250 frames, before it shakes hands. It lets a second client wait
for ever, without a word."""

PROMISED_S = 15.0
"""For so long a call that was made and has not connected yet counts as one: clients come within a second."""

SHUNNED_S = 30.0
"""A server that failed is tried last for so long."""


@dataclass(slots=True)
class Server:
    """One of `PERSONAPLEX_URLS`, as it was last seen. Times are of the monotonic clock."""

    url: str
    ours: bool = False
    """It is `services/speech`; else a stock server, which tells nothing of itself."""
    missing: str | None = "it was not asked yet"
    """Why it can take no call, None when it can."""
    total: int = 0
    used: int = 0
    queue: int = 0
    mine: int = 0
    """Calls of this gateway."""
    shunned_until: float = 0.0
    full_until: float = 0.0

    @property
    def free(self) -> int:
        return 0 if self.missing else max(0, self.total - max(self.used, self.mine))


@dataclass(frozen=True, slots=True)
class Room:
    """What all servers together have."""

    missing: str | None
    """Why no call can be taken; None when one can."""
    free: int
    total: int
    queue: int


class Servers:
    """Knows the servers; `look` asks them, `connect` gives a call to one."""

    def __init__(self, http: aiohttp.ClientSession, urls: list[str], key: str) -> None:
        """`key` is shown to servers of ours alone.

        Raises:
            BadSettings: something is no URL.
        """
        self._http, self._key = http, key
        self._servers = [Server(_http_url(url)) for url in urls]
        self._promised: deque[float] = deque()
        """When calls were promised a slot that have not asked for it yet."""
        self._looked_at = -FRESH_S
        self._looking = asyncio.Lock()

    async def watch(self) -> None:
        """Look now and again, so that who asks gets an answer at once."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Ask all servers, unless that was done just now."""
        async with self._looking:
            if time.monotonic() - self._looked_at >= FRESH_S:
                await asyncio.gather(*(self._ask(server) for server in self._servers))
                self._looked_at = time.monotonic()

    def promise(self) -> None:
        """A call was told that it gets one of the slots: the next to ask what is free finds one less."""
        self._promised.append(time.monotonic())

    def room(self) -> Room:
        """What they have, as they were last seen."""
        if not self._servers:
            return Room("no speech server is configured; set PERSONAPLEX_URLS", 0, 0, 0)
        now = time.monotonic()
        while self._promised and now - self._promised[0] > PROMISED_S:
            self._promised.popleft()
        free = sum(server.free for server in self._servers if server.full_until <= now)
        free = max(0, free - len(self._promised))
        total = sum(server.total for server in self._servers if not server.missing)
        queue = sum(server.queue for server in self._servers)
        reasons = [f"{server.url}: {server.missing}" for server in self._servers if server.missing]
        if total:
            reasons.append("the only slot is taken" if total == 1 else f"all {total} slots are taken")
        return Room(None if free else "; ".join(reasons), free, total, queue)

    async def connect(self, brief: Brief) -> Line:
        """Have a server take a call: the least loaded, and of those that failed or were full just now the last.

        Raises:
            PartAway: none does; says why of each.
        """
        if self._promised:
            self._promised.popleft()
        await self.look()
        reasons = []
        for server in sorted(self._servers, key=self._order):
            if not server.ours and server.mine:
                # A second client would not only wait: on NVIDIA's server it overwrites the first one's persona.
                reasons.append(f"{server.url} has a call of ours")
                continue
            try:
                return await self._take(server, brief)
            except ServerFull as full:
                server.full_until = time.monotonic() + full.retry_after
                reasons.append(full.detail)
            except PartAway as away:
                server.shunned_until = time.monotonic() + SHUNNED_S
                await self._ask(server)
                reason = f"{server.url}: {server.missing}" if server.missing else away.detail
                reasons.append(reason)
                log.warning("speech server refused a call", extra={"url": server.url, "reason": reason})
        raise PartAway(f"no speech server took the call: {'; '.join(reasons) or 'none is configured'}")

    def _order(self, server: Server) -> tuple[bool, bool, float]:
        now = time.monotonic()
        failing = server.shunned_until > now or server.missing is not None
        full = server.full_until > now or not server.free
        return failing, full, max(server.used, server.mine) / max(1, server.total)

    async def _take(self, server: Server, brief: Brief) -> Line:
        voice, text = voice_prompt(brief.voice), text_prompt(brief)
        if server.ours:
            chat = wire.Chat(voice, text, antiphon=True, codec="pcm16")
            headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        else:
            chat, headers = wire.Chat(voice, text), {}
        limit = OURS_LIMIT_S if server.ours else STOCK_LIMIT_S
        line = None
        server.mine += 1
        try:
            async with asyncio.timeout(limit):
                line = await Line.open(self._http, server.url, chat, headers, self._release(server))
            return line
        except TimeoutError as error:
            raise PartAway(f"{server.url} gave no handshake within {limit:g} s") from error
        finally:
            if line is None:
                server.mine -= 1

    async def _ask(self, server: Server) -> None:
        """Learn what a server has; whatever answers in HTTP, in order, and is none of ours is a stock one."""
        try:
            async with asyncio.timeout(PROBE_S), self._http.get(f"{server.url}/ready") as answer:
                status, told = answer.status, await _json(answer)
        except TimeoutError:
            server.missing = f"it did not answer within {PROBE_S:g} s"
            return
        except (aiohttp.ClientError, OSError) as error:
            server.missing = f"it cannot be reached: {plainly(error)}"
            return
        server.ours = told.get("part") == "speech"
        if not server.ours and status >= 500:
            # A stock server knows no such path; a proxy before either kind may stand alone.
            server.missing = f"it answered {status}"
            return
        if not server.ours:
            server.missing, server.total, server.used, server.queue = None, 1, 0, 0
            return
        server.total = _count(told, "slots_total")
        server.used = _count(told, "slots_used")
        server.queue = _count(told, "waiting")
        server.missing = None if told.get("ready") is True else _why(told)
        if server.used < server.total:
            # It may have said for longer that it is full than it was.
            server.full_until = 0.0

    def _release(self, server: Server) -> Callable[[], None]:
        def release() -> None:
            server.mine -= 1
            # Until it is asked again, the place counts as taken: whoever comes next asks.
            self._looked_at = -FRESH_S

        return release


async def _json(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        body = await answer.json(content_type=None)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _count(told: dict[str, Any], name: str) -> int:
    value = told.get(name)
    return value if type(value) is int and value >= 0 else 0


def _why(told: dict[str, Any]) -> str:
    """The reasons of the parts that are not ready (`services.base.health`)."""
    parts = told.get("parts")
    found = parts.values() if isinstance(parts, dict) else ()
    reasons = [part["reason"] for part in found if isinstance(part, dict) and part.get("reason")]
    return "; ".join(map(str, reasons)) or "it is not ready"


def _http_url(url: str) -> str:
    """The URL as http or https, whichever of the two or of ws and wss it was given as."""
    scheme, colon, rest = url.rstrip("/").partition("://")
    schemes = {"http": "http", "ws": "http", "https": "https", "wss": "https"}
    if not colon or not rest or scheme not in schemes:
        raise BadSettings(f"PERSONAPLEX_URLS: {url!r} is no URL such as http://127.0.0.1:8998")
    return f"{schemes[scheme]}://{rest}"
