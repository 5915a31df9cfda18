"""Timers and reminders: set, listed, cancelled. When one is due, the announcer says it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from services.base.ids import new_id
from services.orchestrator.language.times import from_iso_duration
from services.orchestrator.localtime import local_now
from services.orchestrator.store.rows import MOST_WAITING, Kind, Timer, TooManyTimers
from services.orchestrator.store.store import Store
from services.orchestrator.tooling import Answer, Caller, Refused
from services.orchestrator.tools.ear import listed, spoken_moment, spoken_span, timer_name, to_you

MOST_CHARACTERS = 500
"""Of what a timer or a reminder is for."""
MOST_TOLD = 5
"""More nobody keeps in mind; of the rest the number is told."""
LONGEST = timedelta(days=3660)
LATE = timedelta(minutes=1)
"""A moment may pass while the wish is on its way."""


async def set_timer(caller: Caller, store: Store, duration: str, label: str | None = None) -> Answer:
    """Begin a timer; it runs from now."""
    span = from_iso_duration(duration)
    if not span:
        raise Refused("bad_duration", "I can't tell how long that is.")
    timer = await _add(store, caller, "timer", label, datetime.now(UTC) + span, span.total_seconds())
    return Answer(f"Your {_name(timer)} is running.", _facts(timer))


async def set_reminder(caller: Caller, store: Store, what: str, when: str) -> Answer:
    """Note that the user wants to be reminded of something."""
    now = local_now(caller.timezone)
    due = _moment(when)
    if due < now - LATE:
        raise Refused("past_moment", "That time has already passed.")
    timer = await _add(store, caller, "reminder", to_you(what), due, None)
    return Answer(f"I'll remind you {spoken_moment(timer.due_at, now)}: {timer.label}.", _facts(timer))


async def list_timers(caller: Caller, store: Store) -> Answer:
    """Which timers run, and how long yet."""
    timers = await store.timers.waiting(caller.whose, "timer")
    now = datetime.now(UTC)
    if not timers:
        return Answer("No timer is running.", [])
    told = [f"your {_name(timer)} has {_left(timer, now)} left" for timer in timers[:MOST_TOLD]]
    if len(timers) == 1:
        return Answer(f"{_sentence(told[0])}.", [_facts(timers[0])])
    return Answer(f"{_many(len(timers), 'timer')}: {listed(told)}.", [_facts(timer) for timer in timers])


async def list_reminders(caller: Caller, store: Store) -> Answer:
    """What the user will be reminded of, and when."""
    reminders = await store.timers.waiting(caller.whose, "reminder")
    now = local_now(caller.timezone)
    if not reminders:
        return Answer("You have no reminders.", [])
    told = [f"{spoken_moment(timer.due_at, now)}, {timer.label}" for timer in reminders[:MOST_TOLD]]
    count = "You have one reminder" if len(reminders) == 1 else _many(len(reminders), "reminder")
    return Answer(f"{count}: {'; '.join(told)}.", [_facts(timer) for timer in reminders])


async def time_left(
    caller: Caller, store: Store, label: str | None = None, duration: str | None = None
) -> Answer:
    """How long a timer runs yet; of several that fit, of each."""
    timers = _meant(await store.timers.waiting(caller.whose, "timer"), label, duration)
    if not timers:
        raise _none_of("timer", label, duration)
    now = datetime.now(UTC)
    told = [f"your {_name(timer)} has {_left(timer, now)} left" for timer in timers[:MOST_TOLD]]
    return Answer(f"{_sentence(listed(told))}.", [_facts(timer) for timer in timers])


async def cancel_timer(
    caller: Caller, store: Store, label: str | None = None, duration: str | None = None
) -> Answer:
    """Cancel the timer that is meant; where several may be, none."""
    return await _cancel_one(store, caller, "timer", label, duration)


async def cancel_reminder(caller: Caller, store: Store, what: str | None = None) -> Answer:
    """Cancel the reminder that is meant; where several may be, none."""
    return await _cancel_one(store, caller, "reminder", to_you(what) if what else None, None)


async def cancel_all_timers(caller: Caller, store: Store) -> Answer:
    """Cancel every timer of the user, and no reminder."""
    return await _cancel_all(store, caller, "timer")


async def cancel_all_reminders(caller: Caller, store: Store) -> Answer:
    """Cancel every reminder of the user, and no timer."""
    return await _cancel_all(store, caller, "reminder")


async def _add(
    store: Store, caller: Caller, kind: Kind, label: str | None, due: datetime, duration_s: float | None
) -> Timer:
    if label and len(label) > MOST_CHARACTERS:
        raise Refused("too_long", "That is too long for me to keep. Say it in fewer words.")
    if due > datetime.now(UTC) + LONGEST:
        raise Refused("too_far", "That is more than ten years away, which is too far for me.")
    timer = Timer(
        timer_id=new_id(),
        kind=kind,
        label=label,
        duration_s=duration_s,
        due_at=due,
        timezone=caller.timezone,
        idempotency_key=caller.idempotency_key,
        owner=caller.owner,
        user_id=caller.user_id,
        conversation_id=caller.conversation_id or None,
        session_id=caller.session_id,
    )
    try:
        return await store.timers.add(timer, instead_of=caller.amends)
    except TooManyTimers as error:
        text = f"You have {MOST_WAITING} timers and reminders already, and I keep no more."
        raise Refused("too_many_timers", text) from error


async def _cancel_one(
    store: Store, caller: Caller, kind: Kind, label: str | None, duration: str | None
) -> Answer:
    if done := await store.timers.cancelled_by(caller.idempotency_key):
        return _cancelled(done)
    found = _meant(await store.timers.waiting(caller.whose, kind), label, duration)
    if not found:
        raise _none_of(kind, label, duration)
    if len(found) > 1:
        names = listed([_called(timer) for timer in found[:MOST_TOLD]])
        raise Refused("which_one", f"{_many(len(found), kind)}: {names}. Say which one, or all.")
    await store.timers.cancel(found, caller.idempotency_key)
    return _cancelled(await store.timers.cancelled_by(caller.idempotency_key))


async def _cancel_all(store: Store, caller: Caller, kind: Kind) -> Answer:
    if not (done := await store.timers.cancelled_by(caller.idempotency_key)):
        found = await store.timers.waiting(caller.whose, kind)
        if not found:
            raise _none_of(kind, None, None)
        await store.timers.cancel(found, caller.idempotency_key)
        done = await store.timers.cancelled_by(caller.idempotency_key)
    return _cancelled(done)


def _cancelled(timers: Sequence[Timer]) -> Answer:
    """What was cancelled. Nothing, where it became due in the same moment."""
    if not timers:
        raise Refused("too_late", "It is too late to cancel that.")
    facts = [_facts(timer) for timer in timers]
    if len(timers) > 1:
        return Answer(f"I've cancelled {len(timers)} {timers[0].kind}s.", facts)
    return Answer(f"I've cancelled {_called(timers[0])}.", facts)


def _meant(timers: Sequence[Timer], label: str | None, duration: str | None) -> list[Timer]:
    """Those that go by what was said of them; all, where nothing was."""
    span = from_iso_duration(duration) if duration else None
    found = [timer for timer in timers if span is None or timer.duration_s == span.total_seconds()]
    if label is None:
        return found
    exact = [timer for timer in found if timer.label == label]
    words = set(label.split())
    return exact or [timer for timer in found if timer.label and words <= set(timer.label.split())]


def _none_of(kind: Kind, label: str | None, duration: str | None) -> Refused:
    if label or duration:
        return Refused("no_such_timer", f"I find no such {kind}.")
    return Refused("no_timer", "No timer is running." if kind == "timer" else "You have no reminders.")


def _name(timer: Timer) -> str:
    return timer_name(timer.label, timer.duration_s)


def _called(timer: Timer) -> str:
    return f"the {_name(timer)}" if timer.kind == "timer" else f"the reminder, {timer.label}"


def _left(timer: Timer, now: datetime) -> str:
    return spoken_span(max(0, (timer.due_at - now).total_seconds()))


def _many(count: int, kind: str) -> str:
    return f"You have {count} {kind}s"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused("bad_moment", "I can't tell when that is.") from error
    return moment.astimezone(UTC)


def _facts(timer: Timer) -> dict[str, object]:
    return {
        "timer_id": str(timer.timer_id),
        "kind": timer.kind,
        "label": timer.label,
        "duration_s": timer.duration_s,
        "due_at": timer.due_at.isoformat(),
    }
