"""When a pause is the end of the user's turn."""

import pytest

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import ms, samples
from gateway.session.endpointing import FINISHED, HALTING, LIKELY, OPEN, UNFINISHED, WORDLESS, patience
from tests.gateway.session.driver import Call


@pytest.mark.parametrize(
    "text",
    [
        "what time is it in Tokyo",
        "what is half of sixty",
        "turn off the lamp in the kitchen",
        "stop",
        "hello",
        "no",
        "what can you do",
        "how are you today",
        "where are you from",
        "what is it for",
        "who are you",
        "turn it on",
        "how are you",
        "tell me about that",
        "what time is it please",
        "what are you made of",
    ],
)
def test_a_finished_request_ends_soon(text: str) -> None:
    assert patience(text) == FINISHED


@pytest.mark.parametrize(
    "text", ["what time is it", "Turn off the lamp", "when I was a child", "do you know what time it is"]
)
def test_a_request_that_may_get_a_place_or_a_time_waits_a_little(text: str) -> None:
    assert patience(text) == LIKELY


@pytest.mark.parametrize(
    "text", ["could you tell me", "could you please", "do you know", "I would like", "if you"]
)
def test_a_beginning_that_people_pause_after_waits_long(text: str) -> None:
    assert patience(text) == UNFINISHED


@pytest.mark.parametrize(
    "text", ["remind me in", "what's the", "I want to", "call Ada and", "it is twenty point", "um"]
)
def test_an_unfinished_phrase_waits_long(text: str) -> None:
    assert patience(text) == UNFINISHED


@pytest.mark.parametrize(
    "text", ["the weather in Berlin", "my sister", "thank you", "yes please", "hey Myca", "I will call you"]
)
def test_a_phrase_that_may_go_on_is_neither(text: str) -> None:
    assert patience(text) == OPEN


def test_punctuation_of_a_recogniser_changes_nothing() -> None:
    assert patience("What time is it?") == patience("what time is it")
    assert patience("Remind me in…") == UNFINISHED


@pytest.mark.parametrize("text", ["remind me tin", "we moved tune", "is there rate", "is it late and day"])
def test_a_brief_last_word_was_a_little_one_whatever_was_made_of_it(text: str) -> None:
    assert patience(text, last_word=samples(200)) == HALTING
    assert patience(text, last_word=samples(400)) == patience(text) < HALTING


@pytest.mark.parametrize(
    "text", ["how kind of you", "what time is it", "turn it off", "what is half of sixty", "no", "ten"]
)
def test_little_words_that_end_a_phrase_may_be_brief(text: str) -> None:
    assert patience(text, last_word=samples(150)) == patience(text) < HALTING


@pytest.mark.parametrize("text", ["delete", "what i eat", "how many miles off", "tell me a story about day"])
def test_who_stays_up_goes_on_whatever_was_made_of_the_words(text: str) -> None:
    assert patience(text, raised=True) == HALTING > patience(text)


@pytest.mark.parametrize(
    "text",
    [
        "is it late in Cairo",
        "is it raining",
        "can you help me",
        "what is the weather in Cairo",
        "what time is it now",
        "call me tomorrow",
        "yes",
        "who are you",
    ],
)
def test_questions_and_phrases_with_a_close_may_stay_up_at_their_end(text: str) -> None:
    assert patience(text, raised=True) == patience(text) < HALTING


def test_a_turn_ends_by_whether_the_voice_came_down_at_its_last_pause() -> None:
    call = Call()
    call.event(1060, lambda now: on.SpeechStarted(now, samples(1000)))
    call.event(1400, lambda now: on.WordsHeard(now, "paris"))
    call.event(1700, lambda now: on.SpeechStopped(now, samples(1500), raised=True))
    call.event(2400, lambda now: on.SpeechStarted(now, samples(2350)))
    call.event(2900, lambda now: on.SpeechStopped(now, samples(2700)))
    call.until(6000)
    assert ms(OPEN) <= ended_after(call, 2700) <= ms(OPEN) + 20


def test_a_turn_ends_by_how_long_its_last_word_sounded() -> None:
    call = Call()
    paused = call.sounds(1000, lasts=1000)
    call.event(paused, lambda now: on.WordsHeard(now, "we moved tune", samples(180)))
    call.until(6000)
    assert ms(HALTING) <= ended_after(call, paused) <= ms(HALTING) + 20


def test_without_words_nothing_says_that_it_is_over() -> None:
    assert patience("") == WORDLESS


def ended_after(call: Call, last_word: float) -> float:
    return call.when(do.FinishTranscript) - last_word


def test_a_finished_question_is_taken_after_half_a_second() -> None:
    call = Call()
    last = call.says("what day is today", at=1000)
    call.until(4000)
    assert ms(FINISHED) <= ended_after(call, last) <= ms(FINISHED) + 20


def test_a_thinking_pause_after_an_unfinished_phrase_is_waited_out() -> None:
    call = Call()
    paused = call.says("remind me in", at=1000)
    call.says("ten minutes to stretch", at=paused + 1200)
    call.until(8000)
    assert [turn.text for turn in call.told(do.UserTurnEnded)] == ["remind me in ten minutes to stretch"]


def test_words_that_come_late_still_count() -> None:
    call = Call(words_behind=700)
    last = call.says("remind me in", at=1000)
    call.until(last + 1500)
    assert not call.told(do.FinishTranscript)
    call.until(last + 1800)
    assert ms(UNFINISHED) <= ended_after(call, last) <= ms(UNFINISHED) + 20


def test_a_sound_without_words_ends_too_and_nobody_answers_it() -> None:
    call = Call()
    last = call.sounds(1000, lasts=300)
    call.until(5000)
    assert ms(WORDLESS) <= ended_after(call, last) <= ms(WORDLESS) + 20
    (turn,) = call.told(do.UserTurnEnded)
    assert (turn.text, turn.answered) == ("", False)
    assert not call.told(do.AnswerWanted)


def test_a_noise_that_never_stops_gives_the_floor_back_after_a_minute() -> None:
    call = Call()
    call.sounds(1000, lasts=200_000)
    waits = call.injects("Your tea is ready.", at=2000)
    call.until(60_900)
    assert call.injection(waits) == ["waiting"]
    call.until(65_000)
    assert call.injection(waits) == ["waiting", "speaking", "heard"]


def test_words_within_a_noise_that_never_stopped_begin_a_turn() -> None:
    call = Call()
    call.sounds(1000, lasts=80_000)
    call.until(65_000)
    call.says("what time is it", at=79_500, in_noise=True)
    call.until(90_000)
    assert [turn.text for turn in call.told(do.UserTurnEnded)] == ["", "what time is it"]
    # The noise had no end that could be measured from.
    assert len([m for m in call.told(do.Measured) if m.span == "endpoint"]) == 1


def test_the_endpoint_is_measured_from_the_last_word_to_the_decision() -> None:
    call = Call()
    call.says("what day is today", at=1000)
    call.until(4000)
    spans = {measured.span: measured.ms for measured in call.told(do.Measured)}
    assert ms(FINISHED) <= spans["endpoint"] <= ms(FINISHED) + 20
    assert 60 <= spans["transcript"] <= 80
