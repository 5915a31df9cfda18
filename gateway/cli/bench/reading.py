"""Reads one trial's figures off its sound tracks, and says which expectations were met.

The sound decides what happened when. Events of the wire tell only what sound can't: that an answer was cut for good
(silence alone may be a pause), whose sound it was, as how many turns the words were taken, and what a tool did.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from gateway.cli.bench.scenario import Expect
from gateway.cli.caller import Event, Piece
from gateway.cli.waveforms import FRAME, FRAME_S, Pcm, Stretch, audible, first_sound
from gateway.session.clock import RATE

QUIET_S = 0.25
"""A silence of the agent's that is no gap between two words. eSpeak's gaps inside a clause are shorter."""

REACTION_S = 2.0
"""Who falls quiet later than this after the user's onset did so for another reason."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What was heard and told in one trial. Seconds of the call, for all."""

    begin: float
    end: float
    said: Sequence[Stretch]
    """The user's utterances, in order."""
    agent: Pcm
    """From the call's begin on."""
    pieces: Sequence[Piece]
    events: Sequence[Event]
    """Since the trial began."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a trial shows. Infinite is what should have come and did not; None what does not apply."""

    turn_ms: float | None = None
    """From the end of the user's words to the agent's first sound."""
    acknowledged_ms: float | None = None
    """The same, where a tool was called, as its first sound acknowledges the call, or where one should have been and
    nobody answered."""
    quiet_ms: float | None = None
    """From the user's first sound over the agent to its silence."""
    decided_ms: float | None = None
    """To its cut; where it is not cut, until it sounds again."""
    answered: bool = False
    one_turn: bool = False
    agent_goes_on: bool | None = None
    agent_cut: bool | None = None
    judged: tuple[str, ...] = ()
    """What the gateway took the user's sounds over the agent for, by its own word; beside the figures, not for them."""
    interruptions: int = 0
    turns: tuple[str, ...] = ()
    """What the gateway took the user's words for, turn by turn."""
    tools: tuple[str, ...] = ()
    """Those that succeeded."""
    arguments: tuple[dict[str, Any], ...] = ()
    """Theirs."""
    told: tuple[str, ...] = ()
    """What the agent said; of a cut answer, as far as it was heard."""
    utterances: int = 0


def read(trial: Recording, wants_tool: bool = False) -> Reading:
    """Everything that this trial shows.

    Args:
        wants_tool: only a tool can answer these words.
    """
    overlap = _Overlap.of(trial)
    responses = [e["response"] for e in trial.events if e["type"] == "response.done"]
    turns = _turns(trial.events)
    calls = [event for event in trial.events if event["type"] == "antiphon.tool" and "action" in event]
    succeeded = [call for call in calls if call["status"] == "success"]
    begin, end = (trial.said[0][0], trial.said[-1][1]) if trial.said else (trial.end, trial.end)
    sounds = first_sound(trial.agent, end)
    talks_over = _sounds_at(trial.agent, end - FRAME_S)
    turn = _ms(sounds, end) if sounds is not None and not talks_over else inf
    # Who answers without a tool acknowledges none; that it was missed is told by `expect.tool`.
    acknowledges = bool(calls) or (wants_tool and sounds is None)
    return Reading(
        turn_ms=None if overlap else turn,
        acknowledged_ms=turn if acknowledges and not overlap else None,
        quiet_ms=overlap.quiet_ms if overlap else None,
        decided_ms=overlap.decided_ms if overlap else None,
        answered=sounds is not None,
        one_turn=len(turns) <= 1 and not _sounds_between(trial.agent, begin, end),
        agent_goes_on=overlap.goes_on if overlap else None,
        agent_cut=not overlap.goes_on if overlap else None,
        judged=tuple(event["kind"] for event in trial.events if event["type"] == "antiphon.barge_in"),
        interruptions=sum(_is_interrupted(response) for response in responses),
        turns=turns,
        tools=tuple(f"{call['agent']}.{call['action']}" for call in succeeded),
        arguments=tuple(call["arguments"] for call in succeeded),
        told=tuple(_words(response) for response in responses),
        utterances=len(trial.said),
    )


def verdicts(expect: Expect, reading: Reading) -> dict[str, bool]:
    """For each expectation that is named, whether it is met."""
    held: dict[str, bool | None] = {
        "answered": reading.answered,
        "one_turn": reading.one_turn,
        "agent_goes_on": reading.agent_goes_on,
        "agent_cut": reading.agent_cut,
        "no_interruption": reading.interruptions == 0,
        "nothing_heard": len(reading.turns) <= reading.utterances,
    }
    told = {name: held[name] is wanted for name in held if (wanted := getattr(expect, name)) is not None}
    if expect.tool is not None:
        told["tool"] = expect.tool in reading.tools or (expect.tool == "any" and bool(reading.tools))
    for figure in ("turn_ms", "quiet_ms", "decided_ms"):
        name = figure.replace("_ms", "_within_ms")
        if (limit := getattr(expect, name)) is not None:
            value: float | None = getattr(reading, figure)
            told[name] = value is not None and value <= limit
    return told


