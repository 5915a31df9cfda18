"""A store on a fresh database, for tools that keep something."""

from tests.services.orchestrator.store.conftest import store

__all__ = ["store"]
