"""A deployment of the bench's own: `antiphon up` in a folder that is gone afterwards, on free ports."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.cli.child import Child, Spec
from gateway.cli.ports import free_port

PORTS = ("GATEWAY_PORT", "ORCHESTRATOR_PORT", "SYNTHESIZER_PORT", "TRANSCRIBER_PORT")


@asynccontextmanager
async def own_deployment() -> AsyncIterator[str]:
    """The address of its gateway, once it can take a call.

    Raises:
        PartFailed: it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="antiphon-") as folder:
        ports = {name: free_port() for name in PORTS}
        environment = {
            **os.environ,
            **{name: str(port) for name, port in ports.items()},
            "ANTIPHON_HOME": folder,
        }
        command = (sys.executable, "-P", "-m", "gateway.cli.main", "up")
        log = Path(folder) / "up.log"
        child = Child(Spec("up", command, ports["GATEWAY_PORT"], log, lambda: environment), lambda line: None)
        try:
            await child.start()
            yield f"http://127.0.0.1:{ports['GATEWAY_PORT']}"
        finally:
            await child.stop(asyncio.Event())


@asynccontextmanager
async def deployment_at(url: str | None) -> AsyncIterator[str]:
    """The gateway at `url`; where that is None, one of our own.

    Raises:
        PartFailed: ours does not start.
    """
    if url is not None:
        yield url
        return
    async with own_deployment() as own:
        yield own
