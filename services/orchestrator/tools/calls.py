"""What the calls were like: each number is counted by the database when it is asked for.

They are of all calls under the caller's API key; the house is told of everybody's. "Today" is the caller's. Rows are
written behind the sound, so the last seconds of a running call may not be in.
"""

from typing import Any

from services.orchestrator.language.periods import Period, read_period
from services.orchestrator.language.words import tokenise
from services.orchestrator.localtime import local_now
from services.orchestrator.store.store import Store
from services.orchestrator.tooling import Answer, Caller, Refused
from services.orchestrator.tools import calls_queries as sql
from services.orchestrator.tools.ear import listed, spoken_count, spoken_number, spoken_span, times

MOST_NAMED = 3
"""Of tools, in one answer."""


async def count_calls(store: Store, caller: Caller, period: str = "today") -> Answer:
    """How many calls began in that time; the present one is said to be among them where it is."""
    when = _period(period, caller)
    [row] = await store.read(sql.COUNT, _bounds(when, caller) | _this(caller))
    calls, this = row["calls"], bool(row["this"])
    data = {"calls": calls, "with_this_one": this, **_stretch(when)}
    have = "We had" if when.is_over(local_now()) else "We've had"
    if calls == 0:
        return Answer(_sentence(f"{have} no calls", when), data)
    if calls == 1 and this:
        return Answer(_sentence(f"{have} one call", when, ", and this is it"), data)
    ending = ", this one included" if this else ""
    return Answer(_sentence(f"{have} {spoken_count(calls, 'call')}", when, ending), data)


async def count_running_calls(store: Store, caller: Caller) -> Answer:
    """How many calls are under way."""
    [row] = await store.read(sql.NOW, _theirs(caller) | _this(caller))
    calls, this = row["calls"], bool(row["this"])
    data = {"calls": calls, "with_this_one": this}
    if this and calls == 1:
        return Answer("There's only this one.", data)
    verb = "is" if calls == 1 else "are"
    return Answer(
        f"There {verb} {spoken_count(calls, 'call')} right now{', this one included' * this}.", data
    )


async def longest_call(store: Store, caller: Caller, period: str = "today") -> Answer:
    """How long the longest call of that time lasted, or lasts so far."""
    when = _period(period, caller)
    rows = await store.read(sql.LONGEST, _bounds(when, caller))
    if not rows:
        return _none(when)
    [row] = rows
    seconds = row["seconds"]
    is_this = row["session_id"] == caller.session_id
    data = {
        "session_id": str(row["session_id"]),
        "seconds": round(seconds, 3),
        "is_active": row["is_active"],
        **_stretch(when),
    }
    if is_this:
        text = f"The longest call{_behind(when)} is this one, {spoken_span(seconds)} so far."
    elif row["is_active"]:
        text = f"The longest call{_behind(when)} still goes on, for {spoken_span(seconds)} so far."
    else:
        text = f"The longest call{_behind(when)} took {spoken_span(seconds)}."
    return Answer(text, data)


async def average_call(store: Store, caller: Caller, period: str = "today") -> Answer:
    """How long the calls of that time lasted on average."""
    return await _lengths(store, caller, period, "average_s", "On average a call{} took {}, over {}.")


async def time_in_calls(store: Store, caller: Caller, period: str = "today") -> Answer:
    """How long all calls of that time lasted together."""
    return await _lengths(store, caller, period, "total_s", "All calls{} together took {}, over {}.")


async def _lengths(store: Store, caller: Caller, period: str, which: str, sentence: str) -> Answer:
    when = _period(period, caller)
    [row] = await store.read(sql.LENGTHS, _bounds(when, caller))
    if not row["calls"]:
        return _none(when)
    data = {"calls": row["calls"], "seconds": round(row[which], 3), **_stretch(when)}
    return Answer(
        sentence.format(_behind(when), spoken_span(row[which]), spoken_count(row["calls"], "call")), data
    )


async def this_call(store: Store, caller: Caller) -> Answer:
    """How long the present call has gone on."""
    rows = await store.read(sql.THIS, _theirs(caller) | _this(caller))
    if not rows:
        raise Refused("no_call", "I don't know of a call that we're in.")
    seconds = rows[0]["seconds"]
    return Answer(f"We've been talking for {spoken_span(seconds)}.", {"seconds": round(seconds, 3)})


