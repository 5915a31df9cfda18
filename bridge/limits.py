"""How long the bridge waits for others."""

from dataclasses import dataclass, field

from bridge.fillers import Patience


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. Every wait of the bridge ends by one of these."""

    plan: float = 5.0
    """For a plan; the user hears nothing meanwhile."""
    silence: float = 30.0
    """Between two signs of life of a running deed."""
    deed: float = 600.0
    """For a whole deed, however lively."""
    breath: float = 90.0
    """For the words of a turn that the user went on with; a session lets nobody speak for more than 60 s."""
    inquiry: float = 10.0
    """For what became of a deed whose connection was lost; a part that died is back within seconds."""
    approval: float = 30.0
    """For an answer to a question for consent; later nobody remembers what was asked."""
    cancel: float = 2.0
    """For an answer to a call-off."""
    ledger: float = 3.0
    """For one write of the ledger."""
    insist: float = 10.0
    """How long the end of a deed is written again while the ledger is away."""
    pause: float = 0.1
    """Before the first repetition; each next one waits twice as long."""
    close: float = 3.0
    """What running deeds get to finish when the call has ended."""
    fillers: Patience = field(default_factory=Patience)
    """When something is said meanwhile."""
