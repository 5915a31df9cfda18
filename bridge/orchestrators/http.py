"""The orchestrator over HTTP (contracts, 6): ours, any MAS with the same calls, or one with `chat` alone."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

import aiohttp
from pydantic import BaseModel, TypeAdapter, ValidationError

from bridge.bounds import KEPT, cut_result
from bridge.orchestrators.sse import MAX_EVENT, EventStream, EventTooLong
from bridge.ports import (
    BadResult,
    ChatEvent,
    OrchestratorAway,
    OrchestratorError,
    OrchestratorLost,
    OrchestratorRefused,
    OrchestratorTimeout,
)
from services.orchestrator.protocol import (
    CALLS_PATH,
    CHAT_PATH,
    PLAN_PATH,
    AgentDescription,
    CallState,
    ChatRequest,
    ChatResult,
    Failure,
    Plan,
    PlanRequest,
    Progress,
    ToolDescription,
)

WHOLE_MESSAGE = Plan(tool="chat", risk="write", idempotent=False)
"""What a MAS that cannot plan is taken for: whatever it does, it may change the world, and is called once."""

NO_SUCH_CALL = frozenset({404, 405, 501})
"""How a server says that it does not know a path or a method."""

CHAT_EVENTS: dict[str, type[ChatEvent]] = {"progress": Progress, "result": ChatResult, "error": Failure}
"""By the event's name on the stream."""

TOO_LONG = f"an answer of more than {MAX_EVENT} bytes"

TOOLS = TypeAdapter(list[ToolDescription])
AGENTS = TypeAdapter(list[AgentDescription])

