"""The orchestrator's door: plan, chat, calls, agents and tools over HTTP (contracts, 6)."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import aiohttp
from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from services.base.health import add_health
from services.base.ids import new_id
from services.base.problems import Invalid, Problem
from services.base.serve import new_app, run
from services.base.settings import Settings, as_list
from services.base.tls import pinned
from services.orchestrator.calls import Call, Outcome
from services.orchestrator.catalog import Catalog, Tool
from services.orchestrator.gateway import Gateway
from services.orchestrator.language.places import places
from services.orchestrator.loader import OWN_TOOLS
from services.orchestrator.localtime import local_now
from services.orchestrator.model import ModelPlanner
from services.orchestrator.planner import Planner
from services.orchestrator.protocol import (
    CALLS_PATH,
    CHAT_PATH,
    PLAN_PATH,
    ChatRequest,
    ChatResult,
    Failure,
    Plan,
    PlanRequest,
    Progress,
)
from services.orchestrator.roster import Roster
from services.orchestrator.runner import Runner
from services.orchestrator.sources import PACKAGED, Sources, gather
from services.orchestrator.store.store import Store
from services.orchestrator.tooling import Caller, Say
from services.orchestrator.tools.calculator import warm_up

MAX_KEY = 200
"""Characters of an idempotency key."""
MAX_MESSAGE = 4000
KEEP_ALIVE_S = 15.0
"""Proxies close a stream that is silent for longer than half a minute."""

NO_TOOL = "I don't have a tool for that."
FAILED = {
    "tool_timeout": "That took too long, so I gave up waiting.",
    "bad_result": "I got an answer that I can't make sense of.",
}
FAILED_OTHERWISE = "Something went wrong while I was doing that."

Body = TypeVar("Body", bound=BaseModel)


class OrchestratorSettings(Settings):
    """Read from the environment."""

    orchestrator_host: str = "127.0.0.1"
    orchestrator_port: int = Field(default=8001, ge=0, le=65535)
    orchestrator_agents: str = PACKAGED
    """Comma-separated: `packaged`, and folders of YAML files, one an agent."""
    orchestrator_tool_packages: str = OWN_TOOLS
    """Comma-separated: packages from which those files may name Python code."""
    antiphon_home: str = ""
    """Its `agents/` and `tools/` count, too, where they are there; in its `journal/` keys outlive a restart."""
    llm_base_url: str = ""
    """An OpenAI-compatible server; empty: patterns alone plan."""
    llm_model: str = ""
    llm_api_key: str = ""
    llm_max_tokens: int = Field(default=512, ge=1)
    gateway_url: str = "http://127.0.0.1:8999"
    """Into whose calls timers speak."""
    gateway_tls_cert: Path | None = None
    """Where the gateway has TLS, the certificate by which it is known."""
    database_url: str = ""
    """Where timers and notes are kept; empty: the tools that need it refuse."""

    @property
    def sources(self) -> Sources:
        """Whose agents there are."""
        home = Path(self.antiphon_home).expanduser() if self.antiphon_home else None
        return Sources(as_list(self.orchestrator_agents), home, as_list(self.orchestrator_tool_packages))

    @property
    def keys_journal(self) -> Path | None:
        """Where keys are remembered."""
        home = self.antiphon_home
        return Path(home).expanduser() / "journal" / "orchestrator.journal" if home else None


class UnknownTool(Problem):
    """The plan names a tool that is not here."""

    code, status, title = "unknown_tool", 404, "No such tool"


class BadArguments(Problem):
    """The plan's arguments do not fit its tool."""

    code, status, title = "invalid_arguments", 422, "The arguments do not fit the tool"


def make_app(settings: OrchestratorSettings, catalog: Catalog | None = None) -> web.Application:
    """The service as an application that runs alone or mounted under another (`add_subapp`).

    Raises:
        BadAgents: an agent's file cannot be used.
    """
    tools = catalog or gather(settings.sources)
    model = None
    if settings.llm_base_url:
        model = ModelPlanner(
            tools, settings.llm_base_url, settings.llm_model, settings.llm_api_key, settings.llm_max_tokens
        )
    store = Store(settings.database_url) if settings.database_url else None
    door = Door(tools, Planner(tools, model), store, settings.keys_journal)
    app = new_app(settings.antiphon_internal_key)
    app.router.add_post(PLAN_PATH, door.plan)
    app.router.add_post(CHAT_PATH, door.chat)
    app.router.add_get(f"{CALLS_PATH}/{{key}}", door.call)
    app.router.add_delete(f"{CALLS_PATH}/{{key}}", door.cancel)
    app.router.add_get("/agents", door.agents)
    app.router.add_get("/tools", door.tools)
    left_out = "; ".join(each.reason for each in tools.left_out)
    # It plans and answers without its store, so that is told and not waited for.
    add_health(
        app,
        "orchestrator",
        {"tools": door.ready},
        {"left_out": left_out} if left_out else {},
        {"store": door.store_ready},
    )
    app.cleanup_ctx.append(door.alive)
    if store:
        app.cleanup_ctx.append(lambda _: _announcing(store, settings, door.tables))
    return app


