"""Tools that go wrong, for an orchestrator under test."""

import asyncio
from typing import Any


async def ring_stuck() -> Any:
    await asyncio.Event().wait()


async def ring_broken() -> Any:
    raise RuntimeError("the clapper of /srv/bells/broken fell out")


async def ring_odd() -> Any:
    return {"bells": 42}


async def ring_church() -> Any:
    await asyncio.Event().wait()
