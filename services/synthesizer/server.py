"""The synthesizer's HTTP and WebSocket server."""

import asyncio
import io
import logging
import threading
import wave
from collections.abc import AsyncIterator

from aiohttp import WSCloseCode, web

from services.base.health import add_health
from services.base.problems import Invalid, Problem, Unavailable, expect
from services.base.serve import new_app, run
from services.base.settings import Settings
from services.synthesizer import measures
from services.synthesizer.espeak import EspeakError, EspeakVoice
from services.synthesizer.line import Line, Refused, TooSlow, check
from services.synthesizer.pieces import pieces
from services.synthesizer.protocol import Speak
from services.synthesizer.speaker import Manner, Speaker

log = logging.getLogger(__name__)

RATES = (8000, 16000, 24000, 48000)
DEFAULT_RATE = 24000
"""What OpenAI's `pcm` has, too."""
DEFAULT_VOICE = "en-us"
FORMATS = ("wav", "pcm")
MAX_MESSAGE = 2**20
"""Bytes. Far above any text that is allowed, so that one too long gets its answer and not a closed socket."""
HEARTBEAT_S = 30.0
CLOSE_S = 1.0
"""What a peer that doesn't read gets to take the close frame."""

SPEAKER = web.AppKey("speaker", Speaker)
SOCKETS = web.AppKey("sockets", set[web.WebSocketResponse])
SLOW_S = web.AppKey("slow_s", float)


class SynthesizerSettings(Settings):
    """`SYNTHESIZER_…` in the environment."""

    synthesizer_host: str = "127.0.0.1"
    synthesizer_port: int = 8009
    synthesizer_slow_reader_s: float = 10.0
    """A socket that takes nothing for so long is cut off."""


class BadRate(Invalid):
    """The wanted sample rate is none that we make."""

    code, title = "bad_rate", "This sample rate is not made here"


class NotSpoken(Problem):
    """A text that cannot be spoken as asked; `code` is the socket's."""

    status, title = 400, "This cannot be spoken"

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def make_app(settings: SynthesizerSettings) -> web.Application:
    """The whole service; eSpeak is loaded when it starts up."""
    app = new_app(settings.antiphon_internal_key)
    speaker = app[SPEAKER] = Speaker()
    app[SOCKETS] = set()
    app[SLOW_S] = settings.synthesizer_slow_reader_s

    async def voice() -> str | None:
        await speaker.answers()
        return None

    add_health(app, "synthesizer", {"voice": voice})
    app.router.add_get("/v1/speak", speak)
    app.router.add_get("/v1/voices", voices)
    app.router.add_post("/v1/audio/speech", speech)
    app.cleanup_ctx.append(_speaking)
    app.on_shutdown.append(_hang_up)
    return app


async def speak(request: web.Request) -> web.WebSocketResponse:
    """`GET /v1/speak?rate=24000`, upgraded: see `protocol`."""
    rate = _rate(request.query.get("rate", str(DEFAULT_RATE)))
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, compress=False, max_msg_size=MAX_MESSAGE)
    try:
        await socket.prepare(request)
    except ConnectionError:
        log.info("a peer was gone before it was answered")
        return socket
    sockets = request.app[SOCKETS]
    sockets.add(socket)
    measures.SOCKETS.inc()
    try:
        await Line(socket, request.app[SPEAKER], rate, request.app[SLOW_S]).run()
    except* TooSlow as slow:
        measures.SLOW_READERS.inc()
        log.warning("client_too_slow", extra={"reason": str(slow.exceptions[0])})
        await _cut(request, socket, WSCloseCode.POLICY_VIOLATION, b"client_too_slow")
    except* ConnectionError:
        log.info("a peer was lost while it was spoken to")
    except* Exception:
        log.exception("a line broke")
        await _cut(request, socket, WSCloseCode.INTERNAL_ERROR, b"internal")
    finally:
        measures.SOCKETS.dec()
        sockets.discard(socket)
    return socket


async def speech(request: web.Request) -> web.Response:
    """`POST /v1/audio/speech`: OpenAI's, for `wav` and `pcm` at 24 kHz."""
    try:
        body = await request.json()
    except ValueError as error:
        raise Invalid("the body must be JSON") from error
    form = expect(body, "response_format", str, "wav")
    if form not in FORMATS:
        raise Invalid(f"`response_format` must be one of {', '.join(FORMATS)}, not {form}")
    text, voice = expect(body, "input", str), expect(body, "voice", str, DEFAULT_VOICE)
    order = Speak("", text, voice, float(expect(body, "speed", (int, float), 1.0)))
    pcm = await _whole(request.app[SPEAKER], order)
    if form == "pcm":
        return web.Response(body=pcm, content_type="audio/pcm")
    return web.Response(body=_wav(pcm), content_type="audio/wav")


async def voices(request: web.Request) -> web.Response:
    """`GET /v1/voices`: languages, and the variants that may stand behind any of them (`en-us+f3`)."""
    speaker = request.app[SPEAKER]
    return web.json_response(
        {
            "voices": [_described(each) for each in speaker.languages.values()],
            "variants": [_described(each) for each in speaker.variants.values()],
        }
    )


def main() -> None:
    """Run the service in the foreground."""
    settings = SynthesizerSettings.load()
    host, port = settings.synthesizer_host, settings.synthesizer_port
    run("synthesizer", lambda: make_app(settings), host, port, settings.antiphon_internal_key)


async def _speaking(app: web.Application) -> AsyncIterator[None]:
    try:
        await app[SPEAKER].start()
    except EspeakError as error:
        raise Unavailable(str(error)) from error
    yield
    await app[SPEAKER].stop()


async def _hang_up(app: web.Application) -> None:
    # aiohttp waits for open sockets, and those would wait for their peers.
    closing = [each.close(code=WSCloseCode.GOING_AWAY, message=b"stopping") for each in app[SOCKETS]]
    await asyncio.gather(*closing)


async def _cut(request: web.Request, socket: web.WebSocketResponse, code: int, reason: bytes) -> None:
    """Close, if the peer lets us; without it, if not: what waits for a peer that never reads is given up."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await socket.close(code=code, message=reason)
    except TimeoutError:
        log.info("the peer did not take the close frame")
    if request.transport:
        request.transport.abort()


async def _whole(speaker: Speaker, order: Speak) -> bytes:
    """All sound of one text."""
    try:
        check(speaker, order)
        manner = Manner(order.voice, order.speed, order.pitch, DEFAULT_RATE)
        parts = list(pieces(order.text))
        made = [
            await speaker.speak(part, manner, number == len(parts) - 1, threading.Event())
            for number, part in enumerate(parts)
        ]
    except Refused as error:
        raise NotSpoken(error.code, str(error)) from error
    except EspeakError as error:
        raise Unavailable(str(error)) from error
    return b"".join(piece.pcm for piece in made)


def _wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(DEFAULT_RATE)
        out.writeframes(pcm)
    return file.getvalue()


def _rate(text: str) -> int:
    known = ", ".join(map(str, RATES))
    if not text.isascii() or not text.isdigit() or int(text) not in RATES:
        raise BadRate(f"`rate` must be one of {known}, not {text!r}")
    return int(text)


def _described(voice: EspeakVoice) -> dict[str, str]:
    return {"name": voice.name, "title": voice.title, "gender": voice.gender}
