"""The tables of all who write into the one database: what a migrated database must look like."""

from gateway.store.tables import metadata as gateway
from services.orchestrator.store.tables import metadata as orchestrator

METADATA = (gateway, orchestrator)
