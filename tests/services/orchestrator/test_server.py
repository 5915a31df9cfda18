"""The orchestrator over HTTP: idempotency, streams, failures, and what a client gets to read."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from services.base.database_url import make_url
from services.orchestrator import server
from services.orchestrator.catalog import Catalog
from services.orchestrator.language.phrases import parse_phrase
from services.orchestrator.protocol import CALLS_PATH, CHAT_PATH, PLAN_PATH
from services.orchestrator.server import MAX_KEY, MAX_MESSAGE, OrchestratorSettings, make_app

from .doubles import (
    Gate,
    answer_nonsense,
    catalog,
    count_tables,
    deaf,
    explode,
    give_up,
    hang,
    lose_touch,
    name_the_caller,
    refuse,
    tool,
)

PATIENCE_S = 60

Client = TestClient[web.Request, web.Application]
SESSION = "0191e000-0000-7000-8000-000000000001"
SSE = {"Accept": "text/event-stream"}


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest_asyncio.fixture
async def client(gate: Gate) -> AsyncIterator[Client]:
    """A client of a service that has a gate and tools that behave badly."""
    tools = catalog(
        tool("gate", gate.run),
        tool("order", gate.run, risk="write", cancellable=False),
        tool("hang", hang, timeout_s=0.01),
        tool("deaf", deaf, timeout_s=0.01),
        tool("explode", explode),
        tool("give_up", give_up),
        tool("refuse", refuse),
        tool("lose_touch", lose_touch),
        tool("name_the_caller", name_the_caller),
        tool("count_tables", count_tables),
        tool("answer_nonsense", answer_nonsense),
        tool("launch", hang, risk="dangerous", phrases=(parse_phrase("launch the rocket"),)),
    )
    async for served in serving(tools):
        yield served


@pytest_asyncio.fixture
async def real() -> AsyncIterator[Client]:
    """A client of the service as it comes."""
    async for served in serving(None):
        yield served


async def serving(tools: Catalog | None, database_url: str = "") -> AsyncIterator[Client]:
    settings = OrchestratorSettings(database_url=database_url)
    async with (
        TestClient(TestServer(make_app(settings, tools))) as client,
        asyncio.timeout(PATIENCE_S),
    ):
        yield client


def wish(name: str, key: str = "k", conversation: str = "", **arguments: Any) -> dict[str, Any]:
    plan = {"tool": name, "arguments": arguments}
    return {"message": "m", "plan": plan, "idempotency_key": key, "conversation_id": conversation}


async def ask(client: Client, path: str, body: dict[str, Any] | None = None, status: int = 200) -> Any:
    async with client.request("POST" if body else "GET", path, json=body) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def chat(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    async with client.post(CHAT_PATH, json=body) as answer:
        assert answer.status == 200, await answer.text()
        return dict(await answer.json())


async def events(answer: ClientResponse) -> list[tuple[str, dict[str, Any]]]:
    """All events of a stream until its end."""
    assert answer.content_type == "text/event-stream"
    found = []
    for block in (await answer.text()).strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


async def test_a_plan_is_made_and_then_run(real: Client) -> None:
    async with real.post(PLAN_PATH, json={"message": "what is fifteen percent of eighty"}) as answer:
        plan = await answer.json()
    assert (plan["tool"], plan["arguments"]) == ("calculate", {"expression": "15% * 80"})
    result = await chat(real, {"message": "m", "plan": plan, "idempotency_key": "k"})
    assert (result["response_text"], result["status"]) == ("15 percent of 80 is 12.", "success")
    assert result["data"] == {"expression": "15% * 80", "value": 12, "exact": "12"}


async def test_tools_are_told_while_tables_are_read_and_questions_wait_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = threading.Event()
    monkeypatch.setattr(server, "_read_tables", lambda: read.wait(PATIENCE_S))
    question = {"message": "what time is it in Tokyo"}
    async with (
        TestClient(TestServer(make_app(OrchestratorSettings()))) as client,
        asyncio.timeout(PATIENCE_S),
    ):
        asking = [asyncio.create_task(ask(client, path, question)) for path in (PLAN_PATH, CHAT_PATH)]
        try:
            assert len(await ask(client, "/tools")) > 10
            told = await ask(client, "/ready", status=503)
            assert told["parts"]["tools"]["reason"] == "its tables are being read"
            assert not any(task.done() for task in asking)
        finally:
            read.set()
        plan, result = await asyncio.gather(*asking)
    assert plan["tool"] == "tell_time"
    assert result["status"] == "success"


async def test_small_talk_gets_no_tool(real: Client) -> None:
    async with real.post(PLAN_PATH, json={"message": "how are you doing today"}) as answer:
        assert await answer.json() == {"tool": None}


async def test_a_tool_that_cannot_vouch_for_its_deed_says_so_to_machines_too(client: Client) -> None:
    result = await chat(client, wish("lose_touch"))
    assert result["response_text"] == "I lost the oven."
    assert result["error"] == {"code": "oven_lost", "message": "no answer in 5 s", "in_doubt": True}


async def test_the_agents_are_told_with_how_their_calls_went(client: Client) -> None:
    for name in ("refuse", "explode"):
        await chat(client, wish(name, key=name))
    async with client.get("/agents") as answer:
        [agent] = await answer.json()
    assert (agent["name"], agent["state"], agent["calls"], agent["failures"]) == ("test", "failing", 2, 1)
    assert agent["last_used_at"] == agent["last_failed_at"]


async def test_a_call_that_is_cancelled_is_no_failure(client: Client, gate: Gate) -> None:
    asked = asyncio.create_task(chat(client, wish("gate")))
    await gate.started.wait()
    async with client.delete(f"{CALLS_PATH}/k"):
        await asked
        await gate.cancelled.wait()
    async with client.get("/agents") as answer:
        [agent] = await answer.json()
    assert (agent["state"], agent["calls"], agent["failures"]) == ("ready", 1, 0)


async def test_a_message_alone_is_planned_and_run(real: Client) -> None:
    body = {"message": "what time is it", "context": {"timezone": "Asia/Tokyo"}}
    result = await chat(real, body)
    assert (result["agent"], result["action"]) == ("clock", "tell_time")
    assert result["data"]["timezone"] == "Asia/Tokyo"


async def test_a_message_without_a_tool_is_an_error_that_says_so(real: Client) -> None:
    result = await chat(real, {"message": "tell me a joke"})
    assert (result["status"], result["error"]["code"]) == ("error", "no_tool")


async def test_a_message_that_lacks_something_gets_the_question(real: Client) -> None:
    result = await chat(real, {"message": "convert ten kilometers"})
    assert (result["response_text"], result["error"]["code"]) == (
        "Convert it into which unit?",
        "missing_arguments",
    )
    assert result["data"]["pending"]["missing"] == ["to_unit"]


async def test_division_by_zero_is_said_plainly(real: Client) -> None:
    result = await chat(real, {"message": "one divided by zero"})
    assert (result["status"], result["response_text"]) == ("error", "Nothing can be divided by zero.")
    assert result["error"]["code"] == "division_by_zero"


@pytest.mark.parametrize(
    ("context", "told"),
    [
        (
            {
                "session_id": SESSION,
                "user_id": "ada",
                "timezone": "Asia/Tokyo",
                "language": "en",
                "owner": "ann",
            },
            {
                "session_id": SESSION,
                "user_id": "ada",
                "timezone": "Asia/Tokyo",
                "language": "en",
                "owner": "ann",
            },
        ),
        (
            {"say": {"url": "http://gateway/say", "token": "say_t", "more": 1}},
            dict.fromkeys(("session_id", "user_id", "timezone", "language"))
            | {"say": {"url": "http://gateway/say", "token": "say_t"}},
        ),
        (
            {"session_id": "none", "owner": ["ann"], "user_id": 5, "timezone": "", "say": {"url": 5}},
            {"session_id": None, "user_id": None, "timezone": None, "language": None},
        ),
    ],
)
async def test_a_tool_is_told_who_asks(client: Client, context: object, told: dict[str, object]) -> None:
    result = await chat(client, wish("name_the_caller", "k", "talk") | {"context": context})
    said = {
        "idempotency_key": "k",
        "conversation_id": "talk",
        "message": "m",
        "say": None,
        "owner": None,
        "amends": None,
    }
    assert result["data"] == said | told


async def test_without_a_database_a_tool_that_keeps_something_says_so(client: Client) -> None:
    result = await chat(client, wish("count_tables"))
    assert (result["status"], result["error"]["code"]) == ("error", "no_store")
    assert result["response_text"] == "I have no database here, so I can't keep anything."
    async with client.get("/ready") as answer:
        assert answer.status == 200
        store = (await answer.json())["parts"]["store"]
    assert store == {"ready": False, "reason": "no_store: DATABASE_URL is not set"}


async def test_a_tool_gets_the_store(database_url: str) -> None:
    async for client in serving(catalog(tool("count_tables", count_tables)), database_url):
        assert (await chat(client, wish("count_tables")))["status"] == "success"


async def test_it_is_ready_before_its_store_is(database_url: str) -> None:
    async for client in serving(catalog(tool("count_tables", count_tables)), database_url):
        await ask(client, PLAN_PATH, {"message": "hello"})  # Answered once the tables are read.
        while True:
            async with client.get("/ready") as answer:
                assert answer.status == 200
                if (await answer.json())["parts"]["store"] == {"ready": True, "reason": None}:
                    break


async def test_a_database_that_is_away_is_told_as_a_failure(unused_tcp_port: int) -> None:
    url = make_url("antiphon", "x", unused_tcp_port, "antiphon")
    async for client in serving(catalog(tool("count_tables", count_tables)), url):
        result = await chat(client, wish("count_tables"))
        assert (result["status"], result["error"]["code"]) == ("error", "store_away")
        assert "didn't work" in result["response_text"]
        async with client.get("/ready") as answer:
            assert answer.status == 200


async def test_a_dangerous_tool_never_runs_without_a_plan_of_the_callers(client: Client) -> None:
    result = await chat(client, {"message": "launch the rocket"})
    assert (result["status"], result["requires_confirmation"]) == ("denied", True)


async def test_a_hundred_at_once_under_one_key_are_one_run(client: Client, gate: Gate) -> None:
    asked = [asyncio.create_task(chat(client, wish("gate"))) for _ in range(100)]
    await gate.started.wait()
    gate.let.set()
    results = await asyncio.gather(*asked)
    assert all(result == results[0] for result in results)
    assert gate.runs == 1


async def test_the_same_key_later_gives_the_same_result(client: Client, gate: Gate) -> None:
    gate.let.set()
    first = await chat(client, wish("gate"))
    assert await chat(client, wish("gate", text="otherwise")) == first
    assert gate.runs == 1


async def test_requests_without_a_key_each_run(client: Client, gate: Gate) -> None:
    gate.let.set()
    for _ in range(2):
        await chat(client, wish("gate") | {"idempotency_key": None})
    assert gate.runs == 2


async def test_a_stream_tells_progress_and_then_the_result(client: Client, gate: Gate) -> None:
    async with client.post(CHAT_PATH, json=wish("gate"), headers=SSE) as answer:
        gate.let.set()
        assert await events(answer) == [
            ("progress", {"text": "Half way there.", "fraction": 0.5}),
            ("result", await chat(client, wish("gate"))),
        ]


async def test_a_second_stream_attaches_and_hears_everything(client: Client, gate: Gate) -> None:
    first = await client.post(CHAT_PATH, json=wish("gate"), headers=SSE)
    await gate.started.wait()
    second = await client.post(CHAT_PATH, json=wish("gate"), headers=SSE)
    gate.let.set()
    assert await events(second) == await events(first)
    assert gate.runs == 1


async def test_closing_the_stream_in_mid_run_cancels_nothing(client: Client, gate: Gate) -> None:
    answer = await client.post(CHAT_PATH, json=wish("gate"), headers=SSE)
    await answer.content.readuntil(b"\n\n")
    answer.close()
    gate.let.set()
    assert (await chat(client, wish("gate")))["response_text"] == "Done."
    assert not gate.cancelled.is_set()


async def test_calls_of_one_conversation_run_in_the_order_in_which_they_came(
    client: Client, gate: Gate
) -> None:
    first = asyncio.create_task(chat(client, wish("gate", "a", "talk", text="first")))
    await gate.started.wait()
    second = await client.post(CHAT_PATH, json=wish("gate", "b", "talk", text="second"), headers=SSE)
    async with client.get(f"{CALLS_PATH}/b") as answer:
        assert (await answer.json())["state"] == "waiting"
    assert gate.runs == 1
    gate.let.set()
    assert (await first)["response_text"] == "Done first."
    assert (await events(second))[-1][1]["response_text"] == "Done second."


async def test_a_call_of_another_conversation_does_not_wait(client: Client, gate: Gate) -> None:
    waiting = asyncio.create_task(chat(client, wish("gate", "a", "talk")))
    await gate.started.wait()
    assert (await chat(client, wish("refuse", "b", "other")))["error"]["code"] == "no_flour"
    gate.let.set()
    await waiting


async def test_a_running_call_can_be_cancelled(client: Client, gate: Gate) -> None:
    asked = asyncio.create_task(chat(client, wish("gate")))
    await gate.started.wait()
    async with client.delete(f"{CALLS_PATH}/k") as answer:
        assert (answer.status, (await answer.json())["state"]) == (200, "cancelled")
    assert (await asked)["status"] == "cancelled"
    await gate.cancelled.wait()


async def test_cancelling_lets_the_next_of_the_conversation_start(client: Client, gate: Gate) -> None:
    first = asyncio.create_task(chat(client, wish("gate", "a", "talk")))
    await gate.started.wait()
    second = asyncio.create_task(chat(client, wish("refuse", "b", "talk")))
    async with client.delete(f"{CALLS_PATH}/a"):
        pass
    assert (await second)["error"]["code"] == "no_flour"
    assert (await first)["status"] == "cancelled"


async def test_a_tool_that_must_not_be_stopped_is_not(client: Client, gate: Gate) -> None:
    asked = asyncio.create_task(chat(client, wish("order")))
    await gate.started.wait()
    async with client.delete(f"{CALLS_PATH}/k") as answer:
        assert (answer.status, (await answer.json())["code"]) == (409, "not_cancellable")
    gate.let.set()
    assert (await asked)["status"] == "success"


async def test_cancelling_what_has_finished_changes_nothing(client: Client, gate: Gate) -> None:
    gate.let.set()
    await chat(client, wish("gate"))
    async with client.delete(f"{CALLS_PATH}/k") as answer:
        assert (answer.status, (await answer.json())["state"]) == (200, "success")


async def test_an_unknown_call_is_not_found(client: Client) -> None:
    for request in (client.get(f"{CALLS_PATH}/x"), client.delete(f"{CALLS_PATH}/x")):
        async with request as answer:
            assert (answer.status, (await answer.json())["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("hang", "tool_timeout"),
        ("deaf", "tool_timeout"),
        ("explode", "tool_failed"),
        ("give_up", "bad_result"),
    ],
)
async def test_a_tool_that_fails_is_said_to_have_failed(client: Client, name: str, code: str) -> None:
    async with client.post(CHAT_PATH, json=wish(name), headers=SSE) as answer:
        ((event, data),) = await events(answer)
    assert (event, data["code"]) == ("error", code)
    result = await chat(client, wish(name))
    assert (result["status"], result["error"]["code"]) == ("error", code)
    assert "hunter2" not in json.dumps(result)


@pytest.mark.parametrize(
    "what",
    "nothing|text|silence|number|unserialisable|not a number|too large|too long|endless".split("|"),
)
async def test_nonsense_from_a_tool_is_a_bad_result(client: Client, what: str) -> None:
    result = await chat(client, wish("answer_nonsense", what=what))
    assert (result["status"], result["error"]["code"]) == ("error", "bad_result")


async def test_a_tool_may_refuse_in_its_own_words(client: Client) -> None:
    async with client.post(CHAT_PATH, json=wish("refuse"), headers=SSE) as answer:
        ((event, data),) = await events(answer)
    assert (event, data["status"], data["response_text"]) == ("result", "error", "There is no flour left.")


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "named"),
    [
        (PLAN_PATH, b"{", 400, "invalid_request", "JSON"),
        (PLAN_PATH, b"[]", 400, "invalid_request", "body"),
        (PLAN_PATH, b"\xff\xfe", 400, "invalid_request", "JSON"),
        (PLAN_PATH, b"[" * 100_000, 400, "invalid_request", "JSON"),
        (PLAN_PATH, b'{"message": 3}', 400, "invalid_request", "`message`"),
        (PLAN_PATH, b"{}", 400, "invalid_request", "`message`"),
        (PLAN_PATH, b'{"message": " "}', 400, "invalid_request", "`message`"),
        (
            PLAN_PATH,
            json.dumps({"message": "a" * (MAX_MESSAGE + 1)}).encode(),
            400,
            "invalid_request",
            "`message`",
        ),
        (PLAN_PATH, b'{"message": "m", "context": []}', 400, "invalid_request", "`context`"),
        (CHAT_PATH, b'{"message": "m", "plan": {"risk": "high"}}', 400, "invalid_request", "`plan.risk`"),
        (
            CHAT_PATH,
            json.dumps(wish("gate", "k" * (MAX_KEY + 1))).encode(),
            400,
            "invalid_request",
            "idempotency_key",
        ),
        (CHAT_PATH, json.dumps(wish("nothing")).encode(), 404, "unknown_tool", "`plan.tool`"),
        (
            CHAT_PATH,
            json.dumps(wish("gate", other=1)).encode(),
            422,
            "invalid_arguments",
            "`plan.arguments.other`",
        ),
        (CHAT_PATH, json.dumps(wish("gate", text=[1])).encode(), 422, "invalid_arguments", "a few words"),
        (
            CHAT_PATH,
            json.dumps(wish("answer_nonsense")).encode(),
            422,
            "invalid_arguments",
            "what`: is missing",
        ),
    ],
)
async def test_bad_input_is_named_with_what_was_expected(
    client: Client, path: str, body: bytes, status: int, code: str, named: str
) -> None:
    async with client.post(path, data=body, headers={"Content-Type": "application/json"}) as answer:
        problem = json.loads(await answer.text())
        assert (answer.status, answer.content_type) == (status, "application/problem+json")
    assert problem["code"] == code
    assert named in problem["detail"]


async def test_agents_and_tools_are_listed_with_schema_and_examples(real: Client) -> None:
    async with real.get("/agents") as answer:
        agents = {agent["name"]: agent["tools"] for agent in await answer.json()}
    async with real.get("/tools") as answer:
        tools = {tool["name"]: tool for tool in await answer.json()}
    assert {"clock", "calculator", "calls", "guide", "timers", "notes"} <= set(agents)
    assert {name for names in agents.values() for name in names} == set(tools)
    assert tools["convert_units"]["parameters"]["required"] == ["from_unit", "to_unit"]
    assert all(len(tool["examples"]) >= 10 for tool in tools.values())


async def test_health_readiness_and_metrics_answer(client: Client, gate: Gate) -> None:
    gate.let.set()
    await chat(client, wish("gate"))
    for path in ("/health", "/ready", "/metrics"):
        async with client.get(path) as answer:
            assert answer.status == 200
    async with client.get("/metrics") as answer:
        assert 'orchestrator_calls_total{status="success",tool="gate"}' in await answer.text()


async def test_the_service_can_be_mounted_under_another(gate: Gate) -> None:
    parent = web.Application()
    parent.add_subapp("/orchestrator", make_app(OrchestratorSettings(), catalog(tool("gate", gate.run))))
    gate.let.set()
    async with TestClient(TestServer(parent)) as client, asyncio.timeout(PATIENCE_S):
        async with client.post(f"/orchestrator{CHAT_PATH}", json=wish("gate")) as answer:
            assert (await answer.json())["response_text"] == "Done."
        async with client.post(f"/orchestrator{CHAT_PATH}", data=b"{") as answer:
            assert answer.content_type == "application/problem+json"


async def test_stopping_the_service_ends_what_runs(gate: Gate) -> None:
    async with TestClient(
        TestServer(make_app(OrchestratorSettings(), catalog(tool("gate", gate.run))))
    ) as client:
        stream = await client.post(CHAT_PATH, json=wish("gate"), headers=SSE)
        await asyncio.wait_for(gate.started.wait(), PATIENCE_S)
        stream.close()
    await asyncio.wait_for(gate.cancelled.wait(), PATIENCE_S)


async def test_the_internal_key_is_asked_for_where_one_is_set() -> None:
    app = make_app(OrchestratorSettings(antiphon_internal_key="secret"))
    async with TestClient(TestServer(app)) as client, asyncio.timeout(PATIENCE_S):
        async with client.get("/tools") as answer:
            assert answer.status == 401
        async with client.get("/tools", headers={"Authorization": "Bearer secret"}) as answer:
            assert answer.status == 200