class Door:
    """The handlers, and what they share."""

    def __init__(
        self, catalog: Catalog, planner: Planner, store: Store | None, journal: Path | None = None
    ) -> None:
        """`journal` is where keys are remembered across a restart."""
        self._journal = journal
        self.catalog = catalog
        self.planner = planner
        self.store = store
        self.roster = Roster(catalog)
        self.runner = Runner(store, self.roster)
        self._reading: asyncio.Task[None] | None = None
        """Reads tables, as long as the application lives."""

    async def alive(self, _: web.Application) -> AsyncIterator[None]:
        """From start to stop: tables are read before the first question, and no task outlives the application."""
        # Not before it listens: a deployment waits for the list of tools, which needs none of them.
        self._reading = asyncio.create_task(asyncio.to_thread(_read_tables), name="read tables")
        if self._journal:
            await self.runner.remember(self._journal)
        yield
        await asyncio.wait({self._reading})
        await self.runner.close()
        await self.planner.close()
        if self.store:
            await self.store.close()

    async def tables(self) -> None:
        """Wait until they are read."""
        assert self._reading is not None, "the application is not alive"
        # Shielded from the end of one who waits.
        await asyncio.shield(self._reading)

    async def ready(self) -> str | None:
        if not self.catalog.tools:
            return "no agent is loaded"
        if self._reading is None or not self._reading.done():
            return "its tables are being read"
        self._reading.result()
        return None

    async def store_ready(self) -> str | None:
        if self.store is None:
            return "no_store: DATABASE_URL is not set"
        return await self.store.ready() if self.store.is_loaded else "it is being loaded"

    async def plan(self, request: web.Request) -> web.Response:
        asked = await _body(request, PlanRequest)
        _check_message(asked.message)
        await self.tables()
        plan = await self.planner.plan(asked.message, asked.context)
        return web.json_response(plan.model_dump() if plan.tool else {"tool": None})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        asked = await _body(request, ChatRequest)
        await self.tables()
        if asked.plan is None:
            _check_message(asked.message)
        else:
            self._check_plan(asked.plan)
        key = asked.idempotency_key or str(new_id())
        if len(key) > MAX_KEY:
            raise Invalid(f"`idempotency_key`: expected at most {MAX_KEY} characters")
        call = self.runner.begin(key, asked.conversation_id, lambda call: self._work(call, asked))
        if "text/event-stream" in request.headers.get("Accept", ""):
            return await self._stream(request, call)
        return web.json_response(_as_result(await self.runner.outcome(call), call).model_dump())

    async def call(self, request: web.Request) -> web.Response:
        call = self.runner.book.get(request.match_info["key"], self.runner.now())
        return web.json_response(_described(call))

    async def cancel(self, request: web.Request) -> web.Response:
        call = self.runner.book.get(request.match_info["key"], self.runner.now())
        await self.runner.cancel(call)
        return web.json_response(_described(call))

    async def agents(self, _: web.Request) -> web.Response:
        standings = await self.roster.standings()
        return web.json_response([each.described().model_dump(mode="json") for each in standings])

    async def tools(self, _: web.Request) -> web.Response:
        return web.json_response([tool.described().model_dump() for tool in self.catalog.tools])

    def _check_plan(self, plan: Plan) -> Tool:
        """The tool of a plan that can be run.

        Raises:
            UnknownTool, BadArguments: naming what was expected.
        """
        tool = self.catalog.tool(plan.tool or "")
        if tool is None:
            names = ", ".join(tool.name for tool in self.catalog.tools)
            raise UnknownTool(f"`plan.tool`: expected one of {names}; got `{plan.tool}`")
        values, bad = tool.check(plan.arguments, local_now())
        lacking = {*tool.missing(values), *(name for name in plan.missing if name not in values)}
        bad |= dict.fromkeys(lacking - set(bad), "is missing")
        if bad:
            lines = (f"`plan.arguments.{name}`: {why}" for name, why in sorted(bad.items()))
            raise BadArguments("; ".join(lines), fields=bad)
        return tool

    async def _work(self, call: Call, asked: ChatRequest) -> Outcome:
        """What a call does, once: plan where no plan came, then run."""
        plan = asked.plan
        if plan is None:
            plan = await self.planner.plan(asked.message, asked.context)
            if stopped := self._stop_short(plan):
                return stopped
        tool = self._check_plan(plan)
        values, _ = tool.check(plan.arguments, local_now())
        arguments = {name: value.argument for name, value in values.items()}
        return await self.runner.run_tool(call, tool, arguments, _caller(call.key, asked))

    def _stop_short(self, plan: Plan) -> ChatResult | None:
        """Why a wish without a plan of the caller's is not run: no tool, a question, or consent that is needed."""
        if plan.tool is None:
            error = {"code": "no_tool", "message": "no tool fits the message"}
            return ChatResult(response_text=NO_TOOL, status="error", error=error)
        if plan.missing:
            error = {"code": "missing_arguments", "message": ", ".join(plan.missing)}
            return ChatResult(
                response_text=plan.say,
                agent=plan.agent,
                action=plan.tool,
                status="error",
                error=error,
                data={"pending": plan.model_dump()},
            )
        if plan.risk == "dangerous":
            prompt = f"{plan.say} Shall I?"
            return ChatResult(
                response_text=prompt,
                agent=plan.agent,
                action=plan.tool,
                status="denied",
                data={"pending": plan.model_dump()},
                requires_confirmation=True,
                confirmation_prompt=prompt,
            )
        return None

    async def _stream(self, request: web.Request, call: Call) -> web.StreamResponse:
        """Server-sent events until the result; a client that goes away ends only its own stream."""
        headers = {
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-cache",
            "X-Accel-Buffering": "no",
        }
        stream = web.StreamResponse(headers=headers)
        try:
            await stream.prepare(request)
            async for event in self.runner.events(call, KEEP_ALIVE_S):
                await stream.write(_event(event))
            await stream.write_eof()
        except ConnectionError:
            pass  # The call goes on; the same key finds it again.
        return stream


