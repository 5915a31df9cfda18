"""`/openapi.json`: the routes as OpenAPI 3.1."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from inspect import cleandoc
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from gateway.rest.routes import Media, Route
from services.base.serve import OPEN_PATHS

TAGS = {
    "sessions": "Calls: made, shown, spoken into, ended.",
    "choices": "What can be chosen.",
    "topology": "What lives here now.",
    "speech": "Recorded speech.",
    "realtime": "The calls themselves go over a WebSocket.",
    "service": "The state of the gateway. No key is asked for.",
    "page": "The page. No key is asked for.",
}

SCHEMAS = "#/components/schemas/"


class Health(BaseModel):
    """It is alive."""

    status: Literal["ok"]
    part: Literal["gateway"]


class PartState(BaseModel):
    """Whether a part that calls need is there."""

    ready: bool
    reason: str | None = Field(description="What is missing; null where nothing is")


class Readiness(BaseModel):
    """Whether a call can be taken, and which part is missing."""

    part: Literal["gateway"]
    ready: bool
    parts: dict[str, PartState] = Field(
        examples=[{"database": {"ready": True, "reason": None}}],
        description="`database`, `transcriber`, `synthesizer`, `orchestrator`",
    )


class RealtimeQuery(BaseModel):
    """What may stand in the address of the client wire."""

    session_id: UUID | None = Field(
        None, description="A session made before; else one is made from the defaults"
    )
    model: str | None = Field(None, description="A persona's name; any other means the default persona")
    antiphon: Literal["1"] | None = Field(None, description="Send our own events, too")
    after: int | None = Field(None, ge=0, description="Resume behind the event whose id ends in this number")


@dataclass(frozen=True, slots=True)
class Plain:
    """A `GET` route beside the table."""

    path: str
    summary: str
    description: str
    tag: str
    answers: type[BaseModel] | Media
    statuses: Sequence[int] = (200,)
    """With that answer."""
    errors: Sequence[int] = ()
    query: type[BaseModel] | None = None
    open: bool = True
    """Asks for no key."""


PAGE = Media(("text/html", "text/plain"), "The page, or why there is none")

PLAIN = (
    Plain("/health", "Alive", "Touches nothing.", "service", Health),
    Plain(
        "/ready",
        "Able to take a call",
        "By part; 503 where one is missing. Asked at most once a second, however often this is.",
        "service",
        Readiness,
        (200, 503),
    ),
    Plain(
        "/metrics",
        "Measures",
        "For Prometheus.",
        "service",
        Media(("text/plain",), "Prometheus' text format"),
    ),
    Plain(
        "/openapi.json",
        "This description",
        "OpenAPI 3.1.",
        "service",
        Media(("application/json",), "This description"),
    ),
    Plain(
        "/v1/realtime",
        "The client wire",
        "A WebSocket in OpenAI's Realtime protocol: docs/realtime.md.",
        "realtime",
        Media((), "Upgraded"),
        (101,),
        (400, 401, 403, 404, 426, 503),
        RealtimeQuery,
        open=False,
    ),
    *(
        Plain(path, title, "503 with a sentence where it is not built.", "page", PAGE, (200, 503))
        for path, title in (
            ("/", "The page"),
            ("/voice-duplex", "The page"),
            ("/topology", "The topology's page"),
        )
    ),
)

PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details; `code` stays the same for ever.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string", "description": "What was found, and what was expected"},
        "retry_after": {"type": "integer", "description": "Seconds until asking again may help"},
    },
    "examples": [
        {
            "type": "urn:antiphon:problem:session_not_found",
            "title": "Not found",
            "status": 404,
            "code": "session_not_found",
            "detail": "there is no session 01980a50-0c1f-7d2e-b9a8-3c5d2f6a7b80",
        }
    ],
}

RETRY_AFTER = {"description": "Seconds until asking again may help", "schema": {"type": "integer"}}


def openapi(routes: Sequence[Route], asks_for_keys: bool) -> dict[str, Any]:
    """The OpenAPI 3.1 description of `routes`, and of those beside the table."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    for plain in PLAIN:
        paths[plain.path] = {"get": _plain(plain)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Antiphon gateway",
            "version": version("antiphon"),
            "summary": "Talk to your agents in full duplex",
            "description": "Sessions over REST; the calls themselves go over `GET /v1/realtime` (WebSocket).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {"schemas": _schemas(routes), "securitySchemes": {"key": KEY}},
        # On a loopback bind without keys none is asked for.
        "security": [{"key": []}] if asks_for_keys else [],
    }


