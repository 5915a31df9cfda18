"""REST for what can be chosen: personas, voices, and client secrets for the realtime wire."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from gateway.access import LIFETIMES_S, Access
from gateway.rest.routes import INTEGER, Body, Route, answer, read
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
    language: str = Field(description="BCP 47 tag")
    voice: str = Field(description="Its voice, where none is asked for")
    default: bool = Field(description="Whether it takes the calls that ask for none")


class Personas(BaseModel):
    """All personas."""

    personas: list[PersonaCard]


class VoiceCard(BaseModel):
    """A voice as one chooses it."""

    name: str
    title: str
    language: str = Field(description="BCP 47 tag")
    gender: Literal["female", "male", "neutral"]


class Voices(BaseModel):
    """All voices."""

    voices: list[VoiceCard]


class ExpiresAfter(Body):
    """When a client secret expires."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Field(ge=LIFETIMES_S[0], le=LIFETIMES_S[1]), INTEGER] = 600


class SecretRequest(Body):
    """Make a client secret that opens sessions of its owner."""

    expires_after: ExpiresAfter = ExpiresAfter()
    session: dict[str, Any] = Field(
        default_factory=dict,
        description="A session object as in `session.update`; sessions opened with the secret begin with it",
        examples=[{"type": "realtime", "instructions": "Answer in one sentence."}],
    )


class SecretAnswer(BaseModel):
    """A client secret, and the session object that its sessions begin with."""

    value: str
    expires_at: int = Field(description="Unix time, seconds")
    session: dict[str, Any]


class Choices:
    """The handlers."""

    def __init__(self, catalogue: Catalogue, access: Access) -> None:
        self._catalogue, self._access = catalogue, access

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                "GET",
                "/api/personas",
                self.list_personas,
                "Personas that can take a call",
                Personas,
                tag="choices",
            ),
            Route("GET", "/api/voices", self.list_voices, "Voices that can be chosen", Voices, tag="choices"),
            Route(
                "POST",
                "/v1/realtime/client_secrets",
                self.make_secret,
                "Make a client secret for the realtime wire",
                SecretAnswer,
                takes=SecretRequest,
                tag="realtime",
            ),
        )

    async def list_personas(self, request: web.Request) -> web.Response:
        """One of them is the default."""
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
        """By the names that sessions and recorded speech take."""
        self._access.user(bearer(request))
        cards = [
            VoiceCard(name=v.name, title=v.title, language=v.language, gender=v.gender)
            for v in self._catalogue.voices
        ]
        return answer(Voices(voices=cards))

    async def make_secret(self, request: web.Request) -> web.Response:
        """OpenAI's endpoint. The secret opens new sessions on `GET /v1/realtime` until it expires."""
        caller = self._access.user(bearer(request))
        asked = await read(request, SecretRequest)
        persona = self._catalogue.default
        settings = SessionSettings("", "antiphon", persona.prompt, persona.voice, push_to_talk=False)
        try:
            settings.update(asked.session)
        except WireError as error:
            raise Invalid(str(error)) from error
        secret = self._access.new_secret(caller.owner, asked.expires_after.seconds, begins_with=asked.session)
        return answer(SecretAnswer(value=secret.value, expires_at=secret.expires_at, session=settings.body))
