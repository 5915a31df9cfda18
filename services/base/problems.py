"""Errors that a client can act on: RFC 9457 problem details with a stable `code`."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Problem(Exception):
    """Root of the errors that leave this process; each leaf has a `code` that stays the same for ever."""

    code = "internal"
    status = 500
    title = "Something went wrong on our side"

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """The problem as RFC 9457 wants it, with `code` beside."""
        return {
            "type": f"urn:antiphon:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            **({"detail": self.detail} if self.detail else {}),
            **self.extra,
        }


class Invalid(Problem):
    """The peer sent something that cannot be understood."""

    code, status, title = "invalid_request", 400, "The request cannot be understood"


class Unauthorized(Problem):
    """No key, or a wrong one."""

    code, status, title = "unauthorized", 401, "A valid key is needed"


class Forbidden(Problem):
    """A good key, but not for this; or a page of another origin."""

    code, status, title = "forbidden", 403, "Not allowed"


class NotFound(Problem):
    """What was asked for is not there."""

    code, status, title = "not_found", 404, "Not found"


class Conflict(Problem):
    """It is there, but in a state in which this cannot be done."""

    code, status, title = "conflict", 409, "Not possible in the present state"


class Busy(Problem):
    """No place is free; `retry_after` (seconds) says when to come again."""

    code, status, title = "busy", 503, "No place is free at the moment"

    def __init__(self, detail: str = "", retry_after: int = 5) -> None:
        super().__init__(detail, retry_after=retry_after)


class Unavailable(Problem):
    """A part that this needs cannot be reached."""

    code, status, title = "unavailable", 503, "A part that is needed cannot be reached"


class StoreAway(Unavailable):
    """Postgres cannot be reached, or does not answer in time."""

    code, title = "store_away", "The database cannot be reached"


def problem_response(problem: Problem) -> web.Response:
    """Render `problem` as `application/problem+json`."""
    headers = {}
    if "retry_after" in problem.extra:
        headers["Retry-After"] = str(problem.extra["retry_after"])
    return web.Response(
        status=problem.status,
        headers=headers,
        content_type="application/problem+json",
        text=json.dumps(problem.body()),
    )


CODES = {
    400: "invalid_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    417: "expectation_failed",
}
"""Of aiohttp's own errors, whose words change with Python's."""


def _own(request: web.Request, error: web.HTTPException) -> web.Response:
    """An error of aiohttp's own as problem details."""
    details = {404: f"nothing is at {request.path}"}
    if isinstance(error, web.HTTPMethodNotAllowed):
        details[405] = f"{request.path} takes {', '.join(sorted(error.allowed_methods))}, not {error.method}"
    plain = Problem(details.get(error.status) or error.text or "")
    plain.status, plain.title = error.status, error.reason
    plain.code = CODES.get(error.status, f"http_{error.status}")
    response = problem_response(plain)
    if "Allow" in error.headers:
        # RFC 9110, 15.5.6: it must be there.
        response.headers["Allow"] = error.headers["Allow"]
    return response


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into problem details, so that a client never parses an HTML page."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem_response(problem)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _own(request, error)
    except Exception:
        log.exception("request failed", extra={"path": request.path})
        return problem_response(Problem())


def expect(body: Any, field: str, kind: type | tuple[type, ...], default: Any = ...) -> Any:
    """Take `field` out of a decoded JSON object, or raise `Invalid` naming field and kind."""
    if not isinstance(body, Mapping):
        raise Invalid("the body must be a JSON object")
    value = body.get(field, default)
    if value is ...:
        raise Invalid(f"`{field}` is missing")
    if value is not default and not isinstance(value, kind):
        names = [k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,))]
        raise Invalid(f"`{field}` must be {' or '.join(names)}, not {type(value).__name__}")
    return value