@dataclass(frozen=True, slots=True)
class _Overlap:
    """The user began to speak while the agent sounded."""

    goes_on: bool
    quiet_ms: float
    """Infinite where it never fell quiet."""
    decided_ms: float | None
    """None where nothing was to be decided: it never fell quiet, or had no more to say."""

    @classmethod
    def of(cls, trial: Recording) -> "_Overlap | None":
        """What became of the answer that sounded at the onset of an utterance; of the first such one."""
        for onset, _ in trial.said:
            if (response_id := _speaking_at(trial.pieces, onset)) is not None:
                return cls._from(trial, onset, response_id)
        return None

    @classmethod
    def _from(cls, trial: Recording, onset: float, response_id: str) -> "_Overlap":
        own = np.zeros_like(trial.agent)
        for piece in trial.pieces:
            if piece.response_id == response_id:
                own[piece.begin : piece.end] = trial.agent[piece.begin : piece.end]
        quiet, resumed = _silence(own, onset)
        quiet_ms = inf if quiet is None else _ms(quiet, onset)
        if (cut := _cut_at(trial.events, response_id)) is not None:
            # It may have come back up before: then that was not decided yet.
            return cls(False, quiet_ms, _ms(max(cut, quiet or cut), onset))
        return cls(True, quiet_ms, None if resumed is None else _ms(resumed, onset))


def _speaking_at(pieces: Sequence[Piece], at: float) -> str | None:
    """The answer that sounds at this moment, or just between two of its words."""
    before = [piece for piece in pieces if piece.audible and piece.begin <= at * RATE]
    if not before or before[-1].end < (at - QUIET_S) * RATE:
        return None
    name = before[-1].response_id
    return name if any(p.response_id == name and p.audible and p.end > at * RATE for p in pieces) else None


def _silence(own: Pcm, onset: float) -> tuple[float | None, float | None]:
    """Where the agent falls quiet after `onset`, and where it sounds again; None for what does not happen."""
    heard = audible(own)
    start = onset / FRAME_S
    # A gap begins behind each audible frame and ends at the next; the last never ends.
    ends = [*heard[1:], None]
    for last, following in zip(heard, ends, strict=True):
        begin = float(last) + 1
        if begin > start + REACTION_S / FRAME_S:
            return None, None
        if following is not None and (
            following <= start or following - max(begin, start) < QUIET_S / FRAME_S
        ):
            continue
        return max(begin, start) * FRAME_S, None if following is None else float(following) * FRAME_S
    return onset, None


def _cut_at(events: Sequence[Event], response_id: str) -> float | None:
    for event in events:
        if event["type"] == "response.done" and event["response"]["id"] == response_id:
            return float(event["at"]) if event["response"]["status"] == "cancelled" else None
    return None


def _is_interrupted(response: dict[str, Any]) -> bool:
    details = response["status_details"] or {}
    return response["status"] == "cancelled" and details.get("reason") == "turn_detected"


def _turns(events: Sequence[Event]) -> tuple[str, ...]:
    """The user's turns that hold words, but those that were taken back; two breaths of one turn are one."""
    turns: dict[str, str] = {}
    breaths: set[str] = set()
    for event in events:
        match event["type"]:
            case "conversation.item.input_audio_transcription.completed" if event["item_id"] not in breaths:
                turns.setdefault(event["item_id"], event["transcript"])
            case "antiphon.continued":
                breaths.add(event["item_id"])
                turns.pop(event["item_id"], None)
                turns[event["of"]] = event["text"]
            case "conversation.item.deleted":
                turns.pop(event["item_id"], None)
    return tuple(text for text in turns.values() if text)


def _words(response: dict[str, Any]) -> str:
    return " ".join(part.get("transcript") or "" for item in response["output"] for part in item["content"])


def _sounds_between(agent: Pcm, begin: float, end: float) -> bool:
    sound = first_sound(agent[: round(end * RATE)], begin)
    return sound is not None


def _sounds_at(agent: Pcm, at: float) -> bool:
    return len(audible(agent[round(at * RATE) : round(at * RATE) + FRAME])) > 0


def _ms(later: float, earlier: float) -> float:
    return round((later - earlier) * 1000, 1)
