"""The table of REST routes: what aiohttp serves and what `/openapi.json` says come from the same rows."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema

from gateway.strict_json import BadJson, parse
from services.base.problems import Invalid

M = TypeVar("M", bound=BaseModel)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Query:
    """One parameter of the query, or a header."""

    name: str
    schema: dict[str, Any]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path."""

    method: str
    path: str
    handler: Handler
    summary: str
    answers: type[BaseModel]
    status: int = 200
    takes: type[BaseModel] | None = None
    query: Sequence[Query] = ()
    headers: Sequence[Query] = ()
    errors: Sequence[int] = field(default=(400, 401, 403))


async def read(request: web.Request, model: type[M]) -> M:
    """Read the JSON body as `model`; an empty body is an empty object.

    Raises:
        Invalid: naming each field and what was expected.
    """
    try:
        # Not by the charset that the request names: JSON is UTF-8 (RFC 8259, 8.1).
        text = (await request.read()).decode()
        body = parse(text) if text.strip() else {}
        if not isinstance(body, dict):
            raise Invalid("the body must be a JSON object")
        return model.model_validate(body)
    except ValidationError as error:
        faults = [f"`{'.'.join(map(str, e['loc']))}`: {e['msg']}" for e in error.errors()]
        raise Invalid("; ".join(faults)) from error
    except BadJson as error:
        raise Invalid(f"the body cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise Invalid("the body is not UTF-8") from error


def answer(body: BaseModel, status: int = 200) -> web.Response:
    """`body` as JSON."""
    return web.Response(status=status, content_type="application/json", text=body.model_dump_json())


def openapi(routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI 3.1 description of `routes`."""
    models = sorted(
        {m for r in routes for m in (r.answers, r.takes) if m is not None}, key=lambda m: m.__name__
    )
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    for path, summary, kind in PLAIN:
        paths[path] = {"get": _plain(path, summary, kind)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Antiphon gateway",
            "version": version("antiphon"),
            "description": "Sessions over REST; the calls themselves go over `GET /v1/realtime` (WebSocket).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}) | {"Problem": PROBLEM},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        # On a loopback bind no key is asked for.
        "security": [{}, {"key": []}],
    }


PLAIN = (
    ("/health", "Alive; touches nothing", "application/json"),
    ("/ready", "Able to take a call, per part; 503 where one is missing", "application/json"),
    ("/metrics", "Prometheus", "text/plain"),
    ("/openapi.json", "This description", "application/json"),
    ("/v1/realtime", "The client wire: a WebSocket, OpenAI's Realtime protocol (docs/realtime.md)", ""),
    ("/", "The page", "text/html"),
    ("/voice-duplex", "The page", "text/html"),
)
"""Routes beside the table: path, summary, and the kind of answer; none where the connection is upgraded."""

PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details; `code` stays the same for ever.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}


def _operation(route: Route) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": "session_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
        for _ in range(route.path.count("{session_id}"))
    ]
    parameters += [
        {"name": q.name, "in": place, "schema": q.schema, "description": q.description}
        for place, given in (("query", route.query), ("header", route.headers))
        for q in given
    ]
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": route.handler.__name__,
        "parameters": parameters,
        "responses": {
            str(route.status): {
                "description": (route.answers.__doc__ or "").strip(),
                "content": _json(route.answers),
            }
        },
    }
    for status in route.errors:
        operation["responses"][str(status)] = {
            "description": "A problem",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    if route.takes is not None:
        operation["requestBody"] = {"content": _json(route.takes)}
    return operation


def _plain(path: str, summary: str, kind: str) -> dict[str, Any]:
    status, description = ("200", "As asked") if kind else ("101", "Upgraded")
    response: dict[str, Any] = {"description": description}
    if kind:
        response["content"] = {kind: {}}
    name = re.sub(r"\W+", "_", path).strip("_") or "page"
    return {"summary": summary, "operationId": f"get_{name}", "responses": {status: response}}


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
