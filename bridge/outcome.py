"""What became of a deed, by what the orchestrator sent or failed to send."""

from dataclasses import dataclass
from typing import Any

from bridge.bounds import kept
from bridge.ledger import Invocation, Status
from bridge.ports import CutResult, OrchestratorError
from services.orchestrator.protocol import ChatResult, Failure, Plan

DENIED = "denied"
EXPIRED = "expired"
NOT_UNDERSTOOD = "not_understood"
EMPTY_RESULT = "empty_result"
MAX_NAME, MAX_MESSAGE = 200, 2000
"""Characters in the row, of what others call themselves and say of their troubles."""

RESULT_TOO_LONG = "result_too_long"
USER_WENT_ON = "user_went_on"
CALLED_OFF = "called_off"
CALL_ENDED = "call_ended"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a deed ended, and what is to be told of it."""

    status: Status
    result: ChatResult | None = None
    code: str = ""
    """Why it did not succeed."""
    message: str = ""
    """For the row; never spoken."""
    agent: str = ""
    """Who did it, where the orchestrator tells."""

    @property
    def error(self) -> dict[str, Any] | None:
        """As the row keeps it."""
        return {"code": self.code[:MAX_NAME], "message": self.message[:MAX_MESSAGE]} if self.code else None

    @property
    def stored(self) -> dict[str, Any] | None:
        """The result as the row keeps it."""
        return kept(self.result) if self.result else None


def of_result(result: ChatResult, plan: Plan) -> Outcome:
    """The tool came to an end of its own; which one, a result that was cut may not tell."""
    agent = (result.agent or result.agent_name)[:MAX_NAME]
    if result.requires_confirmation:
        # It asks back instead of acting.
        return Outcome(Status.AWAITING_APPROVAL, result, agent=agent)
    if result.status == "success":
        if isinstance(result, CutResult) and "status" not in result.model_fields_set and plan.risk != "read":
            return Outcome(
                Status.UNKNOWN, result, RESULT_TOO_LONG, "it was cut before it told how it ended", agent
            )
        return Outcome(Status.SUCCESS, result, agent=agent)
    error = result.error or {}
    if result.status == "error" and error.get("in_doubt") is True:
        return Outcome(Status.UNKNOWN, result, str(error.get("code")), str(error.get("message", "")), agent)
    code = str(error.get("code") or {"error": "tool_failed"}.get(result.status, result.status))
    return Outcome(Status(result.status), result, code, str(error.get("message", "")), agent)


def of_failure(failure: Failure) -> Outcome:
    """The orchestrator says that no result will come."""
    return Outcome(Status.ERROR, None, failure.code, failure.message)


def of_error(error: OrchestratorError, plan: Plan) -> Outcome:
    """The orchestrator failed us; what may have been changed in the world stays unknown."""
    doubtful = error.may_have_acted and plan.risk != "read"
    return Outcome(Status.UNKNOWN if doubtful else Status.ERROR, None, error.code, str(error))


def denied() -> Outcome:
    """The user was asked and said no."""
    return Outcome(Status.DENIED, None, DENIED, "the user said no")


def expired() -> Outcome:
    """The user was asked and did not answer in time."""
    return Outcome(Status.CANCELLED, None, EXPIRED, "nobody answered in time")


def not_understood() -> Outcome:
    """The user was asked, and nothing that they said was an answer."""
    return Outcome(Status.CANCELLED, None, NOT_UNDERSTOOD, "no answer was clear enough")


def nobody_there() -> Outcome:
    """Whoever does it asked back, and the call was over."""
    return Outcome(Status.CANCELLED, None, CALL_ENDED, "it asked back, and nobody was there to say yes")


def superseded() -> Outcome:
    """The user went on with the turn, and means something else by the whole of it."""
    return Outcome(Status.SUPERSEDED, None, USER_WENT_ON, "the user went on with the turn")


def called_off() -> Outcome:
    """The user took it back before it went out."""
    return Outcome(Status.CANCELLED, None, CALLED_OFF, "the user took it back before it went out")


def never_finished(row: Invocation) -> Outcome:
    """The call ended before the deed did; what has gone out may have been done."""
    gone_out = row.status is Status.RUNNING
    status = Status.UNKNOWN if gone_out else Status.CANCELLED
    return Outcome(status, None, CALL_ENDED, "the call ended before the deed did")