def _read_tables() -> None:
    places()
    warm_up()


def _event(event: Progress | Outcome | None) -> bytes:
    """One event of the stream; None is a comment that keeps the line open."""
    match event:
        case None:
            return b": still here\n\n"
        case Progress():
            name = "progress"
        case ChatResult():
            name = "result"
        case Failure():
            name = "error"
    return f"event: {name}\ndata: {event.model_dump_json()}\n\n".encode()


def _as_result(outcome: Outcome, call: Call) -> ChatResult:
    """For a client that asked for JSON: a failure as a result that says so, to machine and ear."""
    if isinstance(outcome, ChatResult):
        return outcome
    text = FAILED.get(outcome.code, FAILED_OTHERWISE)
    return ChatResult(response_text=text, action=call.tool, status="error", error=outcome.model_dump())


def _caller(key: str, asked: ChatRequest) -> Caller:
    """Who asks, as far as the context tells; what cannot be understood in it counts as not told."""
    told = {name: text for name, text in asked.context.items() if isinstance(text, str) and text}
    try:
        session_id = UUID(told.get("session_id", ""))
    except ValueError:
        session_id = None
    return Caller(
        idempotency_key=key,
        conversation_id=asked.conversation_id,
        session_id=session_id,
        user_id=told.get("user_id"),
        timezone=told.get("timezone"),
        language=told.get("language"),
        message=asked.message,
        say=_say(asked.context.get("say")),
        owner=told.get("owner"),
        amends=told.get("amends_key"),
    )


def _say(told: object) -> Say | None:
    match told:
        case {"url": str(url), "token": str(token)}:
            return Say(url, token)
        case _:
            return None


def _described(call: Call) -> dict[str, object]:
    return {
        "key": call.key,
        "conversation_id": call.conversation_id,
        "state": call.state.value,
        "tool": call.tool,
        "progress": [progress.model_dump() for progress in call.progress],
        "result": _as_result(call.outcome, call).model_dump() if call.outcome else None,
    }


async def _body(request: web.Request, model: type[Body]) -> Body:
    """Read a JSON body.

    Raises:
        Invalid: naming each field and what was expected.
    """
    try:
        return model.model_validate(json.loads(await request.read()))
    except (ValueError, RecursionError) as error:
        if isinstance(error, ValidationError):
            fields = {".".join(map(str, e["loc"])) or "body": e["msg"] for e in error.errors()}
            lines = "; ".join(f"`{field}`: {why}" for field, why in fields.items())
            raise Invalid(lines, fields=fields) from error
        raise Invalid("the body must be a JSON object") from error


def _check_message(message: str) -> None:
    if not len(message.strip()) > 0 or len(message) > MAX_MESSAGE:
        raise Invalid(f"`message`: expected 1 to {MAX_MESSAGE} characters")


async def _announcing(
    store: Store, settings: OrchestratorSettings, tables: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    """From start to stop: timers speak up, once `tables` are read, for which every question waits."""
    async with aiohttp.ClientSession(connector=pinned(settings.gateway_tls_cert)) as http:
        gateway = Gateway(http, settings.gateway_url, settings.antiphon_internal_key)
        announcer = asyncio.create_task(_announce(store, gateway, tables), name="announcer")
        yield
        announcer.cancel()
        await asyncio.wait({announcer})


async def _announce(store: Store, gateway: Gateway, tables: Callable[[], Awaitable[None]]) -> None:
    await tables()
    await store.load()
    from services.orchestrator.announcer import Announcer

    await Announcer(store.timers, gateway).run()


def main() -> None:
    """Run the service in the foreground."""
    settings = OrchestratorSettings.load()
    host, port = settings.orchestrator_host, settings.orchestrator_port
    run("orchestrator", lambda: make_app(settings), host, port, settings.antiphon_internal_key)
