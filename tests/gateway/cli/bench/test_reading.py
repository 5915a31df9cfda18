"""Figures are read off tracks of which it is known what they show."""

from math import inf
from typing import Any

import numpy as np
import pytest

from gateway.cli.bench.reading import Reading, Recording, read, verdicts
from gateway.cli.bench.scenario import Expect
from gateway.cli.caller import Event, Piece
from gateway.cli.waveforms import Pcm, Stretch
from gateway.session.clock import RATE

END = 12.0


def trial(
    *said: Stretch, agent: dict[str, list[Stretch]] | None = None, events: list[Event] | None = None
) -> Recording:
    """A trial with these utterances, and the agent's sound by response."""
    sound: Pcm = np.zeros(round(END * RATE), np.int16)
    pieces = []
    for response_id, stretches in (agent or {}).items():
        for begin, end in stretches:
            first, last = round(begin * RATE), round(end * RATE)
            sound[first:last] = 0x1000
            pieces.append(Piece(response_id, first, last, True))
    return Recording(0.0, END, said, sound, sorted(pieces, key=lambda p: p.begin), events or [])


def done(response_id: str, at: float, status: str = "completed", reason: str | None = None) -> Event:
    details = {"type": "cancelled", "reason": reason} if reason else None
    output = [{"content": [{"transcript": f"I am {response_id}."}]}]
    response = {"id": response_id, "status": status, "status_details": details, "output": output}
    return {"at": at, "type": "response.done", "response": response}


def turn(item_id: str, text: str) -> Event:
    kind = "conversation.item.input_audio_transcription.completed"
    return {"at": 3.0, "type": kind, "item_id": item_id, "transcript": text}


# A question and its answer.


def test_an_answer_is_timed_from_the_last_word_to_the_first_sound() -> None:
    shown = read(trial((1.0, 2.0), agent={"a": [(2.61, 4.0)]}, events=[turn("u", "hello"), done("a", 4.0)]))
    assert shown.turn_ms == pytest.approx(610, abs=10)
    assert shown.answered
    assert shown.one_turn
    assert shown.turns == ("hello",)
    assert shown.told == ("I am a.",)
    assert (shown.quiet_ms, shown.decided_ms, shown.agent_cut, shown.agent_goes_on) == (None,) * 4


def test_words_that_nobody_answers_have_taken_for_ever() -> None:
    shown = read(trial((1.0, 2.0)))
    assert shown.turn_ms == inf
    assert not shown.answered


def test_a_sound_too_soft_to_be_heard_is_no_answer() -> None:
    quiet = trial((1.0, 2.0), agent={"a": [(2.5, 4.0)]})
    quiet.agent[:] = quiet.agent // 64
    assert not read(quiet).answered


def test_an_agent_that_begins_before_the_words_end_has_not_waited_for_them() -> None:
    shown = read(trial((1.0, 3.0), agent={"a": [(2.8, 4.0)]}))
    assert shown.turn_ms == inf
    assert not shown.one_turn


def test_the_answer_to_the_first_half_of_a_sentence_splits_it() -> None:
    assert not read(trial((1.0, 4.0), agent={"a": [(2.2, 2.6)], "b": [(4.6, 5.0)]})).one_turn


def test_two_turns_of_words_are_not_one_though_the_agent_kept_silent() -> None:
    shown = trial((1.0, 4.0), agent={"a": [(4.6, 5.0)]}, events=[turn("u", "remind me in"), turn("v", "ten")])
    assert not read(shown).one_turn


def test_a_turn_that_was_taken_back_is_none() -> None:
    taken_back = {"at": 3.5, "type": "conversation.item.deleted", "item_id": "u"}
    events = [turn("u", "remind me in"), taken_back, turn("v", "remind me in ten minutes")]
    assert read(trial((1.0, 4.0), agent={"a": [(4.6, 5.0)]}, events=events)).one_turn


