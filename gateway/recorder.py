"""Writes down a call as it goes: the event log, and the rows that analysts ask about."""

import re
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, Protocol, cast
from uuid import UUID

from pydantic import BaseModel

from bridge import events as bridge
from gateway import measures
from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import RATE, ms
from gateway.store import rows
from gateway.store.tables import InputMode, Mode
from services.base.ids import new_id

UNLOGGED = (on.Tick, do.UserWords)
"""Time passes by itself, and the partial words stand in `WordsHeard` already."""

Fact = on.Event | do.Effect | bridge.BridgeEvent


class Outlet(Protocol):
    """Where rows go; takes each at once and never blocks (`gateway.store.outbox`)."""

    def put(self, row: rows.Row) -> None: ...


class Recorder:
    """Turns events and effects of one call into rows."""

    def __init__(self, outlet: Outlet, session_id: UUID, started_at: datetime, engine: str) -> None:
        self._outlet, self._session_id, self._started_at = outlet, session_id, started_at
        self.engine = engine
        self.written_at: int | None = None
        """When something was last written down, in samples of the session clock."""
        self._log_seq = 0
        self._turn_seq = 0
        self._open_turns: set[UUID] = set()
        self._sounded: set[UUID] = set()

    def at(self, samples: int) -> datetime:
        """A time of the session clock on the wall's."""
        return self._started_at + timedelta(seconds=samples / RATE)

    def write(self, fact: Fact, now: int) -> None:
        """Log one fact, and write the rows that follow from it."""
        if isinstance(fact, UNLOGGED):
            return
        self._rows(fact, now)
        measures.count(fact)
        self.written_at = now
        self._log_seq += 1
        self._outlet.put(
            rows.EventRow(
                session_id=self._session_id,
                seq=self._log_seq,
                at=self.at(now),
                at_samples=now,
                kind=kind_of(type(fact).__name__),
                payload=plain(fact),
            )
        )

    def asked(self, wish: on.InjectionAsked) -> None:
        """Somebody was told that `wish` will be said, and may ask what became of it before the call is connected."""
        self._outlet.put(
            rows.InjectionRow(
                injection_id=wish.injection_id,
                session_id=self._session_id,
                source=wish.source,
                text=wish.text,
                state="waiting",
                created_at=self.at(wish.at),
                idempotency_key=wish.idempotency_key or rows.KEEP,
            )
        )

    def voice(self, name: str) -> None:
        """The call goes on with another voice."""
        self._outlet.put(rows.SessionRow(session_id=self._session_id, voice_prompt=name))

    def _rows(self, fact: Fact, now: int) -> None:
        match fact:
            case on.RulesChanged(push_to_talk=bool(by_hand)):
                mode: InputMode = "push_to_talk" if by_hand else "duplex"
                self._outlet.put(rows.SessionRow(session_id=self._session_id, input_mode=mode))
            case do.UserStarted() if fact.may_continue is None:
                self._turn(fact.turn_id, "user", start_samples=fact.at, started_at=self.at(fact.at))
            case do.UserTurnEnded():
                self._turn(
                    fact.turn_id,
                    "user",
                    text=fact.text,
                    words=[asdict(word) for word in fact.words],
                    start_samples=fact.start,
                    end_samples=fact.end,
                    started_at=self.at(fact.start),
                    ended_at=self.at(fact.end),
                    metadata={
                        "by": fact.by,
                        "backchannel": fact.backchannel,
                        "confidence": fact.confidence,
                        "language": fact.language,
                    },
                )
            case do.AgentStarted():
                self._turn(fact.turn_id, "agent")
            case do.AgentSounded():
                # A turn begins with its sound; one that never sounded has no place in time.
                self._sounded.add(fact.turn_id)
                self._turn(fact.turn_id, "agent", start_samples=fact.at, started_at=self.at(fact.at))
            case do.AgentEnded():
                self._turn(
                    fact.turn_id,
                    "agent",
                    text=fact.text,
                    heard_text=fact.heard_text,
                    heard_basis=fact.heard_basis,
                    words=[asdict(word) for word in fact.words],
                    end_samples=fact.at if fact.turn_id in self._sounded else None,
                    ended_at=self.at(fact.at),
                    interrupted=fact.status == "cancelled",
                    metadata={"status": fact.status, "reason": fact.reason},
                )
            case do.HeardCorrected():
                self._turn(fact.turn_id, "agent", heard_text=fact.heard_text, heard_basis=fact.heard_basis)
            case do.BargeIn():
                self._outlet.put(
                    rows.BargeInRow(
                        event_id=new_id(),
                        session_id=self._session_id,
                        turn_id=fact.turn_id,
                        timestamp=self.at(fact.at),
                        kind=fact.kind,
                        cancelled_text=fact.cancelled_text,
                        heard_ms=ms(fact.heard),
                        stop_ms=fact.stop_ms,
                    )
                )
            case do.EchoSuppressed():
                # Unsuppressed it would have been taken for the user's voice over this turn.
                self._outlet.put(
                    rows.BargeInRow(
                        event_id=new_id(),
                        session_id=self._session_id,
                        turn_id=fact.turn_id,
                        timestamp=self.at(fact.start),
                        kind="echo",
                    )
                )
            case do.InjectionChanged():
                self._injection(fact)
            case do.Measured():
                self._latency(fact.turn_id, fact.span, fact.ms, fact.at)
            case do.EngineConnected():
                self._latency(None, "connect", fact.ms, fact.at)
            case do.EngineReplaced():
                self.engine = fact.by
                self._outlet.put(
                    rows.SessionRow(
                        session_id=self._session_id, mode=cast(Mode, fact.by), fallback_reason=fact.reason
                    )
                )
            case bridge.IntentDecided():
                self._turn(fact.turn_id, "user", intent=fact.intent, intent_confidence=fact.confidence)
                self._latency(fact.turn_id, "intent", fact.ms, now)
            case _:
                pass

    def _turn(self, turn_id: UUID, speaker: Any, **columns: Any) -> None:
        if turn_id not in self._open_turns:
            self._open_turns.add(turn_id)
            self._turn_seq += 1
            columns |= {"seq": self._turn_seq, "engine": self.engine}
        self._outlet.put(
            rows.TurnRow(turn_id=turn_id, session_id=self._session_id, speaker=speaker, **columns)
        )

    def _injection(self, fact: do.InjectionChanged) -> None:
        when: dict[str, Any] = {}
        match fact.state:
            case "waiting":
                when = {"created_at": self.at(fact.at)}
            case "speaking":
                when = {"started_at": self.at(fact.at), "how": "synthesizer"}
            case "dropped":
                when = {"ended_at": self.at(fact.at), "how": fact.why}
            case _:
                when = {"ended_at": self.at(fact.at)}
        self._outlet.put(
            rows.InjectionRow(
                injection_id=fact.injection_id,
                session_id=self._session_id,
                source=fact.source,
                text=fact.text,
                state=fact.state,
                turn_id=fact.turn_id,
                invocation_id=fact.invocation_id,
                said=fact.said,
                unsaid=fact.unsaid,
                heard_ms=ms(fact.heard),
                **when,
            )
        )

    def _latency(self, turn_id: UUID | None, span: Any, took_ms: float, at: int) -> None:
        measures.LATENCY.labels(span, self.engine).observe(took_ms / 1000)
        self._outlet.put(
            rows.LatencyRow(
                latency_id=new_id(),
                session_id=self._session_id,
                turn_id=turn_id,
                span=span,
                ms=took_ms,
                at=self.at(at),
            )
        )


@cache
def kind_of(name: str) -> str:
    """The name of a fact in the log: `SpeechStarted` is `speech_started`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def plain(value: Any) -> Any:
    """A dataclass as JSON-ready data."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID | datetime):
        return str(value)
    return value
