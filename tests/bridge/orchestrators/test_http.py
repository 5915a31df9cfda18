"""The HTTP adapter against a server that behaves badly, for real, on a socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web

from bridge.orchestrators.http import HttpOrchestrator, Waits
from bridge.orchestrators.sse import MAX_EVENT
from bridge.ports import (
    BadResult,
    ChatEvent,
    CutResult,
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
    CallState,
    ChatResult,
    Failure,
    Plan,
    Progress,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PLAN = Plan(tool="clock", agent="time", risk="read", idempotent=True)
PATIENT = Waits(connect=20, answer=20, silence=20)
HASTY = Waits(connect=20, answer=0.05, silence=0.05)


class Server:
    """A MAS whose answers the test writes; what it was asked is kept."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.asked: list[tuple[str, str, Any]] = []
        self.headers: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append((request.method, request.raw_path, json.loads(body) if body else None))
        self.headers.append(dict(request.headers))
        return await self.handler(request)


Start = Callable[..., Awaitable[tuple[HttpOrchestrator, Server]]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    runners: list[web.AppRunner] = []
    sessions: list[aiohttp.ClientSession] = []

    async def begin(
        handler: Handler, waits: Waits = PATIENT, key: str = ""
    ) -> tuple[HttpOrchestrator, Server]:
        server = Server(handler)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", server.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        session = aiohttp.ClientSession()
        sessions.append(session)
        return HttpOrchestrator(session, f"http://127.0.0.1:{runner.addresses[0][1]}/", key, waits), server

    yield begin
    for session in sessions:
        await session.close()
    for runner in runners:
        await runner.cleanup()


def answers(body: object, status: int = 200) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        if isinstance(body, bytes):
            return web.Response(body=body, status=status)
        return web.json_response(body, status=status)

    return handler


def streams(*pieces: bytes, then: Callable[[web.Request], Awaitable[None]] | None = None) -> Handler:
    """A handler that sends `pieces` as an event stream, and then does `then`."""

    async def handler(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        for piece in pieces:
            await stream.write(piece)
        if then:
            await then(request)
        return stream

    return handler


async def die(request: web.Request) -> None:
    assert request.transport
    request.transport.abort()


async def hang(_: web.Request) -> None:
    await asyncio.Event().wait()


async def hangs(request: web.Request) -> web.Response:
    await hang(request)
    return web.Response()


async def dies(request: web.Request) -> web.Response:
    await die(request)
    return web.Response()


async def chat(orchestrator: HttpOrchestrator, plan: Plan = PLAN) -> list[ChatEvent]:
    async with asyncio.timeout(20):
        return [event async for event in orchestrator.chat("what time is it", plan, "talk", "key-1")]


def event(name: str, **fields: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(fields)}\n\n".encode()


RESULT = event("result", response_text="Noon.", agent="time", action="clock")


async def test_a_plan_is_asked_for_as_the_wire_says(start: Start) -> None:
    orchestrator, server = await start(answers(PLAN.model_dump()), key="secret")
    plan = await orchestrator.plan("what time is it", {"timezone": "Asia/Tokyo"}, "talk")
    assert plan == PLAN
    body = {"message": "what time is it", "context": {"timezone": "Asia/Tokyo"}, "conversation_id": "talk"}
    assert server.asked == [("POST", PLAN_PATH, body)]
    assert server.headers[0]["Authorization"] == "Bearer secret"


async def test_no_tool_is_a_plan(start: Start) -> None:
    orchestrator, _ = await start(answers({"tool": None}))
    assert (await orchestrator.plan("hm", {}, "talk")).tool is None


async def test_a_deed_is_asked_for_as_the_wire_says_and_its_events_come_in_order(start: Start) -> None:
    working = event("progress", text="Looking.", fraction=0.5)
    orchestrator, server = await start(streams(b": hello\n\n", working, event("other", x=1), RESULT))
    assert await chat(orchestrator) == [
        Progress(text="Looking.", fraction=0.5),
        ChatResult(response_text="Noon.", agent="time", action="clock"),
    ]
    assert server.asked == [
        (
            "POST",
            CHAT_PATH,
            {
                "message": "what time is it",
                "conversation_id": "talk",
                "source": "voice",
                "want_audio": False,
                "plan": PLAN.model_dump(),
                "context": {},
                "idempotency_key": "key-1",
            },
        )
    ]
    assert "text/event-stream" in server.headers[0]["Accept"]


async def test_a_deed_names_who_asks_and_the_one_whose_place_it_takes(start: Start) -> None:
    orchestrator, server = await start(streams(RESULT))
    who = {"session_id": "s", "language": "en"}
    async for _ in orchestrator.chat("what time is it", PLAN, "talk", "key:2", UUID(int=1), who):
        pass
    [(_, _, body)] = server.asked
    assert body["context"] == who
    assert (body["idempotency_key"], body["amends"]) == ("key:2", "00000000-0000-0000-0000-000000000001")


async def test_a_failure_ends_the_stream(start: Start) -> None:
    orchestrator, _ = await start(
        streams(event("error", code="tool_failed", message="no"), RESULT, then=hang)
    )
    assert await chat(orchestrator) == [Failure(code="tool_failed", message="no")]


async def test_an_answer_in_plain_json_is_a_result(start: Start) -> None:
    orchestrator, _ = await start(answers({"response_text": "Noon."}))
    assert await chat(orchestrator) == [ChatResult(response_text="Noon.")]


# A foreign MAS.


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_mas_that_cannot_plan_gets_the_message_once_as_a_write(start: Start, status: int) -> None:
    async def foreign(request: web.Request) -> web.Response:
        if request.path != CHAT_PATH:
            return web.Response(status=status)
        return web.json_response(
            {
                "response_text": "",
                "requires_confirmation": True,
                "confirmation_prompt": "Delete all?",
                "agent_name": "Cleaner",
                "mood": "good",
            }
        )

    orchestrator, server = await start(foreign)
    plan = await orchestrator.plan("delete all", {}, "talk")
    assert (plan.risk, plan.idempotent) == ("write", False)
    (result,) = await chat(orchestrator, plan)
    assert isinstance(result, ChatResult)
    assert (result.requires_confirmation, result.confirmation_prompt, result.agent_name) == (
        True,
        "Delete all?",
        "Cleaner",
    )
    assert "plan" not in server.asked[1][2]
    assert [path for _, path, _ in server.asked] == [PLAN_PATH, CHAT_PATH]
    assert await orchestrator.tools() == []
    assert await orchestrator.agents() == []
    assert await orchestrator.cancel("key-1") is False
    assert await orchestrator.state("key-1") is None


# Trouble.


@pytest.mark.parametrize(
    ("handler", "error", "may_have_acted"),
    [
        (answers({}, 401), OrchestratorRefused, False),
        (answers({}, 422), OrchestratorRefused, False),
        (answers({}, 503), OrchestratorRefused, False),
        (answers({}, 302), OrchestratorRefused, False),
        (answers({}, 500), OrchestratorError, True),
        (answers(b"<html>"), BadResult, True),
        (answers([1, 2]), BadResult, True),
        (answers({"answer": "noon"}), BadResult, True),
        (answers(b"[" * 100_000), BadResult, True),
        (answers(b'"' + b"x" * (MAX_EVENT + 1) + b'"'), BadResult, True),
        (dies, OrchestratorLost, True),
    ],
)
async def test_trouble_has_a_name_and_says_whether_a_deed_may_be_done(
    start: Start, handler: Handler, error: type[OrchestratorError], may_have_acted: bool
) -> None:
    orchestrator, server = await start(handler)
    with pytest.raises(error) as planning:
        await orchestrator.plan("what time is it", {}, "talk")
    with pytest.raises(error) as acting:
        await chat(orchestrator)
    assert type(planning.value) is type(acting.value) is error
    assert acting.value.may_have_acted is may_have_acted
    assert len(server.asked) == 2


async def test_a_redirect_is_not_followed_for_it_would_ask_twice(start: Start) -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(CHAT_PATH)

    orchestrator, server = await start(elsewhere)
    with pytest.raises(OrchestratorRefused):
        await chat(orchestrator)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("pieces", "then", "error"),
    [
        ([event("progress", text="half way")], die, OrchestratorLost),
        ([event("progress", text="half way")], None, OrchestratorLost),
        ([event("result", nonsense=1)], hang, BadResult),
        ([b"event: result\ndata: {\n\n"], hang, BadResult),
        ([b"data: \xff\xfe\n\n"], hang, BadResult),
        ([b"data: " + b"x" * 2 * MAX_EVENT], hang, BadResult),
        ([b"event: progress\ndata: " + b"x" * 2 * MAX_EVENT], hang, BadResult),
        ([b"event: result\ndata: " + b"x" * 2 * MAX_EVENT], hang, BadResult),
    ],
)
async def test_a_stream_that_breaks_off_or_makes_no_sense_has_a_name(
    start: Start,
    pieces: list[bytes],
    then: Callable[[web.Request], Awaitable[None]] | None,
    error: type[OrchestratorError],
) -> None:
    orchestrator, _ = await start(streams(*pieces, then=then))
    with pytest.raises(error):
        await chat(orchestrator)


LONG_RESULT = (
    b'{"status": "success", "agent": "files", "response_text": "It begins so. ' + b"And so on. " * 1000
)
PIECE = b"And so on. " * 100_000


def pours(content_type: str, head: bytes, left: asyncio.Event) -> Handler:
    """A result without end: whoever wants the whole of it runs out of memory."""

    async def handler(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": content_type})
        await stream.prepare(request)
        try:
            await stream.write(head + LONG_RESULT)
            while True:
                await stream.write(PIECE)
        finally:
            left.set()

    return handler


@pytest.mark.parametrize(
    ("content_type", "head"),
    [("application/json", b""), ("text/event-stream", b"event: result\ndata: ")],
)
async def test_of_a_result_without_end_the_beginning_is_taken_and_the_rest_never_read(
    start: Start, content_type: str, head: bytes
) -> None:
    left = asyncio.Event()
    orchestrator, _ = await start(pours(content_type, head, left))
    (result,) = await chat(orchestrator)
    assert isinstance(result, CutResult)
    assert result.response_text.startswith("It begins so. And so on.")
    assert (result.agent, result.status) == ("files", "success")
    async with asyncio.timeout(20):
        await left.wait()


async def test_silence_is_a_timeout(start: Start) -> None:
    orchestrator, _ = await start(hangs, HASTY)
    for asked in (orchestrator.plan("x", {}, "talk"), orchestrator.tools(), orchestrator.cancel("key-1")):
        with pytest.raises(OrchestratorTimeout):
            await asked
    with pytest.raises(OrchestratorTimeout):
        await chat(orchestrator)


async def test_silence_in_mid_stream_is_a_timeout(start: Start) -> None:
    orchestrator, _ = await start(streams(event("progress", text="half way"), then=hang), HASTY)
    with pytest.raises(OrchestratorTimeout):
        await chat(orchestrator)


async def test_a_port_where_nobody_listens_is_away_and_nothing_was_done(unused_tcp_port: int) -> None:
    async with aiohttp.ClientSession() as http:
        orchestrator = HttpOrchestrator(http, f"http://127.0.0.1:{unused_tcp_port}")
        with pytest.raises(OrchestratorAway) as away:
            await chat(orchestrator)
        assert not away.value.may_have_acted
        reason = await orchestrator.ready()
        assert reason
        assert str(unused_tcp_port) in reason


async def test_an_address_that_is_none_is_away() -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(OrchestratorAway):
            await HttpOrchestrator(http, "http://").plan("x", {}, "talk")


async def test_leaving_the_stream_closes_the_connection_and_cancels_nothing(start: Start) -> None:
    gone = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        try:
            while True:
                await stream.write(event("progress", text="half way"))
        finally:
            gone.set()

    orchestrator, server = await start(handler)
    running = orchestrator.chat("what time is it", PLAN, "talk", "key-1")
    assert await anext(running) == Progress(text="half way")
    await running.aclose()
    async with asyncio.timeout(20):
        await gone.wait()
    assert [method for method, _, _ in server.asked] == ["POST"]


# Calling off, tools, readiness.


@pytest.mark.parametrize(
    ("handler", "cancelled"),
    [
        (answers({"state": "cancelled"}), True),
        (answers({"state": "success"}), False),
        (answers([]), False),
        (answers({}, 404), False),
        (answers({}, 409), False),
    ],
)
async def test_a_call_is_called_off_only_when_it_says_so(
    start: Start, handler: Handler, cancelled: bool
) -> None:
    orchestrator, server = await start(handler)
    assert await orchestrator.cancel("a/b?c") is cancelled
    assert server.asked == [("DELETE", f"{CALLS_PATH}/a%2Fb%3Fc", None)]


async def test_a_call_off_that_makes_no_sense_has_a_name(start: Start) -> None:
    orchestrator, _ = await start(answers(b"<html>"))
    with pytest.raises(BadResult):
        await orchestrator.cancel("key-1")


async def test_the_state_of_a_call_is_asked_for_by_its_key(start: Start) -> None:
    orchestrator, server = await start(answers({"key": "a/b", "state": "running", "result": None, "x": 1}))
    assert await orchestrator.state("a/b") == CallState(state="running")
    assert server.asked == [("GET", f"{CALLS_PATH}/a%2Fb", None)]


@pytest.mark.parametrize("said", [b"<html>", {"state": "half done"}, []])
async def test_a_state_that_makes_no_sense_has_a_name(start: Start, said: object) -> None:
    orchestrator, _ = await start(answers(said))
    with pytest.raises(BadResult):
        await orchestrator.state("key-1")


async def test_its_agents_are_listed(start: Start) -> None:
    clock = {"name": "clock", "description": "Knows the time.", "tools": ["tell_time"]}
    orchestrator, _ = await start(answers([clock]))
    assert [agent.model_dump(include=set(clock)) for agent in await orchestrator.agents()] == [clock]


async def test_tools_that_make_no_sense_have_a_name_and_what_was_wrong(start: Start) -> None:
    orchestrator, _ = await start(answers([{"name": "clock"}]))
    with pytest.raises(BadResult, match="agent"):
        await orchestrator.tools()


@pytest.mark.parametrize(
    ("ready", "health", "said"),
    [
        (200, 200, None),
        (503, 200, "/ready answered 503"),
        (404, 200, None),
        (404, 500, "500"),
        (404, 404, "neither"),
    ],
)
async def test_readiness_says_what_is_missing(
    start: Start, ready: int, health: int, said: str | None
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=ready if request.path == "/ready" else health)

    orchestrator, _ = await start(handler)
    answer = await orchestrator.ready()
    assert (answer is None) if said is None else (answer is not None and said in answer)
