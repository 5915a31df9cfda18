"""Plans by a language model, against a local double that speaks the chat-completions wire."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from services.orchestrator import model as module
from services.orchestrator.loader import load_agents
from services.orchestrator.model import ModelPlanner
from services.orchestrator.planner import Planner

PATIENCE_S = 60

# No phrase explains enough of it, so that the model is asked.
VAGUE = "my grandmother lives in osaka is it too late to ring her up at this hour"


class Double:
    """A chat-completions server that answers what a test puts into `reply`."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.status = 200
        self.reply: object = completion()
        self.hangs = False
        self.let = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append(await request.json())
        self.keys.append(request.headers.get("Authorization", ""))
        if self.hangs:
            await self.let.wait()
        if isinstance(self.reply, str):
            return web.Response(status=self.status, text=self.reply, content_type="application/json")
        return web.json_response(self.reply, status=self.status)


def completion(name: str | None = None, arguments: str = "{}") -> dict[str, Any]:
    """A chat completion, with a tool call where `name` is one."""
    call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
    message = {
        "role": "assistant",
        "content": None if name else "Hello.",
        **({"tool_calls": [call]} if name else {}),
    }
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if name else "stop"}
    return {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}


def tool_call(name: str, **arguments: Any) -> dict[str, Any]:
    return completion(name, json.dumps(arguments))


@pytest_asyncio.fixture
async def double() -> AsyncIterator[Double]:
    yield Double()


@pytest_asyncio.fixture
async def planner(double: Double) -> AsyncIterator[Planner]:
    """A planner whose model is the double."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", double.answer)
    async with TestServer(app) as server, asyncio.timeout(PATIENCE_S):
        catalog = load_agents()
        planner = Planner(catalog, ModelPlanner(catalog, str(server.make_url("/v1")), "m", "secret", 99))
        yield planner
        await planner.close()
        double.let.set()


async def test_what_patterns_are_sure_of_is_never_asked(planner: Planner, double: Double) -> None:
    assert (await planner.plan("what time is it in tokyo", {})).tool == "tell_time"
    assert double.requests == []


async def test_a_vague_wish_is_planned_by_the_model(planner: Planner, double: Double) -> None:
    double.reply = tool_call("tell_time", place="Osaka, Japan")
    plan = await planner.plan(VAGUE, {"timezone": "Europe/Berlin"})
    assert (plan.tool, plan.agent, plan.say) == (
        "tell_time",
        "clock",
        "Let me look at the clock in Osaka, Japan.",
    )
    assert plan.arguments == {"place": "Osaka, Japan", "timezone": "Europe/Berlin"}
    (asked,) = double.requests
    assert (asked["model"], asked["max_tokens"], asked["tool_choice"]) == ("m", 99, "auto")
    assert asked["messages"][-1] == {"role": "user", "content": VAGUE}
    assert {tool["function"]["name"] for tool in asked["tools"]} == {
        tool.name for tool in load_agents().tools
    }
    assert double.keys == ["Bearer secret"]


async def test_a_model_that_calls_nothing_means_no_tool(planner: Planner, double: Double) -> None:
    assert (await planner.plan(VAGUE, {})).tool is None
    assert len(double.requests) == 1


async def test_what_the_model_left_out_is_asked_for(planner: Planner, double: Double) -> None:
    double.reply = tool_call("convert_units", value=10, from_unit="kilometers", to_unit=None)
    plan = await planner.plan(VAGUE, {})
    assert (plan.arguments, plan.missing) == ({"value": 10, "from_unit": "kilometer"}, ["to_unit"])
    assert plan.say == "Convert it into which unit?"


LESS_SURE = "what time is it in tokyo dear friend"
"""Patterns plan it, with too little confidence to go without a model."""


@pytest.mark.parametrize(
    ("status", "reply"),
    [
        (200, completion("tell_time", "{place: tokyo")),
        (200, completion("tell_time", "[1, 2]")),
        (200, completion("tell_time", '"tokyo"')),
        (200, completion("tell_time", json.dumps({"place": "x" * 20_000}))),
        (200, tool_call("tell_time", place="Nowhereville")),
        (200, tool_call("tell_time", place={"city": "Tokyo"})),
        (200, tool_call("tell_time", colour="red")),
        (200, tool_call("launch_rocket")),
        (200, "no json"),
        (401, {"error": {"message": "bad key", "type": "invalid_request_error"}}),
        (429, {"error": {"message": "slow down"}}),
        (500, {"error": {"message": "on fire"}}),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, int | str) else None,
)
async def test_a_model_that_fails_leaves_the_plan_to_patterns(
    planner: Planner, double: Double, status: int, reply: Mapping[str, Any] | str
) -> None:
    double.status, double.reply = status, reply
    plan = await planner.plan(LESS_SURE, {})
    assert (plan.tool, plan.arguments) == ("tell_time", {"place": "Tokyo"})
    assert len(double.requests) == 1


async def test_a_slow_model_is_not_waited_for(
    planner: Planner, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.05)
    double.hangs = True
    assert (await planner.plan(LESS_SURE, {})).tool == "tell_time"


async def test_a_model_that_failed_is_left_alone_for_a_while(planner: Planner, double: Double) -> None:
    double.status = 500
    await planner.plan(VAGUE, {})
    await planner.plan(VAGUE, {})
    assert len(double.requests) == 1


async def test_no_server_at_all_leaves_the_plan_to_patterns() -> None:
    catalog = load_agents()
    planner = Planner(catalog, ModelPlanner(catalog, "http://127.0.0.1:9/v1", "m", "", 99))
    assert (await planner.plan(LESS_SURE, {})).tool == "tell_time"
    await planner.close()
