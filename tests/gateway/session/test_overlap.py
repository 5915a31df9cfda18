"""The user sounds over the agent: ducking, and what is decided."""

from typing import Any

import numpy as np
import pytest

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import ms, samples
from tests.gateway.session.driver import Call, spoken

ANSWER = "one two three four five six seven eight nine ten eleven twelve"


def speaking(**script: Any) -> Call:
    """A call in which the agent sounds from 180 ms on, for three seconds."""
    call = Call(answer=ANSWER, **script)
    call.types("count", at=0)
    return call


def kinds(call: Call) -> list[str]:
    return [barge_in.kind for barge_in in call.told(do.BargeIn)]


def test_the_agent_is_quiet_within_250_ms_of_the_onset() -> None:
    call = speaking()
    call.says("mhm", at=1000, word=300)
    call.until(1500)
    (ducked,) = call.told(do.Ducked)
    assert ms(ducked.at) == 1060
    assert call.sounding(1250, 1500) == 0


def test_a_backchannel_passes_and_the_agent_goes_on_where_it_was() -> None:
    call = speaking()
    call.says("mhm", at=1000, word=300)
    call.until(8000)
    assert kinds(call) == ["backchannel"]
    assert call.story(do.Ducked, do.Unducked, do.AgentEnded) == ["Ducked", "Unducked", "AgentEnded"]
    (ended,) = call.told(do.AgentEnded)
    assert (ended.status, ended.heard_text) == ("completed", ANSWER)


def test_no_sample_is_lost_or_doubled_by_ducking() -> None:
    call = speaking()
    call.says("mhm", at=1000, word=300)
    call.sounds(2500, lasts=200)
    call.until(8000)
    (ended,) = call.told(do.AgentEnded)
    given, left = np.frombuffer(spoken(ANSWER)[0], dtype="<i2"), call.pcm(ended.turn_id)
    assert len(left) == len(given)
    # Only where it fell silent and came back, 10 ms each, is it not what the engine gave.
    changed = np.flatnonzero(left != given)
    assert len(changed) <= 4 * samples(10)
    assert np.all(np.abs(left[changed]) <= np.abs(given[changed]))


def test_ducking_ends_and_begins_softly() -> None:
    call = speaking()
    call.sounds(1000, lasts=200)
    call.until(8000)
    turn_id = call.told(do.AgentEnded)[0].turn_id
    quiet_from = next(i for i, (when, _) in enumerate(call.sent) if when >= 1060)
    fade_out, fade_in = call.sent[quiet_from][1], call.sent[quiet_from + 1][1]
    assert fade_out.turn_id == fade_in.turn_id == turn_id
    assert np.frombuffer(fade_out.pcm, dtype="<i2")[-1] == 0
    assert np.frombuffer(fade_in.pcm, dtype="<i2")[0] == 0


def test_a_cough_is_a_false_alarm() -> None:
    call = speaking()
    call.sounds(1000, lasts=200)
    call.until(8000)
    assert kinds(call) == ["false_alarm"]
    assert call.said_by_agent() == [ANSWER]
    assert not call.told(do.UserStarted)
    assert len(call.told(do.UserTurnEnded)) == 1, "only what was typed"


def test_words_that_want_the_floor_cut_the_agent() -> None:
    call = speaking()
    call.says("what about tomorrow", at=1000)
    call.until(4000)
    assert kinds(call) == ["barge_in"]
    (ended, *_) = call.told(do.AgentEnded)
    assert (ended.status, ended.reason) == ("cancelled", "turn_detected")
    assert call.when(do.BargeIn) <= 1000 + 900


def test_a_long_sound_without_words_cuts_after_1000_ms() -> None:
    call = speaking(words_behind=3000)
    call.says("tell me something else instead", at=1000)
    call.until(3000)
    assert 2000 <= call.when(do.BargeIn) <= 2020


def test_words_that_are_no_nod_cut_after_700_ms() -> None:
    call = speaking()
    call.says("Paris please now", at=1000)
    call.until(3000)
    assert 1700 <= call.when(do.BargeIn) <= 1720


