"""The real speech server with the toy model, which murmurs without end, in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache

from aiohttp import web

from services.base.problems import Handler
from services.base.serve import new_runner, wind_up
from services.speech.engine import Engine
from services.speech.server import DOOR, Door, make_app
from services.speech.settings import SpeechSettings
from services.speech.toy_engine import toy_engine

PATIENCE = 60.0
SLOW_IS_FINE = 1e9
"""Other programs load the machine that tests run on."""

engine = cache(toy_engine)


@dataclass(frozen=True)
class Toy:
    """The service as a process would run it."""

    url: str
    door: Door

    async def is_empty(self) -> None:
        """Wait until no call is running."""
        async with asyncio.timeout(PATIENCE):
            await self.door.empty.wait()


@web.middleware
async def tells_nothing_of_itself(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A stock server has no `/ready`."""
    if request.path == "/ready":
        raise web.HTTPNotFound
    return await handler(request)


@asynccontextmanager
async def serving_toy(slots: int = 1, stock: bool = False) -> AsyncIterator[Toy]:
    """Measured and ready; `stock`: gateways take it for a server of others, and speak Ogg Opus with it."""
    settings = SpeechSettings(
        speech_slots=slots, speech_most_real_time=SLOW_IS_FINE, speech_drain_s=0.0, antiphon_internal_key=""
    )
    model: Engine = engine()
    app = make_app(settings, model)
    if stock:
        app.middlewares.append(tells_nothing_of_itself)
    runner = new_runner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Toy(f"http://127.0.0.1:{runner.addresses[0][1]}", app[DOOR])
    finally:
        await wind_up(runner)
        await runner.cleanup()