KEY = {"type": "http", "scheme": "bearer", "description": "One of `ANTIPHON_API_KEYS`"}


def _schemas(routes: Sequence[Route]) -> dict[str, Any]:
    told = {
        each for each in (*(r.answers for r in routes), *(p.answers for p in PLAIN)) if isinstance(each, type)
    }
    taken = {route.takes for route in routes if route.takes is not None}
    modes: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((model, "serialization") for model in told),
        *((model, "validation") for model in taken),
    ]
    modes.sort(key=lambda each: each[0].__name__)
    _, schemas = models_json_schema(modes, ref_template=SCHEMAS + "{model}")
    return {**schemas["$defs"], "Problem": PROBLEM}


FORBIDDEN = (403,)
"""Pages of other origins are refused everywhere."""

ANYWHERE = (*FORBIDDEN, 429)
"""And what is too much everywhere but where probers ask."""


def _operation(route: Route) -> dict[str, Any]:
    # A body may be too slow.
    errors = {*route.errors, *ANYWHERE, *((408,) if route.takes else ())}
    operation: dict[str, Any] = {
        "tags": [route.tag],
        "summary": route.summary,
        "description": cleandoc(route.handler.__doc__ or ""),
        "operationId": route.handler.__name__,
        "parameters": [
            *_in_path(route.path),
            *_parameters("query", route.query),
            *_parameters("header", route.headers),
        ],
        "responses": {str(route.status): _answer(route.answers), **_problems(sorted(errors))},
    }
    if route.takes is not None:
        needed = bool(route.takes.model_json_schema().get("required"))
        operation["requestBody"] = {"required": needed, "content": _json(route.takes)}
    return operation


def _plain(plain: Plain) -> dict[str, Any]:
    name = re.sub(r"\W+", "_", plain.path).strip("_") or "page"
    return {
        "tags": [plain.tag],
        "summary": plain.summary,
        "description": plain.description,
        "operationId": f"get_{name}",
        "parameters": _parameters("query", plain.query),
        "responses": {
            **{str(status): _answer(plain.answers) for status in plain.statuses},
            **_problems(sorted({*plain.errors, *(FORBIDDEN if plain.path in OPEN_PATHS else ANYWHERE)})),
        },
        **({"security": []} if plain.open else {}),
    }


def _in_path(path: str) -> list[dict[str, Any]]:
    schema = {"type": "string", "format": "uuid"}
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _parameters(place: str, model: type[BaseModel] | None) -> list[dict[str, Any]]:
    """The fields of `model` as parameters; each of them may be left out."""
    if model is None:
        return []
    return [
        {"name": name, "in": place, "description": told.get("description", ""), "schema": _given(told)}
        for name, told in model.model_json_schema()["properties"].items()
    ]


def _given(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a parameter that is there must be: it cannot say null."""
    given: dict[str, Any] = next((each for each in schema.get("anyOf", ()) if each != {"type": "null"}), {})
    told = {k: v for k, v in {**schema, **given}.items() if k not in ("anyOf", "title", "description")}
    return {k: v for k, v in told.items() if (k, v) != ("default", None)}


def _answer(answers: type[BaseModel] | Media) -> dict[str, Any]:
    if isinstance(answers, Media):
        content = {kind: {"schema": _any(kind)} for kind in answers.kinds}
        return {"description": answers.description} | ({"content": content} if content else {})
    return {"description": cleandoc(answers.__doc__ or ""), "content": _json(answers)}


def _any(kind: str) -> dict[str, Any]:
    if kind == "text/event-stream":
        # What a schema would be of is settled in OpenAPI 3.2 alone.
        return {}
    if kind == "application/json":
        return {"type": "object"}
    return {"type": "string"} | ({} if kind.startswith("text/") else {"contentMediaType": kind})


def _problems(statuses: Sequence[int]) -> dict[str, Any]:
    reference = {"$ref": f"{SCHEMAS}Problem"}
    return {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": reference}},
            **({"headers": {"Retry-After": RETRY_AFTER}} if status in (429, 503) else {}),
        }
        for status in sorted(set(statuses))
    }


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": SCHEMAS + model.__name__}}}
