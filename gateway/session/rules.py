"""What a session is made with: the manners that its client chose, and what its engine can do."""

from dataclasses import dataclass, replace

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

    def changed(self, event: RulesChanged) -> "Rules":
        """These manners with what the client asked for."""
        asked = {
            "push_to_talk": event.push_to_talk,
            "answers_by_itself": event.answers_by_itself,
            "interruptible": event.interruptible,
        }
        return replace(self, **{name: value for name, value in asked.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Traits:
    """What the session must know of its engine; adapters say more (`gateway.ports`)."""

    hears: bool = False
    """It listens to the user's sound and answers by itself, unless held."""
    holds: bool = False
    """It can be kept silent in its own mind."""
    basis: HeardBasis = "synthesizer"
    """How its word positions are known."""
