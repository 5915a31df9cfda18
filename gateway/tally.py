"""Counts what a call has come to, for whoever looks at it while it runs; nothing here is spoken words."""

from dataclasses import dataclass, field
from uuid import UUID

from bridge import events as bridge
from bridge.ledger import Invocation, Status
from gateway.recorder import Fact
from gateway.session import effects as do


@dataclass(slots=True)
class Tally:
    """One call's numbers, and when it last did what is over too soon to be seen by who looks twice a second."""

    user_turns: int = 0
    agent_turns: int = 0
    barge_ins: int = 0
    tools: dict[UUID, Status] = field(default_factory=dict)
    """By invocation, where it has got to."""
    turn_ms: float | None = None
    """The last answer's: from the user's last word to the agent's first sound."""
    asked_at: int | None = None
    """When an utterance last went to the bridge; as all times here in samples of the session clock."""
    planned_at: int | None = None
    """When the orchestrator last told a plan."""
    tool_at: int | None = None
    """When the row of a tool call last changed."""
    last_tool: Invocation | None = None
    """That row."""

    @property
    def tool_failures(self) -> int:
        return sum(status in (Status.ERROR, Status.UNKNOWN) for status in self.tools.values())

    def told(self, fact: Fact, now: int) -> None:
        """Take one fact into account. Called for what is told, never for sound or ticks."""
        match fact:
            case do.UserTurnEnded(turn_id=turn_id, breath_id=breath_id) if breath_id == turn_id:
                # A later breath tells the same turn anew.
                self.user_turns += 1
            case do.AgentSounded():
                self.agent_turns += 1
            case do.BargeIn(kind="barge_in"):
                self.barge_ins += 1
            case do.Measured(span="turn", ms=took):
                self.turn_ms = took
            case do.AnswerWanted():
                self.asked_at = now
            case bridge.Planned():
                self.planned_at = now
            case bridge.InvocationChanged(invocation=row) | bridge.ResultArrived(invocation=row):
                self.tools[row.invocation_id] = row.status
                self.last_tool, self.tool_at = row, now
            case _:
                pass