def test_a_long_hum_is_let_pass() -> None:
    call = speaking()
    call.sounds(1000, lasts=760)
    call.until(9000)
    assert kinds(call) == ["false_alarm"]
    assert call.said_by_agent() == [ANSWER]


@pytest.mark.parametrize(
    ("words", "lasts"), [("i'm", 320), ("you", 300), ("which you", 500), ("who", 740), ("aloha", 400)]
)
def test_words_that_a_recogniser_makes_of_a_murmur_let_the_agent_go_on(words: str, lasts: float) -> None:
    call = speaking()
    call.says(words, at=1000, word=lasts / len(words.split()))
    call.until(9000)
    assert kinds(call) == ["backchannel"]
    assert call.said_by_agent() == [ANSWER]
    assert call.told(do.UserTurnEnded)[-1].backchannel


def test_words_that_come_after_a_murmur_has_passed_cut_no_more_than_before() -> None:
    call = speaking(words_behind=900)
    call.says("i'm", at=1000, word=320)
    call.until(9000)
    assert kinds(call) == ["false_alarm"]
    assert call.said_by_agent() == [ANSWER]


@pytest.mark.parametrize(
    ("words", "lasts"), [("no", 250), ("what about Paris", 700), ("tell me more", 600), ("Paris please", 600)]
)
def test_words_that_mean_something_cut_however_short(words: str, lasts: float) -> None:
    call = speaking()
    call.says(words, at=1000, word=lasts / len(words.split()))
    call.until(9000)
    assert kinds(call) == ["barge_in"]


@pytest.mark.parametrize("word", ["stop", "wait", "Quiet!"])
def test_a_command_cuts_at_once(word: str) -> None:
    call = speaking()
    call.says(word, at=1000)
    call.until(3000)
    # The word is known 120 ms after it was said.
    assert call.when(do.BargeIn) == 1370


def test_four_words_cut_at_once() -> None:
    call = speaking()
    call.says("can you tell me", at=1000, word=120)
    call.until(3000)
    assert call.when(do.BargeIn) == 1000 + 4 * 120 + 120


def test_at_a_barge_in_the_clients_signal_comes_right_before_the_agents_end() -> None:
    call = speaking()
    call.says("stop", at=1000)
    call.until(1400)
    names = [type(e).__name__ for _, e in call.log]
    at = names.index("UserStarted")
    assert names[at : at + 5] == ["UserStarted", "AgentEnded", "CancelEngine", "BargeIn", "Measured"]


def test_a_barge_in_tells_what_was_not_heard_and_how_soon_it_was_quiet() -> None:
    call = speaking()
    call.says("stop", at=1000)
    call.until(3000)
    (barge_in,) = call.told(do.BargeIn)
    (ended, *_) = call.told(do.AgentEnded)
    assert f"{ended.heard_text} {barge_in.cancelled_text}" == ANSWER
    assert barge_in.heard == ended.heard
    silent_at = 1000 + barge_in.stop_ms
    assert call.sounding(silent_at, 1600) == 0
    assert call.sounding(silent_at - 40, silent_at) > 0
    assert 60 <= barge_in.stop_ms <= 250


def test_the_engine_is_told_to_stop_and_what_was_heard() -> None:
    call = speaking()
    call.says("stop", at=1000)
    call.until(3000)
    (cancel,) = call.told(do.CancelEngine)
    (ended, *_) = call.told(do.AgentEnded)
    assert (cancel.turn_id, cancel.heard, cancel.heard_text) == (
        ended.turn_id,
        ended.heard,
        ended.heard_text,
    )


def test_a_barge_in_before_the_agent_has_sounded_cuts_it_unheard() -> None:
    call = Call(engine=2000)
    call.types("count", at=0)
    call.says("no wait I meant something else", at=300)
    call.until(6000)
    (barge_in,) = call.told(do.BargeIn)
    (ended, *_) = call.told(do.AgentEnded)
    assert (ended.heard, ended.heard_text, barge_in.stop_ms) == (0, "", 0)
    assert not [m for m in call.told(do.Measured) if m.span == "barge_in_stop"]
    assert ended.turn_id not in [piece.turn_id for _, piece in call.sent]


