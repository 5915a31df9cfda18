"""Keeps the parts of a deployment running: starts them in order, restarts what dies, stops them in order."""

import asyncio
from collections.abc import Callable, Sequence

from gateway.cli.order import stop_order
from gateway.cli.part import Part, PartFailed
from gateway.cli.restarts import Policy, Restarts
from services.base.problems import Problem


class GaveUp(Problem):
    """A part died too often; `detail` holds why, and what it said last."""

    code, title = "gave_up", "Antiphon cannot go on"


class Supervisor:
    """Runs `parts`, each in a task of its own.

    Args:
        parts: names are unique, and `after` and `uses` name parts among them.
        say: takes sentences for the person at the terminal.
        changed: called after a part has become ready or has died.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        say: Callable[[str], None],
        changed: Callable[[], None] = lambda: None,
        policy: Policy | None = None,
    ) -> None:
        self.parts = {part.name: part for part in parts}
        self.say = say
        self.changed = changed
        self.policy = policy or Policy()
        self.ready = {part.name: asyncio.Event() for part in parts}

    async def run(self, stop: asyncio.Event, hasten: asyncio.Event) -> None:
        """Keep every part running until `stop`; then, or when one is given up, stop them all in order.

        Args:
            stop: ends it.
            hasten: ends it by force.

        Raises:
            GaveUp: a part died too often.
            Problem: a part can't be started at all.
        """
        failure: Exception | None = None
        try:
            async with asyncio.TaskGroup() as group:
                keepers = [
                    group.create_task(self._keep(part), name=name) for name, part in self.parts.items()
                ]
                await stop.wait()
                for keeper in keepers:
                    keeper.cancel()
        except* Problem as failures:
            # Where two parts failed in the same moment, either tells enough. Not raised from here: before
            # Python 3.11.4 `except*` wraps what is raised in it.
            failure = failures.exceptions[0]
        finally:
            await self._stop_all(hasten)
        if failure is not None:
            raise failure

    async def until_ready(self) -> None:
        """Return once every part is ready."""
        for event in self.ready.values():
            await event.wait()

    async def _keep(self, part: Part) -> None:
        for name in part.after:
            await self.ready[name].wait()
        restarts = Restarts(self.policy)
        clock = asyncio.get_running_loop()
        at_once = asyncio.Event()
        at_once.set()
        while True:
            why = await self._live(part, again=bool(restarts.deaths))
            last_words = part.last_words()
            await part.stop(at_once)
            delay = restarts.died(clock.time())
            if delay is None:
                times = f"{len(restarts.deaths)} times within {self.policy.within_s:g} s"
                raise GaveUp(f"{part.name} failed {times}; at last it {why}.\n{last_words}".rstrip())
            self.say(f"{part.name} {why}; it is started again in {delay:g} s")
            await asyncio.sleep(delay)

    async def _live(self, part: Part, again: bool) -> str:
        """One life of `part`; answers how it ended."""
        try:
            await part.start()
            self.ready[part.name].set()
            self.changed()
            if again:
                self.say(f"{part.name} is ready again")
            why = await part.wait()
        except PartFailed as failure:
            why = failure.detail.removeprefix(f"{part.name} ")
        self.ready[part.name].clear()
        self.changed()
        return why

    async def _stop_all(self, hasten: asyncio.Event) -> None:
        for wave in stop_order({part.name: part.uses for part in self.parts.values()}):
            await asyncio.gather(*(self.parts[name].stop(hasten) for name in wave))
