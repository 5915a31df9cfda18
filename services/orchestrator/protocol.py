"""The orchestrator's wire (contracts, 6): `POST /voice/orchestrator/plan` and `…/chat`.

Pydantic, because these bytes come from outside: any MAS may stand at the other end.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Risk = Literal["read", "write", "dangerous"]

PLAN_PATH = "/voice/orchestrator/plan"
CHAT_PATH = "/voice/orchestrator/chat"
CALLS_PATH = "/voice/orchestrator/calls"


class Wire(BaseModel):
    """A message: unknown fields are kept out, so that either side may grow."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class PlanRequest(Wire):
    """What could be done about `message`? Nothing is done yet."""

    message: str
    context: dict[str, Any] = Field(default_factory=dict)
    """`session_id`, `user_id`, `timezone`, `language`: who asks, in which call. `owner`: under which API key; missing:
    the house. `pending`: a plan that asked for `missing` arguments, or waits for the user's consent; `last_agent`: what
    was heard before. Each may be missing."""
    conversation_id: str = ""


class Plan(Wire):
    """One tool call that fits the message; `tool` is None where none does."""

    tool: str | None = None
    agent: str = ""
    arguments: dict[str, Any] = Field(default_factory=dict)
    missing: list[str] = Field(default_factory=list)
    """Names of arguments that still have to be asked for; then `say` is the question."""
    risk: Risk = "write"
    idempotent: bool = False
    confidence: float = 0.0
    """0 to 1; 0 where the planner gives none."""
    say: str = ""
    """What to say while it runs ("Let me look at the clock in Tokyo."), or the question."""
    confirm: str = ""
    """The question by which the user is asked for consent, where that is due: names the action and its object
    ("Shall I delete all your reminders?")."""
    amends: bool = False
    """It is the wish before (`context.earlier`) as the user has corrected it now, whole."""
    amendable: bool = False
    """Once it is done, another deed of this tool can take its place (`context.amends_key`)."""


class ChatRequest(Wire):
    """Do it. The same `idempotency_key` again gives the same result, never a second run."""

    message: str
    conversation_id: str = ""
    source: str = "voice"
    want_audio: bool = False
    plan: Plan | None = None
    """As it came from `plan`; without one the orchestrator makes its own."""
    context: dict[str, Any] = Field(default_factory=dict)
    """As in `PlanRequest`: tools are told who asks, and a message that comes without a plan is planned with it."""
    idempotency_key: str | None = None
    amends: str | None = None


class ChatResult(Wire):
    """What came of it (`result` on the event stream)."""

    response_text: str
    agent: str = ""
    action: str = ""
    status: Literal["success", "error", "denied", "cancelled"] = "success"
    data: Any = None
    error: dict[str, Any] | None = None
    """`code` and `message`, when status is `error`; `in_doubt`: true where it may have been done all the same."""
    requires_confirmation: bool = False
    confirmation_prompt: str = ""
    agent_name: str = ""


class Progress(Wire):
    """`progress` on the event stream: how far it is, in words for the ear."""

    text: str = ""
    fraction: float | None = None


class CallState(Wire):
    """How far the call under a key is (`GET …/calls/{key}`)."""

    state: Literal["waiting", "running", "success", "error", "denied", "cancelled"]
    result: ChatResult | None = None
    """Once it is over."""


class Failure(Wire):
    """`error` on the event stream: no result will come. Codes: `tool_failed`, `tool_timeout`, `bad_result` …"""

    code: str
    message: str


class ToolDescription(Wire):
    """One tool of `GET /tools`."""

    name: str
    agent: str
    description: str
    risk: Risk
    idempotent: bool
    parameters: dict[str, Any]
    """JSON schema of the arguments."""
    examples: list[str] = Field(default_factory=list)
    """Phrases that ask for it: the recogniser's and the classifier's food."""


AgentState = Literal["ready", "failing", "away", "left_out"]
"""`failing`: its last call failed; `away`: its health address does not answer; `left_out`: its file is wrong."""


class AgentDescription(Wire):
    """One agent of `GET /agents`; counts and times are since the service started."""

    name: str
    description: str
    tools: list[str]
    state: AgentState = "ready"
    reason: str | None = None
    """Why it is not ready, for whoever runs it."""
    calls: int = 0
    failures: int = 0
    """Of these; a tool that refuses with a reason of its own has not failed."""
    last_used_at: datetime | None = None
    last_failed_at: datetime | None = None
