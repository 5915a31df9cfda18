"""Tools that behave badly, for tests: each is made around what the test waits for."""

import asyncio
import inspect
from dataclasses import asdict
from typing import Any

from sqlalchemy import text

from services.orchestrator.catalog import Agent, Catalog, Parameter, Tool
from services.orchestrator.language.slots import TYPES
from services.orchestrator.loader import EXTRAS
from services.orchestrator.store.store import Store
from services.orchestrator.tooling import Answer, Caller, Failed, Refused, Report


class Gate:
    """A tool that starts, and ends when it is let."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.let = asyncio.Event()
        self.runs = 0
        self.cancelled = asyncio.Event()

    async def run(self, report: Report, text: str = "") -> Answer:
        self.runs += 1
        self.started.set()
        report("Half way there.", 0.5)
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return Answer(f"Done {text}".strip() + ".", {"runs": self.runs})


async def deaf() -> Answer:
    """Hangs, and doesn't listen when it is told to stop; a second time it does."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()
    return Answer("never")


async def hang() -> Answer:
    await asyncio.Event().wait()
    return Answer("never")


async def explode() -> Answer:
    raise RuntimeError("the password is hunter2")


async def give_up() -> Answer:
    raise asyncio.CancelledError


async def name_the_caller(caller: Caller) -> Answer:
    told = asdict(caller)
    return Answer("You.", told | {"session_id": caller.session_id and str(caller.session_id)})


async def count_tables(store: Store) -> Answer:
    [row] = await store.read(text("SELECT count(*) AS tables FROM pg_tables WHERE tablename LIKE 'voice_%'"))
    return Answer(f"{row['tables']} tables.")


async def lose_touch() -> Answer:
    raise Failed("oven_lost", "I lost the oven.", "no answer in 5 s", in_doubt=True)


async def refuse() -> Answer:
    raise Refused("no_flour", "There is no flour left.")


async def answer_nonsense(what: str) -> Any:
    return {
        "nothing": None,
        "text": "just text",
        "silence": Answer(""),
        "number": Answer(5),  # type: ignore[arg-type]
        "unserialisable": Answer("Here.", object()),
        "not a number": Answer("Here.", float("nan")),
        "too large": Answer("Here.", "x" * 100_000),
        "too long": Answer("x" * 10_000),
        "endless": Answer("Here.", _endless()),
    }[what]


def _endless() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


def tool(name: str, run: Any, **changed: Any) -> Tool:
    """A tool of the agent `test`; each parameter of `run` is a text, required where it has no default."""
    takes = dict(inspect.signature(run).parameters)
    extras = frozenset(name for name in EXTRAS if takes.pop(name, None) is not None)
    fields: dict[str, Any] = {
        "name": name,
        "agent": "test",
        "description": name,
        "risk": "read",
        "idempotent": True,
        "cancellable": True,
        "timeout_s": 60.0,
        "amendable": False,
        "parameters": tuple(
            Parameter(each.name, TYPES["text"], "", each.default is each.empty, "What?", "")
            for each in takes.values()
        ),
        "phrases": (),
        "examples": ("x",),
        "say": ("Let me.",),
        "confirm": (),
        "run": run,
        "extras": extras,
    }
    return Tool(**fields | changed)


def catalog(*tools: Tool) -> Catalog:
    return Catalog((Agent("test", "Tools for tests.", tools),))
