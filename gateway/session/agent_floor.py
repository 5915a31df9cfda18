"""The agent's side of the floor: one turn at a time, from its opening until its sound has been heard or cut."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from gateway.session.clock import samples
from gateway.session.effects import (
    AgentEnded,
    AgentSounded,
    AgentStatus,
    Effect,
    HeardBasis,
    InjectionChanged,
    InjectionState,
)
from gateway.session.events import InjectionAsked, Source
from gateway.session.playout import Playout

STALLED = samples(20_000)
"""An engine that neither sounds nor finishes for this long has failed; slow reasoners take half of it."""


@dataclass(slots=True)
class AgentTurn:
    """What the agent is saying, or about to."""

    turn_id: UUID
    source: Source
    answers: UUID | None
    injection: InjectionAsked | None
    moved_at: int
    """When sound last left, or the turn opened."""
    sounded: bool = False


class AgentFloor:
    """Holds the agent's turn and the playout of its sound."""

    def __init__(self, basis: HeardBasis) -> None:
        self.playout = Playout(basis)
        self.turn: AgentTurn | None = None

    def open(
        self, turn_id: UUID, now: int, source: Source, answers: UUID | None, injection: InjectionAsked | None
    ) -> AgentTurn:
        """The agent takes the floor."""
        self.turn = AgentTurn(turn_id, source, answers, injection, now)
        self.playout.open(turn_id)
        return self.turn

    def is_current(self, turn_id: UUID) -> bool:
        """Whether `turn_id` holds the floor; all else is stale."""
        return self.turn is not None and self.turn.turn_id == turn_id

    def sounding(self) -> Iterator[AgentSounded]:
        """Tell once that the turn's first sound has left."""
        track = self.playout.track
        if self.turn and track and track.first_sent_at is not None and not self.turn.sounded:
            self.turn.sounded = True
            yield AgentSounded(self.turn.turn_id, track.first_sent_at)

    def has_stalled(self, now: int) -> bool:
        """Whether the engine has fallen silent in the middle of its turn."""
        if self.turn is None:
            return False
        if not self.playout.silent_since(now):
            self.turn.moved_at = now
        return now - self.turn.moved_at > STALLED

    def end(self, now: int, status: AgentStatus, reason: str = "") -> tuple[AgentEnded, list[Effect]]:
        """The turn is over; the first effect says how, the rest follow from it."""
        turn = self.turn
        assert turn is not None, "only an open turn can end"
        heard, heard_text, basis = self.playout.heard(turn.turn_id, now)
        track = self.playout.end(turn.turn_id)
        assert track is not None, "the playout follows the floor"
        self.turn = None
        text = track.text() or (turn.injection.text if turn.injection else "")
        ended = AgentEnded(
            turn.turn_id, now, status, reason, text, tuple(track.words), heard_text, basis, heard
        )
        if turn.injection is None:
            return ended, []
        state: InjectionState = "heard" if status == "completed" else "cut"
        unsaid = text[len(heard_text) :].strip() if text.startswith(heard_text) else text
        change = injection_changed(
            turn.injection, now, state, turn.turn_id, said=heard_text, unsaid=unsaid, heard=heard, why=reason
        )
        return ended, [change]


def injection_changed(
    asked: InjectionAsked,
    now: int,
    state: InjectionState,
    turn_id: UUID | None = None,
    said: str = "",
    unsaid: str | None = None,
    heard: int = 0,
    why: str = "",
) -> InjectionChanged:
    """The fact that `asked` has got to `state`; unsaid is all of it unless told otherwise."""
    return InjectionChanged(
        asked.injection_id,
        now,
        state,
        asked.source,
        asked.text,
        said,
        asked.text if unsaid is None else unsaid,
        heard,
        turn_id,
        asked.invocation_id,
        why,
    )
