"""The agent's side of the floor: one turn at a time, from its opening until its sound has been heard or cut."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from gateway.session.clock import samples
from gateway.session.effects import (
    AgentEnded,
    AgentSounded,
    AgentStatus,
    Effect,
    HeardCorrected,
    InjectionChanged,
    InjectionState,
)
from gateway.session.events import Arrived, InjectionAsked, Source
from gateway.session.playout import KEPT_TURNS, Playout
from gateway.session.rules import Traits

BREATH = samples(250)
"""Between two turns of the agent ("Let me look." "It's noon."): without it they sound like one sentence."""

STALLED = samples(20_000)
"""An engine that neither sounds nor finishes for this long has failed; slow reasoners take half of it."""

ENDS_OF_SENTENCE = (".", "?", "!")
QUOTES = "\"')”’"


@dataclass(slots=True)
class AgentTurn:
    """What the agent is saying, or about to."""

    turn_id: UUID
    source: Source
    answers: UUID | None
    injection: InjectionAsked | None
    opened_at: int
    moved_at: int
    """When sound last left, or the turn opened."""
    own: bool = False
    """The engine opened it by itself."""
    sounded: bool = False
    wound_up: bool = False
    """It ends before its end, because there is something better to say."""


class AgentFloor:
    """Holds the agent's turn and the playout of its sound."""

    def __init__(self, traits: Traits, lead: int) -> None:
        self._traits = traits
        self.playout = Playout(traits.basis, lead)
        self.turn: AgentTurn | None = None
        self._injected: deque[tuple[AgentEnded, InjectionAsked]] = deque(maxlen=KEPT_TURNS)
        """Injections whose turn has ended: a late report may still correct what became of them."""

    def open(
        self,
        turn_id: UUID,
        now: int,
        source: Source,
        answers: UUID | None,
        injection: InjectionAsked | None,
        own: bool = False,
    ) -> AgentTurn:
        """The agent takes the floor; `own`: the engine by itself, without an order."""
        self.turn = AgentTurn(turn_id, source, answers, injection, now, now, own)
        self.playout.open(turn_id, self._traits.basis if own else self._traits.ordered_basis)
        return self.turn

    @property
    def says_ordered(self) -> bool:
        """Whether it is said what was ordered: what the engine says by itself meanwhile is nobody's."""
        return self.turn is not None and not self.turn.own

    def is_current(self, turn_id: UUID) -> bool:
        """Whether `turn_id` holds the floor; all else is stale."""
        return self.turn is not None and self.turn.turn_id == turn_id

    def sounding(self) -> Iterator[AgentSounded]:
        """Tell once that the turn's first sound has left."""
        track = self.playout.track
        if self.turn and track and track.first_sent_at is not None and not self.turn.sounded:
            self.turn.sounded = True
            yield AgentSounded(self.turn.turn_id, track.first_sent_at)

    def is_asking(self, now: int) -> bool:
        """Whether the sentence that sounds now, or sounded last, is a question."""
        track = self.playout.track
        if track is None or not track.sent:
            return False
        heard, _, _ = self.playout.heard(track.turn_id, now)
        begun = sum(1 for word in track.words if word.start < heard)
        for word in track.words[max(0, begun - 1) :]:
            mark = word.text.rstrip(QUOTES)[-1:]
            if mark in ENDS_OF_SENTENCE:
                return mark == "?"
        return False

    def has_stalled(self, now: int) -> bool:
        """Whether the engine has fallen silent in the middle of its turn."""
        if self.turn is None:
            return False
        if not self.playout.silent_since(now):
            self.turn.moved_at = now
        return now - self.turn.moved_at > STALLED

    def wind_up(self) -> None:
        """Let the turn end soon, at a place where a person would."""
        if self.turn is not None and self.playout.wind_up():
            self.turn.wound_up = True

    def end(self, now: int, status: AgentStatus, reason: str = "") -> tuple[AgentEnded, list[Effect]]:
        """The turn is over; the first effect says how, the rest follow from it."""
        turn = self.turn
        assert turn is not None, "only an open turn can end"
        track = self.playout.end(turn.turn_id, now)
        assert track is not None, "the playout follows the floor"
        self.turn = None
        text = track.text() or (turn.injection.text if turn.injection else "")
        said_all = status == "completed" and track.sent > 0
        heard_text = text if said_all and not track.words else track.heard_text(track.heard)
        words = tuple(track.words)
        ended = AgentEnded(
            turn.turn_id, now, status, reason, text, words, heard_text, track.basis, track.heard
        )
        if turn.injection is None:
            return ended, []
        self._injected.append((ended, turn.injection))
        state: InjectionState = "heard" if said_all and not turn.wound_up else "cut"
        why = "nothing_said" if status == "completed" and not said_all else reason
        change = injection_changed(turn.injection, now, state, turn.turn_id, heard_text, track.heard, why)
        return ended, [change]

    def correct(self, turn_id: UUID, heard: int, now: int) -> Iterator[Effect]:
        """The client tells what it has played; what follows when that corrects a turn that has ended."""
        if self.playout.report(turn_id, heard, now):
            yield from self._corrected(turn_id, now, "client_stopped")

    def go_on(self, arrived: tuple[Arrived, ...] | None, now: int) -> Iterator[Effect]:
        """The client is there, and has got so much of the last turns' sound; None where it does not say."""
        track = self.playout.track
        place = track.sent if track and arrived is not None else None
        for got in arrived or ():
            if self.is_current(got.turn_id):
                place = got.until
            elif self.playout.arrived(got.turn_id, got.until):
                yield from self._corrected(got.turn_id, now, "client_lost")
        self.playout.go_on(place, now)

    def miss(self, turn_id: UUID, start: int, end: int, now: int) -> Iterator[Effect]:
        """The client was not sent that stretch after all."""
        if self.playout.miss(turn_id, start, end):
            yield from self._corrected(turn_id, now, "client_too_slow")

    def _corrected(self, turn_id: UUID, now: int, why_not: str) -> Iterator[Effect]:
        """Less or more was heard of a turn that has ended than was told."""
        heard, text, basis = self.playout.heard(turn_id, now)
        yield HeardCorrected(turn_id, heard, text, basis)
        for ended, asked in self._injected:
            if ended.turn_id == turn_id:
                whole = ended.status == "completed" and not ended.reason and text == ended.text
                why = "" if whole else ended.reason or why_not
                yield injection_changed(
                    asked, now, "heard" if whole else "cut", turn_id, said=text, heard=heard, why=why
                )


def injection_changed(
    asked: InjectionAsked,
    now: int,
    state: InjectionState,
    turn_id: UUID | None = None,
    said: str = "",
    heard: int = 0,
    why: str = "",
) -> InjectionChanged:
    """The fact that `asked` has got to `state`, `said` of it having been heard."""
    # The engine's words may be spelled otherwise, but each stands for one of the text.
    unsaid = "" if state == "heard" else " ".join(asked.text.split()[len(said.split()) :])
    return InjectionChanged(
        asked.injection_id,
        now,
        state,
        asked.source,
        asked.text,
        said,
        unsaid,
        heard,
        turn_id,
        asked.invocation_id,
        why,
    )
