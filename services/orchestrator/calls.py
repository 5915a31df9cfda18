"""The book of calls: one run a key, in order within a conversation, remembered for a while. No I/O, no clock.

Memory is bounded: at most `MAX_OPEN` calls wait or run; results are kept `KEPT_S`, and of them `MAX_KEPT` at
most, the oldest forgotten first. A key that was forgotten would run again: beyond that the caller's own ledger stands
guard. `services.orchestrator.keys` remembers them across a restart.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import StrEnum

from services.base.problems import Busy, Conflict, NotFound
from services.orchestrator.protocol import ChatResult, Failure, Progress

KEPT_S = 600.0
"""Ten minutes: longer than any retry of a spoken wish."""
MAX_KEPT = 1000
MAX_OPEN = 256
MAX_PROGRESS = 100
"""Of one call; later ones replace the last."""

Outcome = ChatResult | Failure


class State(StrEnum):
    """Where a call has got to."""

    WAITING = "waiting"
    """Behind an earlier call of its conversation."""
    RUNNING = "running"
    SUCCESS = "success"
    ERROR = "error"
    DENIED = "denied"
    CANCELLED = "cancelled"


class NotCancellable(Conflict):
    """Stopping this tool half way would leave the world in disorder."""

    code, title = "not_cancellable", "The tool cannot be cancelled once it runs"


@dataclass(slots=True)
class Call:
    """One call. `CallBook` alone changes it."""

    key: str
    conversation_id: str
    accepted_at: float
    """Seconds of a monotonic clock, as `finished_at`."""
    state: State = State.WAITING
    tool: str = ""
    cancellable: bool = True
    progress: list[Progress] = field(default_factory=list)
    outcome: Outcome | None = None
    finished_at: float | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """What a key led to."""

    call: Call
    new: bool
    """Whether this request is the first, so that the call must be run."""


class CallBook:
    """Knows every call by its key, and whose turn it is."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}
        self._finished: OrderedDict[str, Call] = OrderedDict()
        self._lines: dict[str, deque[Call]] = {}

    def admit(self, key: str, conversation_id: str, now: float) -> Admission:
        """Find the call under `key`, or open one at the end of its conversation's line.

        Raises:
            Busy: too many are open already.
        """
        self._forget(now)
        if known := self._calls.get(key):
            return Admission(known, new=False)
        if len(self._calls) - len(self._finished) >= MAX_OPEN:
            raise Busy("too many calls are running", retry_after=1)
        call = Call(key, conversation_id, now)
        self._calls[key] = call
        if conversation_id:
            self._lines.setdefault(conversation_id, deque()).append(call)
        return Admission(call, new=True)

    def restore(self, key: str, conversation_id: str, tool: str, outcome: Outcome, at: float) -> None:
        """A call of a former life, which ended at `at`; the oldest come first."""
        call = Call(key, conversation_id, at, tool=tool)
        self._calls[key] = call
        self._end(call, outcome, at)

    def is_next(self, call: Call) -> bool:
        """Whether everything before `call` in its conversation has finished."""
        return not call.conversation_id or self._lines[call.conversation_id][0] is call

    def start(self, call: Call, tool: str, cancellable: bool) -> None:
        """The tool of `call` is known and begins."""
        call.state, call.tool, call.cancellable = State.RUNNING, tool, cancellable

    def report(self, call: Call, progress: Progress) -> None:
        """Note how far `call` is; what comes after its end is dropped."""
        if call.outcome is not None:
            return
        if len(call.progress) >= MAX_PROGRESS:
            call.progress.pop()
        call.progress.append(progress)

    def finish(self, call: Call, outcome: Outcome, now: float) -> Call | None:
        """Close `call`; the first outcome stands.

        Returns:
            The call whose turn it is now, if one waited.
        """
        if call.outcome is not None:
            return None
        self._end(call, outcome, now)
        following = self._leave_line(call)
        self._forget(now)
        return following

    def get(self, key: str, now: float) -> Call:
        """The call under `key`.

        Raises:
            NotFound: there is none, or it is forgotten.
        """
        self._forget(now)
        if key not in self._calls:
            raise NotFound(f"no call under the key `{key}`; results are kept {KEPT_S:g} s")
        return self._calls[key]

    def may_cancel(self, call: Call) -> bool:
        """Whether `call` still runs and can be cancelled; one that has finished stays as it is.

        Raises:
            NotCancellable: it runs, and its tool must not be stopped.
        """
        if call.outcome is not None:
            return False
        if call.state is State.RUNNING and not call.cancellable:
            raise NotCancellable(f"`{call.tool}` cannot be stopped once it runs; its result will come")
        return True

    def _end(self, call: Call, outcome: Outcome, now: float) -> None:
        call.outcome, call.finished_at = outcome, now
        call.state = State(outcome.status) if isinstance(outcome, ChatResult) else State.ERROR
        self._finished[call.key] = call

    def _leave_line(self, call: Call) -> Call | None:
        line = self._lines.get(call.conversation_id)
        if line is None:
            return None
        was_first = line[0] is call
        line.remove(call)
        if not line:
            del self._lines[call.conversation_id]
            return None
        return line[0] if was_first else None

    def _forget(self, now: float) -> None:
        while self._finished:
            oldest = next(iter(self._finished.values()))
            expired = oldest.finished_at is not None and now - oldest.finished_at > KEPT_S
            if not expired and len(self._finished) <= MAX_KEPT:
                return
            del self._finished[oldest.key], self._calls[oldest.key]
