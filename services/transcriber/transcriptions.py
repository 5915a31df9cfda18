"""`POST /v1/audio/transcriptions`, as OpenAI's: a whole recording to its words."""

import asyncio
from dataclasses import dataclass

from aiohttp import web

from services.base.problems import Invalid, Unavailable
from services.transcriber.framing import Kind
from services.transcriber.hearing import Hearing, WorkerLost
from services.transcriber.languages import DEFAULT_LANGUAGE, check_language
from services.transcriber.protocol import Final, decode
from services.transcriber.sound import Recording, read_wav
from services.transcriber.workers import Workers

FORMATS = ("json", "text", "verbose_json")
PIECE_S = 1.0


@dataclass(frozen=True, slots=True)
class Order:
    """What the form asks for."""

    file: bytes
    response_format: str
    language: str


async def transcribe(request: web.Request, workers: Workers) -> web.Response:
    """Read the form, have a worker hear the recording, answer in the format asked for."""
    order = await _form(request)
    # Mixing and scaling minutes of sound would hold up everybody's frames.
    recording = await asyncio.to_thread(read_wav, order.file)
    async with workers.hearing(recording.rate, order.language) as hearing:
        try:
            final = await _heard(hearing, recording)
        except WorkerLost as error:
            raise Unavailable(f"{error}; send the file again", retry_after=1) from error
    match order.response_format:
        case "text":
            return web.Response(text=f"{final.text}\n")
        case "verbose_json":
            return web.json_response(_verbose(final, recording))
        case _:
            return web.json_response({"text": final.text})


async def _heard(hearing: Hearing, recording: Recording) -> Final:
    feeding = asyncio.create_task(_feed(hearing, recording), name="transcription feed")
    try:
        async for kind, event in hearing.events():
            final = decode(event)
            if kind is Kind.FINAL and isinstance(final, Final):
                return final
    finally:
        feeding.cancel()
        await asyncio.wait({feeding})
    raise WorkerLost("the recogniser ended without an answer")


async def _feed(hearing: Hearing, recording: Recording) -> None:
    step = 2 * round(PIECE_S * recording.rate)
    for start in range(0, len(recording.pcm), step):
        await hearing.room()
        hearing.hear(recording.pcm[start : start + step])
    hearing.finish()


async def _form(request: web.Request) -> Order:
    if request.content_type != "multipart/form-data":
        raise Invalid(f"wanted: multipart/form-data with a `file`; this is {request.content_type}")
    form = await request.post()
    file = form.get("file")
    if not isinstance(file, web.FileField):
        raise Invalid("`file` is missing, or has no file name")
    wanted = str(form.get("response_format", FORMATS[0]))
    if wanted not in FORMATS:
        raise Invalid(f"`response_format` must be one of {', '.join(FORMATS)}, not {wanted}")
    language = check_language(str(form.get("language", DEFAULT_LANGUAGE)))
    return Order(file.file.read(), wanted, language)


def _verbose(final: Final, recording: Recording) -> dict[str, object]:
    words = [
        {"word": word.text, "start": word.start / recording.rate, "end": word.end / recording.rate}
        for word in final.words
    ]
    return {
        "task": "transcribe",
        "language": "english",
        "duration": recording.seconds,
        "text": final.text,
        "words": words,
        "confidence": final.confidence,
    }
