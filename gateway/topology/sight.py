"""Looks at the calls: what each does now, read off what it knows already."""

from collections.abc import Iterator

from bridge.ledger import Status
from gateway.call import Call
from gateway.session.clock import samples
from gateway.topology.model import Deed, Doing, LiveSession, State

SEEN_FOR = samples(1000)
"""What was over sooner than anybody could look is shown for a second: a clock is read in 10 ms."""


def session_of(call: Call) -> LiveSession:
    """The call as it stands."""
    profile, tally = call.profile, call.tally
    now = call.now()
    deeds = _deeds(call, now)
    return LiveSession(
        session_id=call.session_id,
        owner=profile.owner,
        mode=profile.mode,
        persona=profile.brief.persona.name,
        voice=profile.brief.voice.name,
        client=profile.client or "",
        input_mode="push_to_talk" if call.session.rules.push_to_talk else "duplex",
        started_at=profile.started_at,
        state=_state(call),
        doing=tuple(_doing(call, now, bool(deeds))),
        deeds=deeds,
        user_turns=tally.user_turns,
        agent_turns=tally.agent_turns,
        barge_ins=tally.barge_ins,
        tools=len(tally.tools),
        tool_failures=tally.tool_failures,
        turn_ms=tally.turn_ms,
    )


def _state(call: Call) -> State:
    if not call.is_connected:
        return "waiting"
    return "away" if call.session.is_alone else "live"


def _doing(call: Call, now: int, acting: bool) -> Iterator[Doing]:
    session, tally = call.session, call.tally
    if (session.user.turn or session.user.closing) and not session.is_alone:
        yield "listening"
    if _lately(tally.asked_at, now) or (call.is_deciding and not acting):
        yield "thinking"
    if _lately(tally.planned_at, now):
        yield "planning"
    if acting:
        yield "acting"
    if turn := session.agent.turn:
        yield "speaking" if turn.sounded else "preparing"
    if _lately(call.recorder.written_at, now):
        yield "recording"


def _deeds(call: Call, now: int) -> tuple[Deed, ...]:
    """What is being done, and what was done just now."""
    rows = [row for row in call.deeds if row.status is Status.RUNNING]
    last = call.tally.last_tool
    if last is not None and last.started_at is not None and _lately(call.tally.tool_at, now):
        rows.append(last)
    return tuple(dict.fromkeys(Deed(row.agent, row.action) for row in rows))


def _lately(at: int | None, now: int) -> bool:
    return at is not None and now - at < SEEN_FOR
