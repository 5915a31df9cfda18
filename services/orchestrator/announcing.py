"""When a timer speaks up, where, in which words, and what became of it. Rules without I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from services.orchestrator.localtime import zone_of
from services.orchestrator.store.rows import Timer
from services.orchestrator.tools.ear import spoken_day_and_time, timer_name
from services.orchestrator.whose import Whose

KEPT = timedelta(hours=24)
"""How long a timer waits for a call in which it can be told; after that nobody wants to hear of it."""
FOLLOW_S = 0.5
"""Until we look again whether it was heard."""
LOOK_S = 2.0
"""Until we look again whether somebody is there."""
LONGEST_S = 30.0
"""The wall clock may be set, and another process may write a timer: nobody sleeps longer than this."""
FIRST_REST = timedelta(seconds=2)
LONGEST_REST = timedelta(minutes=5)
"""Who comes back to a call in which something cannot be said is told of it this much later at most."""
ASK_AGAIN = timedelta(minutes=1)
"""A text that waits this long may wait in a gateway that is no more."""
MOST_IN_CALL = 8
"""Timers that are being said in one call: a quarter of what it lets wait, for others speak up there, too."""


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call under way, with a client."""

    session_id: UUID
    conversation_id: str
    owner: str | None
    """Name of the API key that made it; None: not known (yet)."""
    of_house: bool
    """An operator made it, or whoever sits at the gateway's machine."""
    user_id: str | None
    started_at: datetime

    @property
    def whose(self) -> Whose | None:
        """Whose timers may be told there; None where that is not known (yet)."""
        if self.of_house:
            return Whose(None, self.user_id)
        return Whose(self.owner, self.user_id) if self.owner else None


@dataclass(frozen=True, slots=True)
class Injection:
    """What a call made of a text that it was to say (`voice_injections`)."""

    injection_id: UUID
    key: str | None
    state: str
    heard_ms: float | None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call, under way or over, and all that it was to say."""

    call: LiveCall
    is_active: bool
    injections: tuple[Injection, ...]


class Fate(Enum):
    """What became of a timer that was taken up."""

    SAID = "said"
    UNSAID = "unsaid"
    """It was not heard, and never will be in that call."""
    OPEN = "open"
    """It waits for its moment there."""
    UNKNOWN = "unknown"
    """The call goes on and knows nothing of it (yet): ask again, with the same key."""


def place_for(timer: Timer, calls: Sequence[LiveCall]) -> LiveCall | None:
    """Where to say it: in the call in which it was asked for, else in its conversation, else where its user calls.

    Never in a call under another key: whoever makes a call names conversation and user, and two may name them alike.

    Args:
        calls: those under way, the newest first.
    """
    ours = [call for call in calls if call.whose and call.whose.owner == timer.owner]
    same = [call for call in ours if call.session_id == timer.session_id]
    same += [call for call in ours if timer.conversation_id and call.conversation_id == timer.conversation_id]
    same += [call for call in ours if call.user_id == timer.user_id]
    return same[0] if same else None


def key_of(timer: Timer) -> str:
    """The idempotency key of what is said: a new one for each time that the timer was taken up."""
    return f"timer {timer.timer_id} {timer.attempt}"


def fate_of(timer: Timer, record: CallRecord | None) -> Fate:
    """What became of `timer` in the call in which it was to be said; None for a call that nobody knows."""
    if record is None:
        return Fate.UNSAID
    said = next((each for each in record.injections if each.key == key_of(timer)), None)
    match said:
        case None:
            return Fate.UNKNOWN if record.is_active else Fate.UNSAID
        case Injection(state="heard" | "spoken"):
            return Fate.SAID
        case Injection(state="cut", heard_ms=heard_ms) if heard_ms:
            # Whoever cuts it short has heard what it was.
            return Fate.SAID
        case Injection(state="waiting" | "speaking") if record.is_active:
            return Fate.OPEN
    return Fate.UNSAID


def rest_after(attempt: int) -> timedelta:
    """How long a timer rests that could not be said, though the call went on: twice as long each time."""
    # A timedelta has an end, which many attempts would pass.
    return min(FIRST_REST * (1 << min(attempt, 12)), LONGEST_REST)


def words_of(timer: Timer, call: LiveCall, now: datetime) -> str:
    """What is said in `call`; who came only after it was due is told when that was."""
    was_away = call.started_at > timer.due_at
    due = spoken_day_and_time(timer.due_at, now.astimezone(zone_of(timer.timezone)))
    if timer.kind == "timer":
        name = timer_name(timer.label, timer.duration_s)
        return f"While you were away, your {name} went off {due}." if was_away else f"Your {name} is up."
    if was_away:
        return f"While you were away, I wanted to remind you {due}: {timer.label}."
    return f"You asked me to remind you: {timer.label}."


def pause(being_said: bool, waiting: bool, next_due: datetime | None, now: datetime) -> float:
    """Seconds until the next look.

    Args:
        being_said: one is, and is to be followed.
        waiting: one is due, and waits for a call.
        next_due: when the next one becomes due.
    """
    longest = FOLLOW_S if being_said else LOOK_S if waiting else LONGEST_S
    until = (next_due - now).total_seconds() if next_due else LONGEST_S
    return max(0.0, min(longest, until))
