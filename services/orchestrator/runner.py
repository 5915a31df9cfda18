"""Runs calls: a task each, which no client's connection can end."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import Counter, Histogram

from services.base.journal import JournalAway
from services.base.problems import StoreAway
from services.orchestrator.calls import Admission, Call, CallBook, Outcome, State
from services.orchestrator.catalog import Tool
from services.orchestrator.keys import Keys, interrupted
from services.orchestrator.protocol import ChatResult, Failure, Progress
from services.orchestrator.roster import Roster
from services.orchestrator.store.store import Store
from services.orchestrator.tooling import Answer, Caller, Failed, Refused

log = logging.getLogger(__name__)

MAX_RESULT_BYTES = 64 * 1024
"""Of a result's `data` as JSON; kept results then stay under 64 MB."""
NO_STORE = "I have no database here, so I can't keep anything."
STORE_AWAY = "I can't reach my database at the moment, so that didn't work."
MAX_RESPONSE_CHARACTERS = 2000
"""Two minutes of speech; a tool that answers more has not answered for the ear."""

CALLS = Counter("orchestrator_calls", "Finished calls", ["tool", "status"])
SECONDS = Histogram("orchestrator_tool_seconds", "How long a tool ran", ["tool"])

Work = Callable[[Call], Awaitable[Outcome]]


class BadResult(Exception):
    """A tool gave back what cannot be an answer; the message is for the log."""


@dataclass(slots=True)
class _Live:
    """What belongs to a call that has not finished."""

    task: "asyncio.Task[None] | None" = None
    my_turn: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once at the next change, then replaced, so that every listener sees every change."""


class Runner:
    """The shell around a `CallBook`."""

    def __init__(self, store: Store | None, roster: Roster) -> None:
        self.book = CallBook()
        self._store, self._roster = store, roster
        self._keys: Keys | None = None
        self._live: dict[str, _Live] = {}
        self._abandoned: set[asyncio.Task[object]] = set()

    async def remember(self, path: Path) -> None:
        """Keep the keys in a journal at `path`, and know those that a former life has left there."""
        try:
            self._keys, remembered = await Keys.open(path)
        except JournalAway as away:
            log.error("keys are not remembered across a restart", extra={"why": str(away)})
            return
        for each in sorted(remembered, key=lambda each: -each.ended_s_ago):
            at = self.now() - each.ended_s_ago
            self.book.restore(each.key, each.conversation_id, each.tool, each.outcome, at)

    def begin(self, key: str, conversation_id: str, work: Work) -> Call:
        """Run `work` under `key` unless that key has run or runs already; the call either way.

        Raises:
            Busy: too many calls are open.
        """
        admission: Admission = self.book.admit(key, conversation_id, self.now())
        call = admission.call
        if admission.new:
            live = self._live[key] = _Live()
            if self.book.is_next(call):
                live.my_turn.set()
            live.task = asyncio.create_task(self._own(call, live, work), name=f"call {key}")
        return call

    def now(self) -> float:
        """The clock of the book."""
        return time.monotonic()

    async def outcome(self, call: Call) -> Outcome:
        """Wait for the end of `call`."""
        while call.outcome is None:
            await self._live[call.key].changed.wait()
        return call.outcome

    async def events(self, call: Call, idle_s: float) -> AsyncIterator[Progress | Outcome | None]:
        """All progress of `call` from its beginning, then its outcome; None whenever nothing came for `idle_s`."""
        seen = 0
        while True:
            live = self._live.get(call.key)
            changed = live.changed if live else None
            fresh = call.progress[seen:]
            seen = len(call.progress)
            for progress in fresh:
                yield progress
            if call.outcome is not None:
                yield call.outcome
                return
            if changed is None:
                raise RuntimeError("a call without an outcome has no task")
            try:
                async with asyncio.timeout(idle_s):
                    await changed.wait()
            except TimeoutError:
                yield None

    async def cancel(self, call: Call) -> bool:
        """End `call` now where its tool allows it; whether it was still open.

        Raises:
            NotCancellable
        """
        if not self.book.may_cancel(call):
            return False
        live = self._live[call.key]
        stopped = ChatResult(response_text="I've stopped that.", action=call.tool, status="cancelled")
        self._finish(call, stopped)
        if live.task:
            live.task.cancel()
        if self._keys:
            await self._keys.ended(call, stopped)
        return True

    async def close(self) -> None:
        """End everything, for the process stops; what doesn't listen is left behind."""
        owners = [live.task for live in self._live.values() if live.task]
        for owner in owners:
            owner.cancel()
        for tasks in (owners, self._abandoned):
            if tasks:
                await asyncio.wait(set(tasks), timeout=1)
        if self._keys:
            await self._keys.close()

    async def run_tool(self, call: Call, tool: Tool, arguments: dict[str, object], caller: Caller) -> Outcome:
        """Run `tool` within its time; whatever it does becomes an outcome."""
        self.book.start(call, tool.name, tool.cancellable)
        self._changed(call)

        def report(text: str, fraction: float | None = None) -> None:
            self.book.report(call, Progress(text=text, fraction=fraction))
            self._changed(call)

        began = time.monotonic()
        offered = {"report": report, "caller": caller, "store": self._store, "roster": self._roster}
        extras = {name: offered[name] for name in tool.extras}
        failed = True
        try:
            if "store" in extras:
                if self._store is None:
                    raise Failed("no_store", NO_STORE)
                await self._store.load()
            if self._keys and tool.risk != "read":
                await self._keys.began(call, tool.idempotent)
            result = _checked(tool, await self._within(tool, arguments | extras))
            failed = False
            return result
        except Refused as refused:
            failed = isinstance(refused, Failed)
            in_doubt = isinstance(refused, Failed) and refused.in_doubt
            return _refusal(tool, refused.code, refused.text, refused.why, in_doubt)
        except StoreAway as away:
            log.warning("a tool could not use the database", extra={"tool": tool.name, "why": away.detail})
            return _refusal(tool, away.code, STORE_AWAY)
        except TimeoutError:
            return Failure(code="tool_timeout", message=f"{tool.name} did not finish in {tool.timeout_s:g} s")
        except BadResult as error:
            log.error("a tool's result cannot be used", extra={"tool": tool.name, "pii_why": str(error)})
            return Failure(code="bad_result", message=f"{tool.name} gave back something that is no answer")
        except asyncio.CancelledError:
            failed = False
            raise
        finally:
            SECONDS.labels(tool.name).observe(time.monotonic() - began)
            self._roster.note(tool.agent, failed)

    async def _within(self, tool: Tool, arguments: dict[str, object]) -> object:
        """The tool's result.

        Raises:
            TimeoutError: it took too long. It is told to stop but not waited for, as it may not listen.
            Refused, or whatever the tool raised.
        """
        task = asyncio.ensure_future(tool.run(**arguments))
        try:
            done, _ = await asyncio.wait({task}, timeout=tool.timeout_s)
        finally:
            if not task.done():
                self._abandon(task)
        if not done:
            raise TimeoutError
        if task.cancelled():
            raise BadResult("it cancelled itself")
        return task.result()

    def _abandon(self, task: "asyncio.Task[object]") -> None:
        """Cancel `task`; held until it ends, so that its last exception is seen and dropped."""
        self._abandoned.add(task)
        task.add_done_callback(self._forget_abandoned)
        task.cancel()

    def _forget_abandoned(self, task: "asyncio.Task[object]") -> None:
        self._abandoned.discard(task)
        if not task.cancelled() and task.exception():
            log.warning("an abandoned tool failed", exc_info=task.exception())

    async def _own(self, call: Call, live: _Live, work: Work) -> None:
        """The owner of one call: waits for its turn, works, and always leaves an outcome."""
        try:
            await live.my_turn.wait()
            try:
                outcome = await work(call)
            except Exception:
                # What a tool or a library says in its exceptions is not for anybody's ear.
                log.exception("call failed", extra={"tool": call.tool})
                outcome = Failure(code="tool_failed", message=f"{call.tool or 'the call'} failed")
            if self._keys:
                # Before anybody is told: who has heard a result finds it again.
                await self._keys.ended(call, outcome)
            self._finish(call, outcome)
        except asyncio.CancelledError:
            self._finish(call, _stopped(call))
            raise

    def _finish(self, call: Call, outcome: Outcome) -> None:
        if call.outcome is not None:
            return
        following = self.book.finish(call, outcome, self.now())
        CALLS.labels(call.tool or "none", call.state.value).inc()
        self._live.pop(call.key).changed.set()
        if following:
            self._live[following.key].my_turn.set()

    def _changed(self, call: Call) -> None:
        if live := self._live.get(call.key):
            live.changed.set()
            live.changed = asyncio.Event()