def test_a_cough_before_the_agent_has_sounded_only_delays_it() -> None:
    call = Call(engine=500, answer=ANSWER)
    call.types("count", at=0)
    call.sounds(400, lasts=150)
    call.until(8000)
    assert kinds(call) == ["false_alarm"]
    assert call.said_by_agent() == [ANSWER]


def test_words_that_come_after_it_passed_for_a_cough_still_take_the_floor() -> None:
    call = speaking(words_behind=900)
    call.says("turn it off", at=1000, word=150)
    call.until(4000)
    assert kinds(call) == ["false_alarm", "barge_in"]
    assert call.told(do.UserTurnEnded)[1].text == "turn it off"


def test_words_that_only_the_transcript_knows_take_the_floor_too() -> None:
    call = speaking()
    call.mumbles("stop", at=1000, lasts=400)
    call.until(5000)
    assert kinds(call) == ["false_alarm", "barge_in"]
    assert call.story(do.UserStarted, do.UserStopped, do.UserTurnEnded) == [
        "UserTurnEnded",
        "UserStarted",
        "UserStopped",
        "UserTurnEnded",
    ]


def test_a_sound_that_goes_on_after_a_breath_counts_from_its_first_onset() -> None:
    call = speaking(words_behind=3000)
    call.sounds(1000, lasts=150)
    call.sounds(1300, lasts=1000)
    call.until(3000)
    assert kinds(call) == ["barge_in"]
    assert 2000 <= call.when(do.BargeIn) <= 2020
    assert len(call.told(do.Ducked)) == 1


def test_who_speaks_when_the_agent_is_cancelled_has_the_floor() -> None:
    call = speaking()
    call.says("what about tomorrow", at=1000)
    call.event(1200, on.CancelAsked)
    call.until(4000)
    assert call.story(do.Ducked, do.AgentEnded, do.BargeIn, do.UserStarted)[:3] == [
        "Ducked",
        "AgentEnded",
        "UserStarted",
    ]
    assert call.told(do.UserTurnEnded)[1].answered


def test_a_yes_so_long_that_it_took_the_floor_is_answered() -> None:
    call = speaking()
    call.says("yeah", at=1000, word=1200)
    call.until(5000)
    assert kinds(call) == ["barge_in"]
    yeah = call.told(do.UserTurnEnded)[1]
    assert (yeah.text, yeah.backchannel, yeah.answered) == ("yeah", False, True)


def test_a_murmur_that_goes_on_to_a_sentence_cuts() -> None:
    call = speaking()
    call.says("yeah but what about the cost", at=1000)
    call.until(5000)
    assert kinds(call) == ["barge_in"]
    assert call.told(do.UserTurnEnded)[1].text == "yeah but what about the cost"


def test_murmurs_one_after_the_other_stay_murmurs() -> None:
    call = speaking()
    for at in (700, 1700, 2700):
        call.says("yeah okay", at=at, word=150)
    call.until(9000)
    assert kinds(call) == ["backchannel"] * 3
    assert call.said_by_agent() == [ANSWER]
    assert len(call.told(do.AnswerWanted)) == 1


def test_a_second_sound_is_judged_by_its_own_words() -> None:
    call = speaking()
    call.says("mhm", at=700, word=300)
    call.says("stop", at=1500)
    call.until(5000)
    assert kinds(call) == ["backchannel", "barge_in"]
    assert call.when(do.BargeIn, 1) == 1500 + 250 + 120


def test_stale_sound_of_a_cut_turn_is_dropped() -> None:
    call = speaking()
    call.says("stop", at=1000)
    call.until(1500)
    turn_id = call.told(do.AgentEnded)[0].turn_id
    assert not call.push(turn_id, spoken("late")[0])
    sent = len(call.sent)
    call.feed(on.AgentFinished(samples(1500), turn_id))
    call.feed(on.AgentFailed(samples(1500), turn_id, "voice_failed", "too late"))
    call.until(1700)
    assert (len(call.sent), len(call.told(do.AgentEnded))) == (sent, 1)


