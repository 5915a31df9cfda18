"""The transcriber's HTTP and WebSocket server."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import WSCloseCode, web
from pydantic import Field

from services.base.health import add_health
from services.base.problems import Invalid
from services.base.serve import new_app, run
from services.base.settings import BadSettings, Settings
from services.transcriber.languages import DEFAULT_LANGUAGE, RECOGNIZER, check_language
from services.transcriber.listening import Listening
from services.transcriber.protocol import Failed, encode
from services.transcriber.transcriptions import transcribe
from services.transcriber.workers import Workers

RATES = (8000, 16000, 24000, 48000)
DEFAULT_RATE = 24000
MAX_MESSAGE = 8 * 2**20
"""Bytes: more than all the sound that may wait, at the highest rate."""
HEARTBEAT_S = 20.0
"""A peer that vanished without a word frees its place within half as much again."""
CALLS_A_CORE = 8
"""A call in which somebody speaks all the time costs 0.07 of a core; this leaves the rest to everybody else."""

WORKERS = web.AppKey("workers", Workers)
SOCKETS = web.AppKey("sockets", set[web.WebSocketResponse])
SLOW_S = web.AppKey("slow_s", float)


class TranscriberSettings(Settings):
    """`TRANSCRIBER_…` in the environment."""

    antiphon_home: Path = Path("~/.cache/antiphon")
    """What is built is kept in its folder `cache`."""
    transcriber_host: str = "127.0.0.1"
    transcriber_port: int = 8007
    transcriber_workers: int = Field(default=CALLS_A_CORE * (os.cpu_count() or 1), ge=1)
    """Calls at a time; each has a worker process of its own."""
    transcriber_phrases: Path | None = None
    """A folder with what people say here: `*.txt`, one phrase a line, and `*.dict`, how words sound."""
    transcriber_slow_reader_s: float = Field(default=10.0, gt=0)
    """A socket that takes nothing for so long is cut off."""


class BadRate(Invalid):
    """Sound at a rate that is not taken."""

    code, title = "bad_rate", "This sample rate is not taken here"


def make_app(settings: TranscriberSettings) -> web.Application:
    """The whole service; models are loaded, in another process, when it starts up.

    Raises:
        BadSettings: the folder of phrases is none.
    """
    phrases = settings.transcriber_phrases
    if phrases and not phrases.is_dir():
        raise BadSettings(f"TRANSCRIBER_PHRASES: {phrases} is not a folder")
    cache = settings.antiphon_home.expanduser() / "cache"
    app = new_app(settings.antiphon_internal_key)
    workers = app[WORKERS] = Workers(settings.transcriber_workers, cache, phrases)
    app[SOCKETS] = set()
    app[SLOW_S] = settings.transcriber_slow_reader_s

    async def models() -> str | None:
        return workers.missing()

    add_health(app, "transcriber", {"models": models}, {"recognizer": RECOGNIZER})
    app.router.add_get("/v1/listen", listen)
    app.router.add_post("/v1/audio/transcriptions", transcriptions)
    app.cleanup_ctx.append(_working)
    app.on_shutdown.append(_hang_up)
    return app


async def listen(request: web.Request) -> web.WebSocketResponse:
    """`GET /v1/listen?rate=24000&language=en`, upgraded: see `protocol`."""
    rate = _rate(request.query.get("rate", str(DEFAULT_RATE)))
    language = check_language(request.query.get("language", DEFAULT_LANGUAGE))
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, compress=False, max_msg_size=MAX_MESSAGE)
    if not socket.can_prepare(request):
        raise Invalid("this address wants a WebSocket upgrade")
    # Before the upgrade, so that a client without a place gets an HTTP answer with the reason.
    async with request.app[WORKERS].hearing(rate, language) as hearing:
        await socket.prepare(request)
        sockets = request.app[SOCKETS]
        sockets.add(socket)
        try:
            await Listening(socket, request.transport, hearing, rate, request.app[SLOW_S]).run()
        finally:
            sockets.discard(socket)
    return socket


async def transcriptions(request: web.Request) -> web.Response:
    """`POST /v1/audio/transcriptions`."""
    return await transcribe(request, request.app[WORKERS])


def main() -> None:
    """Run the service in the foreground."""
    settings = TranscriberSettings.load()
    host, port = settings.transcriber_host, settings.transcriber_port
    run("transcriber", lambda: make_app(settings), host, port, settings.antiphon_internal_key)


async def _working(app: web.Application) -> AsyncIterator[None]:
    await app[WORKERS].start()
    yield
    await app[WORKERS].stop()


async def _hang_up(app: web.Application) -> None:
    # aiohttp waits for open sockets, and those would wait for their peers.
    await asyncio.gather(*(_good_bye(socket) for socket in app[SOCKETS]))


async def _good_bye(socket: web.WebSocketResponse) -> None:
    try:
        await socket.send_str(encode(Failed("stopping", "the transcriber stops")))
        await socket.close(code=WSCloseCode.GOING_AWAY, message=b"stopping")
    except ConnectionError:
        pass  # It went away first.


def _rate(text: str) -> int:
    known = ", ".join(map(str, RATES))
    if not text.isascii() or not text.isdigit() or int(text) not in RATES:
        raise BadRate(f"`rate` must be one of {known}, not {text!r}")
    return int(text)
