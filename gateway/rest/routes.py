"""The table of REST routes, from which router and OpenAPI are both made, and how what a route takes is read."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, ValidationError

from gateway.strict_json import BadJson, parse
from services.base.problems import Invalid, Problem

M = TypeVar("M", bound=BaseModel)

BODY_S = 30.0
"""For a few kilobytes: who sends them byte by byte holds a connection for nothing."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class TooSlow(Problem):
    """A request that never comes to its end."""

    code, status, title = "request_timeout", 408, "The request did not come in time"


@dataclass(frozen=True, slots=True)
class Media:
    """An answer that is not JSON."""

    kinds: tuple[str, ...]
    """Media types; which of them comes is the request's choice."""
    description: str


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path; its handler's docstring is its description."""

    method: str
    path: str
    handler: Handler
    summary: str
    answers: type[BaseModel] | Media
    status: int = 200
    takes: type[BaseModel] | None = None
    """The JSON body."""
    query: type[BaseModel] | None = None
    headers: type[BaseModel] | None = None
    """By their names on the wire, as aliases."""
    errors: Sequence[int] = (400, 401, 403)
    tag: str = "sessions"


class Body(BaseModel):
    """Unknown fields are refused: a misspelt one would else be ignored without a word."""

    model_config = ConfigDict(extra="forbid")


def _integral(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


INTEGER = BeforeValidator(_integral)
"""Behind an `int` of a JSON body: 1.0 is a whole number there (JSON Schema, Validation, 6.1.1)."""


def _flag(text: object) -> object:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _whole(text: object) -> object:
    if not re.fullmatch(r"-?\d{1,18}", str(text), re.ASCII):
        raise ValueError("must be a whole number")
    return int(str(text))


def _moment(text: object) -> object:
    # A plus in a query is a space to a lenient client.
    text = re.sub(r" (?=\d\d:\d\d$)", "+", str(text))
    # Pydantic also takes a Unix time, and other spellings that nobody was promised.
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?", text, re.ASCII):
        raise ValueError("must be a time like 2026-01-31T12:00:00Z")
    return text


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the calendar") from error


Flag = Annotated[bool, BeforeValidator(_flag)]
"""`true` or `false`."""
WHOLE = BeforeValidator(_whole)
"""Behind an `int` and its limits: in digits."""
Moment = Annotated[AwareDatetime, BeforeValidator(_moment), AfterValidator(_utc)]
"""A time with its zone, as RFC 3339 writes it."""


async def read(request: web.Request, model: type[M]) -> M:
    """Read the JSON body as `model`; an empty body is an empty object.

    Raises:
        Invalid: naming each field and what was expected.
        TooSlow: the body did not come in time.
    """
    try:
        async with asyncio.timeout(BODY_S):
            raw = await request.read()
        # Not by the charset that the request names: JSON is UTF-8 (RFC 8259, 8.1).
        text = raw.decode() or "{}"
        body = parse(text)
    except TimeoutError as error:
        raise TooSlow(f"the body did not come within {BODY_S:g} s") from error
    except BadJson as error:
        raise Invalid(f"the body cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise Invalid("the body is not UTF-8") from error
    if not isinstance(body, dict):
        raise Invalid("the body must be a JSON object")
    with _faults_told():
        # From the text once more: only of JSON does pydantic know that an id may be a string, and 0 is not false.
        return model.model_validate_json(text, strict=True)


def read_query(request: web.Request, model: type[M]) -> M:
    """Read the query as `model`.

    Raises:
        Invalid: naming each parameter and what was expected; one that is given twice, too.
    """
    given: dict[str, Any] = dict(request.query)
    if len(given) < len(request.query):
        raise Invalid("each parameter of the query may be given once")
    with _faults_told():
        return model.model_validate(given)


def read_headers(request: web.Request, model: type[M]) -> M:
    """Read those headers that `model` knows.

    Raises:
        Invalid: naming each header and what was expected.
    """
    known = [field.alias for field in model.model_fields.values() if field.alias]
    with _faults_told():
        return model.model_validate(
            {name: request.headers[name] for name in known if name in request.headers}
        )


@contextmanager
def _faults_told() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        faults = [f"`{'.'.join(map(str, e['loc']))}`: {e['msg']}" for e in error.errors()]
        raise Invalid("; ".join(faults)) from error


def answer(body: BaseModel, status: int = 200) -> web.Response:
    """`body` as JSON."""
    return web.Response(status=status, content_type="application/json", text=body.model_dump_json())
