"""What the supervisor keeps running: the port, and how such a thing may fail."""

import asyncio
from collections.abc import Awaitable, Collection
from typing import Protocol

from services.base.problems import Problem


class PartFailed(Problem):
    """A part ended, or wasn't ready in time. It may be started again."""

    code, title = "part_failed", "A part of Antiphon failed"


class Part(Protocol):
    """Something that is started, watched and stopped."""

    @property
    def name(self) -> str: ...

    @property
    def after(self) -> Collection[str]:
        """The parts that must be ready before this one starts."""
        ...

    @property
    def uses(self) -> Collection[str]:
        """The parts that stop only after this one has."""
        ...

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        ...

    @property
    def port(self) -> int | None: ...

    async def start(self) -> None:
        """Start it and return once it is ready.

        Raises:
            PartFailed: it ended, or was not ready in time; another try may help.
            Problem: no other try will help.
        """
        ...

    async def wait(self) -> str:
        """Wait until it is gone; answers how it ended, in words."""
        ...

    async def stop(self, hasten: asyncio.Event) -> None:
        """Stop it, and whatever it has started; in order while `hasten` isn't set, then by force.

        Also clears up after a part that ended by itself. Harmless when nothing runs.
        """
        ...

    def last_words(self) -> str:
        """The end of what it said, for the one who must find out why it died."""
        ...


async def ends(ended: Awaitable[object], limit: float, hasten: asyncio.Event) -> bool:
    """Whether `ended` comes before `limit` seconds are over and before `hasten` is set."""
    end = asyncio.ensure_future(ended)
    hurry = asyncio.ensure_future(hasten.wait())
    try:
        await asyncio.wait((end, hurry), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        return end.done()
    finally:
        end.cancel()
        hurry.cancel()