def test_two_breaths_of_one_turn_are_one_turn() -> None:
    went_on = {"at": 4.3, "type": "antiphon.continued", "item_id": "v", "of": "u", "text": "remind me in ten"}
    for events in (
        [turn("u", "remind me in"), went_on, turn("v", "ten")],
        [turn("u", "remind me in"), turn("v", "ten"), went_on],
    ):
        shown = read(trial((1.0, 4.0), agent={"a": [(4.6, 5.0)]}, events=events))
        assert shown.one_turn
        assert shown.turns == ("remind me in ten",)


def test_two_breaths_between_which_the_agent_spoke_were_taken_for_two() -> None:
    went_on = {"at": 4.3, "type": "antiphon.continued", "item_id": "v", "of": "u", "text": "remind me in ten"}
    events = [turn("u", "remind me in"), went_on]
    assert not read(trial((1.0, 4.0), agent={"a": [(2.5, 2.7), (4.6, 5.0)]}, events=events)).one_turn


def test_the_answer_of_a_tool_is_timed_to_its_acknowledgement() -> None:
    call = {
        "at": 2.3,
        "type": "antiphon.tool",
        "agent": "clock",
        "action": "tell_time",
        "arguments": {},
        "status": "running",
    }
    ended = {**call, "at": 2.7, "status": "success"}
    shown = read(trial((1.0, 2.0), agent={"a": [(2.5, 2.8)], "b": [(3.0, 4.0)]}, events=[call, ended]))
    assert shown.acknowledged_ms == shown.turn_ms == pytest.approx(500, abs=10)
    assert shown.tools == ("clock.tell_time",)


def test_what_no_tool_was_called_for_is_not_acknowledged() -> None:
    assert read(trial((1.0, 2.0), agent={"a": [(2.5, 2.8)]})).acknowledged_ms is None


def test_what_should_have_called_a_tool_and_was_not_answered_is_never_acknowledged() -> None:
    assert read(trial((1.0, 2.0)), wants_tool=True).acknowledged_ms == inf
    assert read(trial((1.0, 2.0))).acknowledged_ms is None


def test_an_answer_without_the_tool_that_was_wanted_acknowledges_none() -> None:
    assert read(trial((1.0, 2.0), agent={"a": [(2.5, 2.8)]}), wants_tool=True).acknowledged_ms is None


def test_a_cough_beside_the_words_is_no_turn() -> None:
    events = [turn("u", "remind me in ten minutes"), turn("v", "")]
    assert read(trial((1.0, 4.0), agent={"a": [(4.6, 5.0)]}, events=events)).one_turn


# The user over the agent.


def test_a_murmur_after_which_the_agent_goes_on() -> None:
    shown = read(trial((3.0, 3.4), agent={"a": [(1.0, 3.18), (3.7, 6.0)]}, events=[done("a", 6.0)]))
    assert shown.quiet_ms == pytest.approx(180, abs=10)
    assert shown.decided_ms == pytest.approx(700, abs=10)
    assert shown.agent_goes_on
    assert not shown.agent_cut
    assert shown.turn_ms is None


def test_an_agent_that_never_falls_quiet_goes_on_and_decided_nothing() -> None:
    shown = read(trial((3.0, 3.4), agent={"a": [(1.0, 6.0)]}, events=[done("a", 6.0)]))
    assert shown.quiet_ms == inf
    assert shown.decided_ms is None
    assert shown.agent_goes_on


def test_gaps_between_words_are_no_ducking() -> None:
    gaps: list[Stretch] = [(1.0, 2.98), (3.1, 3.5), (3.7, 6.0)]
    assert read(trial((3.0, 3.4), agent={"a": gaps}, events=[done("a", 6.0)])).quiet_ms == inf


def test_an_onset_in_a_gap_is_timed_to_the_silence_behind_the_next_word() -> None:
    sounds: list[Stretch] = [(1.0, 2.95), (3.02, 3.2)]
    events = [done("a", 3.8, "cancelled", "turn_detected")]
    assert read(trial((3.0, 3.4), agent={"a": sounds}, events=events)).quiet_ms == pytest.approx(200, abs=10)


