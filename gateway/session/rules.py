"""What a session is made with: the manners that its client chose, and what its engine can do."""

from dataclasses import dataclass, replace
from typing import Any

from gateway.session.effects import HeardBasis
from gateway.session.events import RulesChanged


@dataclass(frozen=True, slots=True)
class Rules:
    """Manners that a client may choose."""

    push_to_talk: bool = False
    """Turns end when the client says so, not by silence; voice alone interrupts nothing."""
    answers_by_itself: bool = True
    """Whether each turn of the user is answered without being asked to."""
    interruptible: bool = True
    """Whether the user's voice may cut the agent's."""
    speaks_unasked: bool = False
    """Whether the agent may begin a conversation: stock clients expect it to speak when spoken to."""
    greeting: str = ""
    """What it says to who comes; empty: nothing."""
    silence: int = 0
    """Samples in which nobody spoke until it says one of `still_there`; 0: it never does."""
    still_there: tuple[str, ...] = ()

    def changed(self, event: RulesChanged) -> "Rules":
        """These manners with what the client asked for."""
        asked = {
            "push_to_talk": event.push_to_talk,
            "answers_by_itself": event.answers_by_itself,
            "interruptible": event.interruptible,
            "silence": event.silence,
        }
        changes: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        if event.silence:
            changes["speaks_unasked"] = True
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Traits:
    """What the session must know of its engine; adapters say more (`gateway.ports`)."""

    hears: bool = False
    """It listens to the user's sound and answers by itself, unless held."""
    holds: bool = False
    """It can be kept silent in its own mind."""
    basis: HeardBasis = "synthesizer"
    """How its word positions are known."""
    ordered_basis: HeardBasis | None = None
    """The same of what it says on order, where that differs."""
