"""The process under test, alone on its core: the gateway with an engine that echoes, or a bare relay.

python -m gateway.cli.bench.load.under_test gateway|relay
"""

import os
import sys
from collections.abc import Callable

from aiohttp import WSMsgType, web

from gateway.cli.bench.load.echo_engine import EchoEngine, NoEars
from gateway.parts import Parts
from gateway.ports import Ears, Engine
from gateway.profile import Profile
from gateway.server import opened
from gateway.settings import GatewaySettings
from gateway.wires.realtime.socket import MESSAGE_LIMIT, SEND_BUFFER, keep_little
from services.base.health import add_health
from services.base.serve import run_main, serve

CORE = "ANTIPHON_BENCH_CORE"
"""The environment variable that names the core to run on; empty: any."""


class EchoParts(Parts):
    """The gateway's own parts, save the engine and the ears."""

    def engine(self, profile: Profile) -> Engine:
        return EchoEngine(profile.mode)

    def ears(self, profile: Profile, now: Callable[[], int], clock: Callable[[int], int]) -> Ears:
        return NoEars()

    async def transcriber_ready(self) -> str | None:
        return None

    async def synthesizer_ready(self) -> str | None:
        return None

    async def watch(self) -> None:
        """No orchestrator is there: all that is typed is small talk."""


async def relay(request: web.Request) -> web.WebSocketResponse:
    """Give each text frame back as it came: what aiohttp itself costs, on a socket like the gateway's."""
    socket = web.WebSocketResponse(
        protocols=("realtime",), max_msg_size=MESSAGE_LIMIT, compress=False, writer_limit=SEND_BUFFER
    )
    await socket.prepare(request)
    keep_little(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket


async def run_gateway() -> None:
    settings = GatewaySettings.load()
    async with opened(settings, EchoParts) as app:
        await serve(app, settings.gateway_host, settings.gateway_port)


async def run_relay() -> None:
    app = web.Application()
    app.router.add_get("/v1/realtime", relay)
    add_health(app, "relay", {})
    await serve(app, os.environ["GATEWAY_HOST"], int(os.environ["GATEWAY_PORT"]))


def main(which: str) -> None:
    if core := os.environ.get(CORE):
        os.sched_setaffinity(0, {int(core)})
    run_main(which, {"gateway": run_gateway, "relay": run_relay}[which])


if __name__ == "__main__":
    main(sys.argv[1])