M = TypeVar("M", bound=BaseModel)
L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds."""

    connect: float = 2.0
    answer: float = 5.0
    """For the whole of a short answer: a plan, a list, a call-off."""
    silence: float = 30.0
    """Between two signs of life of a deed; a comment on the stream is one."""


class HttpOrchestrator:
    """Safe to share between calls. Nothing is ever asked twice in here; whether to do so is the caller's to know."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, key: str = "", waits: Waits | None = None
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        waits = waits or Waits()
        self._short = aiohttp.ClientTimeout(total=waits.answer, connect=waits.connect)
        self._long = aiohttp.ClientTimeout(total=None, connect=waits.connect, sock_read=waits.silence)

    async def plan(self, message: str, context: dict[str, Any], conversation_id: str) -> Plan:
        """See the port. A MAS that does not know this call gets the message as it is, by `chat`."""
        asked = PlanRequest(message=message, context=context, conversation_id=conversation_id)
        async with self._asked("POST", PLAN_PATH, self._short, asked.model_dump(mode="json")) as answer:
            if answer.status in NO_SUCH_CALL:
                return WHOLE_MESSAGE
            _check(answer)
            plan = _parsed(Plan, await _body(answer))
        if "tool" not in plan.model_fields_set:
            raise BadResult("a plan without `tool`")
        return plan

    async def chat(
        self,
        message: str,
        plan: Plan,
        conversation_id: str,
        key: str,
        amends: UUID | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[ChatEvent, None]:
        known_plan = None if plan == WHOLE_MESSAGE else plan
        asked = ChatRequest(
            message=message,
            conversation_id=conversation_id,
            plan=known_plan,
            idempotency_key=key,
            amends=str(amends) if amends else None,
            context=dict(context or {}),
        )
        body = asked.model_dump(mode="json", exclude_none=True)
        accept = {"Accept": "text/event-stream, application/json;q=0.9"}
        async with self._asked("POST", CHAT_PATH, self._long, body, accept) as answer:
            _check(answer)
            if answer.content_type != "text/event-stream":
                yield await _result(answer)
                return
            stream = EventStream()
            async for chunk in answer.content.iter_any():
                for event in _chat_events(stream, chunk):
                    yield event
                    if not isinstance(event, Progress):
                        return
        raise OrchestratorLost("the stream ended without a result")

    async def tools(self) -> list[ToolDescription]:
        return await self._listed("/tools", TOOLS)

    async def agents(self) -> list[AgentDescription]:
        """Its agents; none for a MAS that does not tell."""
        return await self._listed("/agents", AGENTS)

    async def _listed(self, path: str, kind: TypeAdapter[list[L]]) -> list[L]:
        async with self._asked("GET", path, self._short) as answer:
            if answer.status in NO_SUCH_CALL:
                return []
            _check(answer)
            try:
                return kind.validate_json(await _body(answer))
            except ValidationError as error:
                raise BadResult(_first_error(error)) from error

    async def state(self, key: str) -> CallState | None:
        async with self._asked("GET", _call_path(key), self._short) as answer:
            if answer.status in NO_SUCH_CALL:
                return None
            _check(answer)
            return _parsed(CallState, await _body(answer))

    async def cancel(self, key: str) -> bool:
        async with self._asked("DELETE", _call_path(key), self._short) as answer:
            # 409: the tool must not be stopped half way.
            if answer.status in NO_SUCH_CALL or answer.status == 409:
                return False
            _check(answer)
            try:
                call = json.loads(await _body(answer))
            except (ValueError, RecursionError) as error:
                raise BadResult("a call's state that is not JSON") from error
        return isinstance(call, dict) and call.get("state") == "cancelled"

    async def ready(self) -> str | None:
        """See the port. `/health` has to do where a MAS knows no `/ready`."""
        try:
            for path in ("/ready", "/health"):
                async with self._asked("GET", path, self._short) as answer:
                    if answer.status not in NO_SUCH_CALL:
                        return None if answer.ok else f"{self._url}{path} answered {answer.status}"
        except OrchestratorError as error:
            return f"the orchestrator at {self._url}: {error}"
        return f"{self._url} knows neither /ready nor /health"

    @asynccontextmanager
    async def _asked(
        self,
        method: str,
        path: str,
        timeout: aiohttp.ClientTimeout,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request, and what can go wrong while its answer is read, in the port's words."""
        try:
            async with self._http.request(
                method,
                self._url + path,
                json=body,
                headers=self._headers | (headers or {}),
                timeout=timeout,
                allow_redirects=False,  # a redirect would ask twice
            ) as answer:
                yield answer
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise OrchestratorAway(str(error) or "no connection in time") from error
        except TimeoutError as error:
            raise OrchestratorTimeout(str(error) or "no answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise OrchestratorLost(f"{type(error).__name__}: {error}") from error


def _call_path(key: str) -> str:
    return f"{CALLS_PATH}/{quote(key, safe='')}"


def _check(answer: aiohttp.ClientResponse) -> None:
    """Raise what a status other than success stands for."""
    if 200 <= answer.status < 300:
        return
    said = f"it answered {answer.status} {answer.reason}"
    if answer.status < 500 or answer.status == 503:
        raise OrchestratorRefused(said)
    raise OrchestratorError(said)


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """All of a short answer."""
    body, is_whole = await _beginning(answer)
    if not is_whole:
        raise BadResult(TOO_LONG)
    return body


async def _beginning(answer: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """What is taken in of an answer of any length, and whether that is all of it; nobody reads the rest."""
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MAX_EVENT:
            return bytes(body), False
    return bytes(body), True


async def _result(answer: aiohttp.ClientResponse) -> ChatResult:
    """A result that does not come as a stream."""
    body, is_whole = await _beginning(answer)
    return _parsed(ChatResult, body) if is_whole else _cut(body.decode(errors="ignore"))


def _cut(beginning: str) -> ChatResult:
    """A result of which only the beginning was taken in."""
    result = cut_result(beginning[:KEPT])
    if result is None:
        raise BadResult(TOO_LONG)
    return result


def _chat_events(stream: EventStream, chunk: bytes) -> list[ChatEvent]:
    """What `chunk` completes, in the port's words; other events are left out, so that a MAS may have more."""
    try:
        events = stream.feed(chunk)
    except EventTooLong as error:
        if error.beginning.name != "result":
            raise BadResult(f"the event stream: {error}") from error
        return [_cut(error.beginning.data)]
    except ValueError as error:
        raise BadResult(f"the event stream: {error}") from error
    return [_parsed(CHAT_EVENTS[event.name], event.data) for event in events if event.name in CHAT_EVENTS]


def _parsed(model: type[M], data: bytes | str) -> M:
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise BadResult(_first_error(error)) from error


def _first_error(error: ValidationError) -> str:
    """Field and trouble, without the value: it may hold what people said."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{error.title}: {'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}"
