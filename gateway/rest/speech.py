"""REST for recorded speech: `POST /v1/audio/speech`, OpenAI's, by a persona's voice, sent as it is made."""

import asyncio
import logging
import struct
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field, StringConstraints, WithJsonSchema

from gateway.access import Access
from gateway.engines.cascade import PAUSE
from gateway.minds.sentences import sentences_of
from gateway.parts import Parts
from gateway.ports import PartAway, Synthesizer
from gateway.rest.routes import Body, Media, Route, read
from gateway.session.clock import BYTES, RATE
from personas.errors import PersonaError
from personas.model import SPEEDS, Voice
from services.base.problems import Busy, Invalid
from services.base.serve import bearer

log = logging.getLogger(__name__)

LONGEST = 4096
"""Characters, as OpenAI's."""

MOST = 4
"""At once. Calls speak by the same synthesizer, and a live one must not wait for a file."""

MOST_OF_ONE = 2
"""Of these for one key; operators have no limit of their own."""

SLOW_S = 10.0
"""What a client gets to take a piece."""

GRACE_S = 30.0
"""A client may take so much longer than the sound lasts, all pieces together; then its place goes to somebody else."""

FORMATS = {"wav": "audio/wav", "pcm": "audio/pcm"}

OPENAI_VOICES = frozenset(
    "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split()
)
"""None of them is here; programs written for OpenAI must name one all the same."""

UNTOLD = 0xFFFF_FFFF
"""For a length in a WAV header when it is not known yet: readers then go on to the end."""


class UnsupportedFormat(Invalid):
    """A format that would need an encoder which is not here."""

    code, title = "unsupported_format", "This format is not made here"


class SpeechRequest(Body):
    """A text to be spoken. What is OpenAI's and has no meaning here is accepted."""

    input: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST)] = Field(
        examples=["The build is done."]
    )
    persona: str | None = Field(
        None, description="Whose voice; null: the default persona's", examples=["myca"]
    )
    voice: str | None = Field(
        None,
        description="A name out of `GET /api/voices`; OpenAI's names mean the persona's own",
        examples=["fern"],
    )
    response_format: Annotated[str, WithJsonSchema({"type": "string", "enum": [*FORMATS]})] = Field(
        "wav", description="`pcm`: 16 bit little endian, mono, 24 kHz. `wav`: the same behind a header"
    )
    speed: float = Field(1.0, ge=0.25, le=4.0, description="1 is the voice's own; as far as the voice goes")
    model: str | None = Field(None, description="Without meaning here", examples=["tts-1"])
    instructions: str | None = Field(None, description="Without meaning here")
    stream_format: Literal["audio"] = Field("audio", description="The sound itself, not events about it")


class Speech:
    """The handler."""

    def __init__(self, parts: Parts, access: Access) -> None:
        self._parts, self._access = parts, access
        self._speaking: Counter[str | None] = Counter()
        """By owner; None: operators."""

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                "POST",
                "/v1/audio/speech",
                self.speak,
                "Speak a text",
                Media(tuple(FORMATS.values()), "The sound, sent while it is made"),
                takes=SpeechRequest,
                errors=(400, 401, 403, 503),
                tag="speech",
            ),
        )

    async def speak(self, request: web.Request) -> web.StreamResponse:
        """OpenAI's endpoint, by a persona's voice. A client that goes away ends it. When the voice is lost on the way,
        the connection breaks off: half a text must not pass for a whole one."""
        caller = self._access.user(bearer(request))
        asked = await read(request, SpeechRequest)
        if asked.response_format not in FORMATS:
            raise UnsupportedFormat(
                f"`response_format` must be one of {', '.join(FORMATS)}, not {asked.response_format!r}"
            )
        voice = self._voice(asked)
        synthesizer = self._parts.synthesizer()
        with self._place(None if caller.operator else caller.owner):
            try:
                async with aclosing(recorded(asked.input, voice, synthesizer)) as pieces:
                    # A voice that is away must be a problem and not an empty file.
                    first = await anext(pieces, b"")
                    response = web.StreamResponse()
                    response.content_type = FORMATS[asked.response_format]
                    head = wav_head() if asked.response_format == "wav" else b""
                    await self._send(request, response, head + first, pieces)
            finally:
                await synthesizer.close()
        return response

    async def _send(
        self,
        request: web.Request,
        response: web.StreamResponse,
        head: bytes,
        pieces: AsyncGenerator[bytes, None],
    ) -> None:
        try:
            await response.prepare(request)
            left = await _write(response, head, GRACE_S)
            async for piece in pieces:
                left = await _write(response, piece, left)
            async with asyncio.timeout(min(left, SLOW_S)):
                await response.write_eof()
        except ConnectionError:
            log.info("a client left while it was spoken to")
        except (PartAway, TimeoutError) as error:
            log.warning("speech broke off", extra={"error": repr(error)})
            if request.transport is not None:
                request.transport.abort()

    def _voice(self, asked: SpeechRequest) -> Voice:
        catalogue = self._parts.catalogue
        try:
            persona = catalogue.persona(asked.persona) if asked.persona else catalogue.default
            named = None if asked.voice in OPENAI_VOICES else asked.voice
            voice = catalogue.voice(named or persona.voice)
        except PersonaError as error:
            raise Invalid(str(error)) from error
        slowest, fastest = SPEEDS
        speed = min(max(voice.espeak.speed * asked.speed, slowest), fastest)
        return voice.model_copy(update={"espeak": voice.espeak.model_copy(update={"speed": speed})})

    @contextmanager
    def _place(self, owner: str | None) -> Iterator[None]:
        """One of `MOST`.

        Raises:
            Busy: none is free, or this owner has enough of them.
        """
        if self._speaking.total() >= MOST:
            raise Busy(f"{MOST} texts are being spoken", retry_after=1)
        if owner is not None and self._speaking[owner] >= MOST_OF_ONE:
            raise Busy(f"{MOST_OF_ONE} texts are being spoken for this key", retry_after=1)
        self._speaking[owner] += 1
        try:
            yield
        finally:
            self._speaking[owner] -= 1
            if not self._speaking[owner]:
                del self._speaking[owner]


async def recorded(text: str, voice: Voice, synthesizer: Synthesizer) -> AsyncGenerator[bytes, None]:
    """The sound of `text`, PCM16 mono at 24 kHz, sentence by sentence, with the pauses that a call has.

    Raises:
        PartAway
    """
    for place, sentence in enumerate(sentences_of(text)):
        if place:
            yield bytes(PAUSE * BYTES)
        async with aclosing(synthesizer.speak(sentence, voice)) as sounds:
            async for sound in sounds:
                if sound.pcm:
                    yield sound.pcm


def wav_head() -> bytes:
    """A WAV header in front of PCM16 mono at 24 kHz whose length is not known yet."""
    sizes = (RATE, RATE * BYTES, BYTES, 8 * BYTES)
    plain_pcm, channels = 1, 1
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", UNTOLD, b"WAVE"),
        *(b"fmt ", 16, plain_pcm, channels, *sizes),
        *(b"data", UNTOLD),
    )


async def _write(response: web.StreamResponse, piece: bytes, left: float) -> float:
    """Returns how many seconds are left to take all that follows, `left` and the length of this piece being given.

    Raises:
        TimeoutError: it was not taken.
    """
    if not piece:
        return left
    left += len(piece) / BYTES / RATE
    now = asyncio.get_running_loop().time
    begun = now()
    # The time that the making takes is not the client's.
    async with asyncio.timeout(min(left, SLOW_S)):
        await response.write(piece)
    return left - (now() - begun)