async def count_interruptions(store: Store, caller: Caller, period: str = "today") -> Answer:
    """How often the agent was cut short by its user."""
    when = _period(period, caller)
    [row] = await store.read(sql.INTERRUPTIONS, _bounds(when, caller))
    count = row["interruptions"]
    data = {"interruptions": count, **_stretch(when)}
    if not count:
        return Answer(f"Nobody interrupted me{_behind(when)}.", data)
    return Answer(_sentence(f"I was interrupted {times(count)}", when), data)


async def most_used_tool(store: Store, caller: Caller, period: str = "today") -> Answer:
    """Which tool ran most often, this question left out; several where they are level."""
    when = _period(period, caller)
    rows = await _tools(store, caller, when)
    if not rows:
        return Answer(
            _sentence("No tool was used", when, ", but for this question"), {"tools": [], **_stretch(when)}
        )
    most = rows[0]["calls"]
    first = [row for row in rows if row["calls"] == most]
    names = _listed([_name(row) for row in first])
    data = {"tools": rows[:10], **_stretch(when)}
    if len(first) == 1:
        return Answer(_sentence(f"{_upper(names)} was used most", when, f", {times(most)}"), data)
    return Answer(_sentence(f"{_upper(names)} were used most", when, f", {times(most)} each"), data)


async def failed_tools(store: Store, caller: Caller, period: str = "today") -> Answer:
    """Whether tools failed, and which; a run whose end nobody knows counts as failed."""
    when = _period(period, caller)
    rows = await _tools(store, caller, when)
    ran = sum(row["calls"] for row in rows)
    failed = sorted(
        (row for row in rows if row["failures"]), key=lambda row: (-row["failures"], row["action"])
    )
    failures = sum(row["failures"] for row in failed)
    data = {"runs": ran, "failures": failures, "tools": failed[:10], **_stretch(when)}
    if not failures:
        of = f", of {spoken_count(ran, 'run')}" if ran else ""
        return Answer(_sentence("No tool failed", when, of), data)
    named = _listed([_failed(row) for row in failed])
    return Answer(f"{failures} of {spoken_count(ran, 'tool run')} failed{_behind(when)}: {named}.", data)


async def answer_speed(store: Store, caller: Caller, period: str = "today") -> Answer:
    """How long it took from the end of the user's words to the agent's first sound, in the median."""
    when = _period(period, caller)
    [row] = await store.read(sql.ANSWERS, _bounds(when, caller))
    data = {**row, **_stretch(when)}
    if not row["answers"]:
        return Answer(f"I have no measured answer{_behind(when)}.", data)
    seconds = spoken_number(round(row["median_ms"] / 1000, 2))[0]
    return Answer(
        f"Half of my answers{_behind(when)} began within {seconds} seconds, measured over "
        f"{spoken_count(row['answers'], 'answer')}.",
        data,
    )


async def _tools(store: Store, caller: Caller, when: Period) -> list[dict[str, Any]]:
    query: str = sql.TOOLS
    return await store.read(query, _bounds(when, caller) | {"key": caller.idempotency_key})


def _period(text: str, caller: Caller) -> Period:
    when = read_period(tokenise(text), local_now(caller.timezone))
    if when is None:
        raise Refused("bad_period", "I can't tell which time you mean.")
    return when


def _bounds(when: Period, caller: Caller) -> dict[str, Any]:
    return {"start": when.start, "end": when.end} | _theirs(caller)


def _theirs(caller: Caller) -> dict[str, Any]:
    return {"owner": caller.owner}


def _this(caller: Caller) -> dict[str, Any]:
    return {"this": caller.session_id}


def _stretch(when: Period) -> dict[str, str | None]:
    """The period for machines."""
    return {
        "start": when.start.isoformat() if when.start else None,
        "end": when.end.isoformat() if when.end else None,
    }


def _none(when: Period) -> Answer:
    return Answer(f"There was no call{_behind(when)}.", {"calls": 0, **_stretch(when)})


def _behind(when: Period) -> str:
    return f" {when.spoken}" if when.spoken else ""


def _sentence(words: str, when: Period, ending: str = "") -> str:
    return f"{words}{_behind(when)}{ending}."


def _name(row: dict[str, Any]) -> str:
    return str(row["action"] or row["agent"]).replace("_", " ")


def _failed(row: dict[str, Any]) -> str:
    return f"{_name(row)} {times(row['failures'])}" if row["failures"] > 1 else _name(row)


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return listed(names[:MOST_NAMED] + ([f"{more} more"] if more > 0 else []))


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
