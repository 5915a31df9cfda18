"""The processes under test, started for one measurement: a fresh database and gateway, or the relay."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from gateway.cli.bench.load.caller import Address
from gateway.cli.bench.load.generator import Target
from gateway.cli.bench.load.process import Cores
from gateway.cli.bench.load.under_test import CORE
from gateway.cli.child import Child, Spec
from gateway.cli.database import migrate
from gateway.cli.ports import free_port
from gateway.cli.postgres import EmbeddedPostgres
from services.base.database_url import for_psql

HOST = "127.0.0.1"
SETTLED_LIMIT_S = 30.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Written:
    """What the store held in the end."""

    sessions: int
    still_active: int
    turns: int
    events: int
    refused: int
    """Rows that were dropped or set apart."""


@dataclass(frozen=True, slots=True)
class Database:
    """A Postgres of this measurement alone."""

    url: str

    async def read(self, target: Target) -> Written:
        """What is written, once the gateway has no row left to write.

        Raises:
            TimeoutError: it has not finished.
        """
        async with asyncio.timeout(SETTLED_LIMIT_S), aiohttp.ClientSession() as http:
            url = f"http://{target.address.host}:{target.address.port}/metrics"
            while True:
                async with http.get(url) as answer:
                    found = sums(await answer.text())
                if not found["antiphon_outbox_depth"] and not found["antiphon_sessions_active"]:
                    break
                await asyncio.sleep(POLL_S)
        refused = found.get("antiphon_outbox_dropped_total", 0) + found.get("antiphon_outbox_failed_total", 0)
        import asyncpg  # Takes 0.1 s, which `--help` does not need.

        connection = await asyncpg.connect(for_psql(self.url))
        try:
            (row,) = await connection.fetch(
                "SELECT (SELECT count(*) FROM voice_sessions) AS sessions,"
                " (SELECT count(*) FROM voice_sessions WHERE is_active) AS still_active,"
                " (SELECT count(*) FROM voice_turns) AS turns, (SELECT count(*) FROM voice_events) AS events"
            )
        finally:
            await connection.close()
        return Written(**dict(row), refused=round(refused))


def sums(metrics: str) -> dict[str, float]:
    """Prometheus's text as sums by name, labels left aside."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


@asynccontextmanager
async def database(folder: Path) -> AsyncIterator[Database]:
    """An empty, migrated database in `folder`, durable as in production."""
    server = EmbeddedPostgres(folder / "pg", token_hex())
    url = await server.start()
    try:
        await migrate(url)
        yield Database(url)
    finally:
        await server.stop()


@asynccontextmanager
async def gateway(
    folder: Path, data: Database, cores: Cores, calls: int, say: Callable[[str], None]
) -> AsyncIterator[Target]:
    """The gateway with an engine that echoes; `calls` come at once."""
    # A call that has hung up is wound up a moment later, when the next one is there already.
    most = str(2 * calls + 1)
    settings = {"DATABASE_URL": data.url, "GATEWAY_MAX_SESSIONS": most, "ANTIPHON_API_KEYS": ""}
    async with _started("gateway", folder, cores, settings, say) as (address, pid):
        yield Target("gateway", address, pid, greets=True)


@asynccontextmanager
async def relay(folder: Path, cores: Cores, say: Callable[[str], None]) -> AsyncIterator[Target]:
    """A bare aiohttp relay."""
    async with _started("relay", folder, cores, {}, say) as (address, pid):
        yield Target("relay", address, pid, greets=False)


@asynccontextmanager
async def _started(
    which: str, folder: Path, cores: Cores, settings: Mapping[str, str], say: Callable[[str], None]
) -> AsyncIterator[tuple[Address, int]]:
    port = free_port()
    core = "" if cores.under_test is None else str(cores.under_test)
    environment = {
        **os.environ,
        **settings,
        "GATEWAY_HOST": HOST,
        "GATEWAY_PORT": str(port),
        CORE: core,
    }
    child = Child(
        Spec(
            which,
            [sys.executable, "-P", "-m", "gateway.cli.bench.load.under_test", which],
            port,
            folder / f"{which}.log",
            lambda: environment,
            ready_path="/health",
        ),
        say,
    )
    try:
        await child.start()
        assert child.pid is not None, "it has just answered"
        yield Address(HOST, port), child.pid
    finally:
        await child.stop(asyncio.Event())