def test_a_stop_after_which_the_agent_keeps_silent() -> None:
    events = [done("a", 3.75, "cancelled", "turn_detected")]
    shown = read(trial((3.0, 3.5), agent={"a": [(1.0, 3.2)]}, events=events))
    assert shown.quiet_ms == pytest.approx(200, abs=10)
    assert shown.decided_ms == pytest.approx(750, abs=10)
    assert shown.agent_cut
    assert shown.interruptions == 1


def test_another_answer_is_not_the_old_one_going_on() -> None:
    events = [done("a", 3.75, "cancelled", "turn_detected"), done("b", 6.0)]
    shown = read(trial((3.0, 3.5), agent={"a": [(1.0, 3.2)], "b": [(4.2, 6.0)]}, events=events))
    assert shown.agent_cut
    assert shown.agent_goes_on is False


def test_an_agent_that_comes_back_up_and_is_cut_then_was_decided_late() -> None:
    events = [done("a", 4.5, "cancelled", "turn_detected")]
    shown = read(trial((3.0, 3.5), agent={"a": [(1.0, 3.2), (4.0, 4.4)]}, events=events))
    assert shown.agent_cut
    assert not shown.agent_goes_on
    assert shown.quiet_ms == pytest.approx(200, abs=10)
    assert shown.decided_ms == pytest.approx(1500, abs=10)


def test_an_answer_that_had_just_ended_was_not_cut() -> None:
    shown = read(trial((3.0, 3.5), agent={"a": [(1.0, 3.3)]}, events=[done("a", 3.35)]))
    assert not shown.agent_cut
    assert shown.decided_ms is None


def test_an_answer_that_a_client_cancels_is_no_interruption() -> None:
    assert read(trial(events=[done("a", 2.0, "cancelled", "client_cancelled")])).interruptions == 0


# What was expected.


@pytest.mark.parametrize(
    ("expect", "reading", "missed"),
    [
        ({"answered": True}, Reading(answered=True), []),
        ({"answered": True}, Reading(), ["answered"]),
        ({"answered": False}, Reading(answered=True), ["answered"]),
        ({"agent_goes_on": True}, Reading(agent_goes_on=None), ["agent_goes_on"]),
        ({"agent_cut": True}, Reading(agent_cut=False), ["agent_cut"]),
        ({"no_interruption": True}, Reading(interruptions=1), ["no_interruption"]),
        ({"nothing_heard": True}, Reading(turns=("hm",)), ["nothing_heard"]),
        ({"nothing_heard": True}, Reading(turns=("hm",), utterances=1), []),
        ({"tool": "clock.tell_time"}, Reading(tools=("clock.tell_date",)), ["tool"]),
        ({"tool": "any"}, Reading(tools=("clock.tell_date",)), []),
        ({"tool": "any"}, Reading(), ["tool"]),
        ({"turn_within_ms": 700}, Reading(turn_ms=700.0), []),
        ({"turn_within_ms": 700}, Reading(turn_ms=inf), ["turn_within_ms"]),
        ({"quiet_within_ms": 250}, Reading(quiet_ms=None), ["quiet_within_ms"]),
        ({}, Reading(), []),
    ],
)
def test_an_expectation_is_met_or_named(expect: dict[str, Any], reading: Reading, missed: list[str]) -> None:
    told = verdicts(Expect(**expect), reading)
    assert [name for name, met in told.items() if not met] == missed


def test_every_expectation_can_be_judged() -> None:
    wanted = {"tool": "any", **{name: 1.0 for name in Expect.model_fields if name.endswith("_ms")}}
    expect = Expect.model_validate({name: wanted.get(name, True) for name in Expect.model_fields})
    assert set(verdicts(expect, Reading())) == set(Expect.model_fields)
