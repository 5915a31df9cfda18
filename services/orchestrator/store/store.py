"""The store: one pool, and over it timers and notes."""

from typing import Any

from sqlalchemy import Executable

from services.orchestrator.store.database import Database
from services.orchestrator.store.notes import Notes
from services.orchestrator.store.timers import Timers


class Store:
    """What a tool that names `store` gets. It connects when it is first used."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self.timers = Timers(self._database)
        self.notes = Notes(self._database)

    async def read(self, query: Executable, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rows of a query on any table of this database; its transaction can change nothing.

        Raises:
            StoreAway: the database cannot be reached, or did not answer in time.
        """
        return await self._database.read(query, parameters)

    async def ready(self) -> str | None:
        """None when it can be asked, else what is missing."""
        return await self._database.ready()

    async def close(self) -> None:
        await self._database.close()
