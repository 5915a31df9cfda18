"""REST for what can be chosen: personas, voices, and client secrets for the realtime wire."""

from collections.abc import Sequence

from aiohttp import web
from pydantic import BaseModel

from gateway.access import Access
from gateway.rest import models
from gateway.rest.routes import Route, answer, read
from gateway.wires.realtime.errors import WireError
from gateway.wires.realtime.settings import SessionSettings
from personas.loader import Catalogue
from services.base.problems import Invalid
from services.base.serve import bearer


class PersonaCard(BaseModel):
    """A persona as one chooses it."""

    name: str
    title: str
    description: str
    language: str
    voice: str
    default: bool


class Personas(BaseModel):
    """All personas."""

    personas: list[PersonaCard]


class VoiceCard(BaseModel):
    """A voice as one chooses it."""

    name: str
    title: str
    language: str
    gender: str


class Voices(BaseModel):
    """All voices."""

    voices: list[VoiceCard]


class Choices:
    """The handlers."""

    def __init__(self, catalogue: Catalogue, access: Access) -> None:
        self._catalogue, self._access = catalogue, access

    def routes(self) -> Sequence[Route]:
        return (
            Route("GET", "/api/personas", self.list_personas, "Personas that can take a call", Personas),
            Route("GET", "/api/voices", self.list_voices, "Voices that can be chosen", Voices),
            Route(
                "POST",
                "/v1/realtime/client_secrets",
                self.make_secret,
                "Make a client secret for the realtime wire",
                models.SecretAnswer,
                takes=models.SecretRequest,
            ),
        )

    async def list_personas(self, request: web.Request) -> web.Response:
        self._access.user(bearer(request))
        default = self._catalogue.default.name
        cards = [
            PersonaCard(
                name=p.name,
                title=p.title,
                description=p.description,
                language=p.language,
                voice=p.voice,
                default=p.name == default,
            )
            for p in self._catalogue.personas
        ]
        return answer(Personas(personas=cards))

    async def list_voices(self, request: web.Request) -> web.Response:
        self._access.user(bearer(request))
        cards = [
            VoiceCard(name=v.name, title=v.title, language=v.language, gender=v.gender)
            for v in self._catalogue.voices
        ]
        return answer(Voices(voices=cards))

    async def make_secret(self, request: web.Request) -> web.Response:
        caller = self._access.user(bearer(request))
        asked = await read(request, models.SecretRequest)
        persona = self._catalogue.default
        settings = SessionSettings("", "antiphon", persona.prompt, persona.voice, push_to_talk=False)
        try:
            settings.update(asked.session)
        except WireError as error:
            raise Invalid(str(error)) from error
        secret = self._access.new_secret(caller.owner, asked.expires_after.seconds, begins_with=asked.session)
        return answer(
            models.SecretAnswer(value=secret.value, expires_at=secret.expires_at, session=settings.body)
        )
