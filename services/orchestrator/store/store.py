"""The store: one pool, and over it timers and notes."""

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.orchestrator.store.database import Database
    from services.orchestrator.store.notes import Notes
    from services.orchestrator.store.timers import Timers

ANSWER_S = 2.0
"""What one try to ask Postgres may take: a person waits meanwhile."""


class Store:
    """What a tool that names `store` gets. It connects when it is first used.

    SQLAlchemy takes longer to load than the rest of this service, and everything else waits for this service when a
    deployment starts. So it is loaded by `load`, or at the first use.
    """

    def __init__(self, url: str, answer_s: float = ANSWER_S) -> None:
        """`answer_s` is what one try may take, connecting included."""
        self._url, self._answer_s = url, answer_s
        self.timers_changed = asyncio.Event()
        """A timer was written."""
        self._loading = asyncio.Lock()

    async def load(self) -> None:
        """Load what it takes, in a thread; whoever uses it while others may waits for this first."""
        async with self._loading:
            if not self.is_loaded:
                await asyncio.to_thread(lambda: (self.timers, self.notes))

    @property
    def is_loaded(self) -> bool:
        return "notes" in self.__dict__

    @cached_property
    def timers(self) -> "Timers":
        from services.orchestrator.store.timers import Timers

        return Timers(self._database, self.timers_changed)

    @cached_property
    def notes(self) -> "Notes":
        from services.orchestrator.store.notes import Notes

        return Notes(self._database)

    async def read(self, query: Any, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rows of a query on any table of this database; its transaction can change nothing.

        Args:
            query: SQL with `:named` parameters, or a query of SQLAlchemy's.

        Raises:
            StoreAway: the database cannot be reached, or did not answer in time.
        """
        return await self._database.read(query, parameters)

    async def ready(self) -> str | None:
        """None when it can be asked, else what is missing."""
        return await self._database.ready()

    async def close(self) -> None:
        if "_database" in self.__dict__:
            await self._database.close()

    @cached_property
    def _database(self) -> "Database":
        from services.orchestrator.store.database import Database

        return Database(self._url, self._answer_s)
