"""What a gateway with some calls knows, for tests of the rules."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from gateway.parts import Offer
from gateway.topology.graph import Backlog, Known, Learned
from gateway.topology.model import LiveSession
from services.orchestrator.protocol import AgentDescription, ToolDescription

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

READY = {"database": None, "transcriber": None, "synthesizer": None, "orchestrator": None}


def a_session(number: int = 1, **other: Any) -> LiveSession:
    """A call that does nothing, but for what is named."""
    fields: dict[str, Any] = {
        "session_id": UUID(int=number),
        "owner": "local",
        "mode": "local",
        "persona": "plain",
        "voice": "fern",
        "client": "Mozilla/5.0 (X11)",
        "input_mode": "duplex",
        "started_at": NOW - timedelta(minutes=number),
        "state": "live",
        "doing": (),
        "deeds": (),
        "user_turns": 0,
        "agent_turns": 0,
        "barge_ins": 0,
        "tools": 0,
        "tool_failures": 0,
        "turn_ms": None,
    }
    return LiveSession(**fields | other)


def a_tool(name: str, agent: str) -> ToolDescription:
    return ToolDescription(
        name=name, agent=agent, description=f"Does {name}.", risk="read", idempotent=True, parameters={}
    )


TOLD = Learned(
    READY,
    [AgentDescription(name="clock", description="Knows the time.", tools=["tell_time"])],
    [a_tool("tell_time", "clock")],
)


def known(*sessions: LiveSession, learned: Learned = TOLD, **other: Any) -> Known:
    """All that a snapshot is made of; every part is ready, but for what is named."""
    fields: dict[str, Any] = {
        "at": NOW,
        "node": "here:8999",
        "most": 100,
        "sessions": sessions,
        "deciding": 0,
        "offers": [
            Offer("personaplex", False, "no speech server is configured", is_set_up=False),
            Offer("local", True, None),
        ],
        "recognizer": "pocketsphinx",
        "outbox": Backlog(0, False),
        "learned": learned,
    }
    return Known(**fields | other)