def test_a_command_out_of_a_noise_that_never_stopped_cuts_the_agent() -> None:
    call = Call()
    call.sounds(1000, lasts=100_000)
    call.injects("Your tea is ready and the kettle is off and all is well.", at=63_000)
    call.says("stop", at=64_000, in_noise=True)
    call.until(66_000)
    assert kinds(call) == ["barge_in"]
    assert call.when(do.BargeIn) == 64_370


def test_noise_over_the_agent_takes_the_floor_once_and_is_no_turn_of_words() -> None:
    call = speaking()
    call.sounds(1000, lasts=5000)
    call.until(12_000)
    assert kinds(call) == ["barge_in"]
    assert [t.text for t in call.told(do.UserTurnEnded)] == ["count", ""]


def test_an_echo_that_is_recognised_is_nobody_s_turn() -> None:
    call = speaking()
    call.says("one two", at=1000, word=100)
    call.event(1250, lambda now: on.EchoFound(now, samples(950)))
    call.until(8000)
    assert kinds(call) == ["echo"]
    assert call.story(do.Ducked, do.Unducked, do.AgentEnded) == ["Ducked", "Unducked", "AgentEnded"]
    assert call.said_by_agent() == [ANSWER]
    assert len(call.told(do.UserTurnEnded)) == 1, "only what was typed"


def test_who_spoke_before_the_echo_began_is_no_echo() -> None:
    call = speaking()
    call.says("what time is it", at=1000)
    call.event(1250, lambda now: on.EchoFound(now, samples(1100)))
    call.until(8000)
    assert kinds(call) == ["barge_in"]
    assert [turn.text for turn in call.told(do.UserTurnEnded)] == ["count", "what time is it"]


def test_an_echo_found_while_words_are_awaited_takes_nothing_of_what_is_said_next() -> None:
    call = speaking(transcript=900)
    call.says("mhm", at=500, word=400)
    call.until(1900)
    assert call.told(do.FinishTranscript)
    call.event(1900, lambda now: on.EchoFound(now, samples(1800)))
    call.says("what time is it", at=2000)
    call.until(9000)
    assert kinds(call) == ["backchannel", "barge_in"]
    assert [turn.text for turn in call.told(do.UserTurnEnded)] == ["count", "mhm", "what time is it"]


def test_words_of_an_echo_that_was_found_while_others_were_awaited_come_before_no_turn() -> None:
    call = speaking(transcript=900)
    call.says("mhm", at=500, word=400)
    call.says("one", at=1750, word=150)
    call.event(1950, lambda now: on.EchoFound(now, samples(1700)))
    call.says("what time is it", at=3500)
    call.until(9000)
    assert [turn.text for turn in call.told(do.UserTurnEnded)] == ["count", "mhm", "what time is it"]


def test_words_of_an_echo_are_nobody_s_though_their_turn_is_over() -> None:
    call = speaking(transcript=900)
    call.says("one", at=1000, word=150)
    call.until(2100)
    assert call.told(do.FinishTranscript)
    call.event(2100, lambda now: on.EchoFound(now, samples(950)))
    call.until(8000)
    assert [turn.text for turn in call.told(do.UserTurnEnded)] == ["count"]


def test_what_the_client_has_ended_is_no_echo() -> None:
    call = speaking()
    call.says("what time is it", at=1000, word=100)
    call.event(1500, on.InputCommitted)
    call.event(1500, lambda now: on.EchoFound(now, samples(950)))
    call.until(8000)
    assert [turn.text for turn in call.told(do.UserTurnEnded)] == ["count", "what time is it"]


def test_one_word_across_the_end_of_the_agents_turn_is_a_turn_of_its_own() -> None:
    """The client was told that the user has the floor, so the word is no murmur over anybody."""
    ended = speaking().until(6000).when(do.AgentEnded)
    call = speaking()
    call.says("weather", at=ended - 70, word=420)
    call.until(9000)
    assert len(call.told(do.UserStarted)) == 1
    assert not call.told(do.UserTurnEnded)[-1].backchannel
    assert call.told(do.AnswerWanted)[-1].text == "weather"