def _stopped(call: Call) -> ChatResult:
    """How a call ends with the process: what must not be stopped half way may be done or not."""
    if call.state is State.RUNNING and not call.cancellable:
        return interrupted(call.tool)
    return ChatResult(response_text="", action=call.tool, status="cancelled")


def _refusal(tool: Tool, code: str, text: str, why: str = "", in_doubt: bool = False) -> ChatResult:
    error = {"code": code, "message": why or text} | ({"in_doubt": True} if in_doubt else {})
    return ChatResult(response_text=text, agent=tool.agent, action=tool.name, status="error", error=error)


def _checked(tool: Tool, result: object) -> ChatResult:
    """A tool's result as an outcome.

    Raises:
        BadResult: it is no `Answer`, says nothing, or its data is not JSON or too large.
    """
    if not isinstance(result, Answer):
        raise BadResult(f"expected an Answer, got {type(result).__name__}")
    if not isinstance(result.text, str) or not 0 < len(result.text) <= MAX_RESPONSE_CHARACTERS:
        raise BadResult(f"expected a text of 1 to {MAX_RESPONSE_CHARACTERS} characters")
    try:
        size = len(json.dumps(result.data, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadResult(f"expected data that JSON can carry: {error}") from error
    if size > MAX_RESULT_BYTES:
        raise BadResult(f"expected at most {MAX_RESULT_BYTES} bytes of data, got {size}")
    return ChatResult(response_text=result.text, agent=tool.agent, action=tool.name, data=result.data)
