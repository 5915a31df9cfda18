"""`/health`, `/ready` and `/metrics`, the same on every service.

Health touches nothing. Readiness asks each part, keeps the answer for a moment, and says which is missing.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

Check = Callable[[], Awaitable[str | None]]
"""Answers None when the part is ready, else a sentence that says what is missing."""

CACHED_S = 1.0
"""So that a prober that asks often costs nothing."""

MISSING_S = 0.1
"""That something is missing holds for less: whoever asks then waits for a start, and is not to wait for us."""

CHECK_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """What `/ready` last found."""

    parts: dict[str, str | None]
    """By part: None when ready, else the reason."""
    optional: frozenset[str] = frozenset()
    """Parts that are told, but may be missing."""

    @property
    def ready(self) -> bool:
        return not any(why for name, why in self.parts.items() if name not in self.optional)

    def body(self) -> dict[str, object]:
        return {
            "ready": self.ready,
            "parts": {name: {"ready": why is None, "reason": why} for name, why in self.parts.items()},
        }


class Ready:
    """Asks the checks of all parts at once, at most once a second; ten times while one is missing."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        optional: Mapping[str, Check] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.checks = {**checks, **(optional or {})}
        self.optional = frozenset(optional or ())
        self._now = now
        self._last = Readiness({})
        self._good_until = -math.inf
        self._lock = asyncio.Lock()

    async def ask(self) -> Readiness:
        async with self._lock:
            if self._now() >= self._good_until:
                answers = await asyncio.gather(*(self._one(check) for check in self.checks.values()))
                self._last = Readiness(dict(zip(self.checks, answers, strict=True)), self.optional)
                self._good_until = self._now() + (CACHED_S if self._last.ready else MISSING_S)
            return self._last

    async def _one(self, check: Check) -> str | None:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                return await check()
        except TimeoutError:
            return f"no answer within {CHECK_TIMEOUT_S:g} s"
        except Exception as error:
            return f"{type(error).__name__}: {error}"


def add_health(
    app: web.Application,
    part: str,
    checks: Mapping[str, Check],
    about: Mapping[str, object] | None = None,
    optional: Mapping[str, Check] | None = None,
) -> Ready:
    """Mount the three routes on `app`; `/ready` tells what stands in `about`, too. Returns what it asks.

    A part of `optional` that is missing is told, and the service ready all the same.
    """
    ready = Ready(checks, optional)

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "part": part})

    async def readiness(_: web.Request) -> web.Response:
        found = await ready.ask()
        body = {"part": part, **found.body(), **(about or {})}
        return web.json_response(body, status=200 if found.ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/health", health)
    app.router.add_get("/ready", readiness)
    app.router.add_get("/metrics", metrics)
    return ready
