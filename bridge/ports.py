"""What the bridge asks of an orchestrator, and how an orchestrator can fail it."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Protocol
from uuid import UUID

from services.orchestrator.protocol import CallState, ChatResult, Failure, Plan, Progress, ToolDescription


class CutResult(ChatResult):
    """The beginning of a result that is too long to be taken in. What it says of how the deed ended may be missing."""


ChatEvent = Progress | ChatResult | Failure


class OrchestratorError(Exception):
    """Root of what can go wrong between us and an orchestrator. The message is for logs and rows, not for the ear."""

    code = "orchestrator_failed"
    may_have_acted = True
    """Whether a deed asked for in this call may have been done all the same."""


class OrchestratorAway(OrchestratorError):
    """It could not be reached, so the request never got there."""

    code, may_have_acted = "orchestrator_away", False


class OrchestratorRefused(OrchestratorError):
    """It turned the request down (a wrong key, a bad request, no place free)."""

    code, may_have_acted = "orchestrator_refused", False


class OrchestratorTimeout(OrchestratorError):
    """It was silent for too long."""

    code = "orchestrator_timeout"


class OrchestratorLost(OrchestratorError):
    """The connection ended before a result came."""

    code = "orchestrator_lost"


class BadResult(OrchestratorError):
    """It sent something that cannot be understood."""

    code = "bad_result"


class Orchestrator(Protocol):
    """Whoever plans wishes and does them. Every call ends, by an answer or an `OrchestratorError`."""

    async def plan(self, message: str, context: dict[str, Any], conversation_id: str) -> Plan:
        """Ask what could be done about `message`; nothing is done yet."""
        ...

    def chat(
        self,
        message: str,
        plan: Plan,
        conversation_id: str,
        key: str,
        amends: UUID | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[ChatEvent, None]:
        """Have `plan` done under the idempotency key `key`.

        `amends` is an earlier invocation of the same turn, which it takes the place of; `context` is the utterance's.
        Yields progress and, last, one result or failure. Closing the stream does not cancel the deed.
        """
        ...

    async def tools(self) -> list[ToolDescription]:
        """Its tools; none for an orchestrator that does not tell."""
        ...

    async def state(self, key: str) -> CallState | None:
        """How far the deed under `key` is; None where it knows no such key, or does not tell."""
        ...

    async def cancel(self, key: str) -> bool:
        """Call off the deed under `key`; False where it cannot be, or is over."""
        ...

    async def ready(self) -> str | None:
        """None when it can be asked, else a sentence that says what is missing."""
        ...
