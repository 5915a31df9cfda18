"""One wish, two breaths: who goes on soon after a turn was taken for over goes on with that turn."""

from typing import Any

import pytest

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import samples
from tests.gateway.session.driver import Call

TIME = "what day is today"
BOTH = "what day is today in Tokyo"
REPLIES: dict[str, list[tuple[int, str, on.Source]]] = {
    TIME: [(0, "One moment.", "filler"), (1500, "It is Monday.", "tool")],
    BOTH: [(0, "Let me see.", "filler"), (1500, "It is Tuesday in Tokyo.", "tool")],
}


def asks_in_two_breaths(pause: float, then: str = "in Tokyo", **script: Any) -> Call:
    """A call in which `TIME` is asked, and `then` said `pause` ms later."""
    call = Call(replies=REPLIES, **script)
    first = call.says(TIME, at=1000)
    call.says(then, at=first + pause)
    return call


def texts(call: Call) -> list[str]:
    return [turn.text for turn in call.told(do.UserTurnEnded)]


@pytest.mark.parametrize("pause", [500, 800, 1200])
def test_what_follows_soon_is_the_same_turn(pause: float) -> None:
    call = asks_in_two_breaths(pause).until(9000)
    first, second = call.told(do.UserTurnEnded)
    assert (first.text, second.text, second.added) == (TIME, BOTH, "in Tokyo")
    assert first.turn_id == second.turn_id == first.breath_id != second.breath_id
    assert (second.start, second.end) == (first.start, samples(2000 + pause + 500))
    assert [word.text for word in second.words] == BOTH.split()
    assert [(w.turn_id, w.text) for w in call.told(do.AnswerWanted)] == [
        (first.turn_id, TIME),
        (first.turn_id, BOTH),
    ]


def test_a_breath_may_continue_a_turn_whose_words_are_awaited_still() -> None:
    call = asks_in_two_breaths(700, transcript=400).until(9000)
    first, second = call.told(do.UserStarted)
    assert call.when(do.UserStarted, 1) < call.when(do.UserTurnEnded)
    assert (first.may_continue, second.may_continue) == (None, first.turn_id)
    assert {turn.turn_id for turn in call.told(do.UserTurnEnded)} == {first.turn_id}


def test_the_answer_that_began_is_withdrawn() -> None:
    call = asks_in_two_breaths(900).until(9000)
    assert call.said_by_agent()[1:] == ["Let me see.", "It is Tuesday in Tokyo."]
    filler = call.told(do.AgentEnded)[0]
    assert (filler.status, filler.reason) == ("cancelled", "turn_detected")
    assert call.story(do.Withdrawn, do.UserStarted, do.AgentEnded)[1:4] == [
        "Withdrawn",
        "UserStarted",
        "AgentEnded",
    ]


def test_a_reply_that_waits_for_the_floor_is_dropped() -> None:
    # The filler is asked for while the user speaks already.
    call = asks_in_two_breaths(550, bridge=200).until(9000)
    dropped = [change for change in call.told(do.InjectionChanged) if change.state == "dropped"]
    assert [(change.text, change.why) for change in dropped] == [("One moment.", "withdrawn")]
    assert call.said_by_agent() == ["Let me see.", "It is Tuesday in Tokyo."]


def test_the_mind_answers_the_whole_once() -> None:
    call = Call(bridge=10)
    first = call.says("tell me about", at=1000)
    second = call.says("the weather", at=first + 1100)
    call.says("in Berlin", at=second + 900)
    call.until(12_000)
    assert texts(call)[-1] == "tell me about the weather in Berlin"
    assert len({wanted.turn_id for wanted in call.told(do.AnswerWanted)}) == 1
    assert call.said_by_agent()[-1] == call.script.answer


def test_a_later_word_is_a_turn_of_its_own() -> None:
    call = asks_in_two_breaths(1300).until(9000)
    assert texts(call) == [TIME, "in Tokyo"]
    assert not call.told(do.Withdrawn)


@pytest.mark.parametrize("word", ["mhm", "okay"])
def test_a_nod_withdraws_nothing(word: str) -> None:
    call = asks_in_two_breaths(700, then=word).until(9000)
    assert not call.told(do.Withdrawn)
    assert call.said_by_agent() == ["One moment.", "It is Monday."]


def test_a_cough_withdraws_nothing() -> None:
    call = Call(replies=REPLIES)
    first = call.says(TIME, at=1000)
    call.sounds(first + 700, lasts=200)
    call.until(9000)
    assert not call.told(do.Withdrawn)
    assert call.said_by_agent() == ["One moment.", "It is Monday."]


def test_a_stop_is_no_part_of_the_wish() -> None:
    call = asks_in_two_breaths(800, then="stop").until(9000)
    assert texts(call) == [TIME, "stop"]
    assert not call.told(do.Withdrawn)


def test_what_is_being_done_is_not_taken_back() -> None:
    call = asks_in_two_breaths(900)
    call.event(2700, lambda now: on.DeedBegan(now, call.told(do.AnswerWanted)[0].turn_id))
    call.until(9000)
    assert texts(call) == [TIME, "in Tokyo"]
    assert not call.told(do.Withdrawn)


def test_who_has_heard_the_answer_speaks_of_something_else() -> None:
    call = Call(answer="Noon.", bridge=10, engine=10)
    first = call.says(TIME, at=1000)
    call.says("thanks a lot then", at=first + 1000)
    call.until(8000)
    assert texts(call) == [TIME, "thanks a lot then"]
    assert call.said_by_agent() == ["Noon.", "Noon."]


def test_words_that_only_the_transcript_knows_go_on_too() -> None:
    call = Call(replies=REPLIES)
    first = call.says(TIME, at=1000)
    call.mumbles("tomorrow", at=first + 800, lasts=500)
    call.until(9000)
    assert texts(call) == [TIME, f"{TIME} tomorrow"]
    assert len(call.told(do.Withdrawn)) == 1


def test_a_word_that_vanishes_again_leaves_the_turn_as_it_was() -> None:
    call = Call(replies=REPLIES)
    first = call.says(TIME, at=1000)
    call.sounds(first + 700, lasts=600)
    call.event(first + 1250, lambda now: on.WordsHeard(now, "the weather"))
    call.until(9000)
    assert len(call.told(do.Withdrawn)) == 1
    assert texts(call) == [TIME, TIME]
    assert call.said_by_agent()[-1] == "It is Monday."


def test_the_second_breath_may_wait_as_long_as_the_whole_asks_for() -> None:
    call = Call()
    first = call.says(TIME, at=1000)
    # By themselves these words may go on for 0.76 s, with those before they are closed after 0.48 s.
    last = call.says("in Tokyo", at=first + 700)
    call.until(9000)
    finished = [when for when, effect in call.log if isinstance(effect, do.FinishTranscript)]
    assert 480 <= finished[1] - last <= 500


def test_one_short_word_over_the_answer_is_a_murmur_and_takes_nothing_back() -> None:
    call = Call(replies=REPLIES, bridge=10)
    first = call.says(TIME, at=1000)
    call.mumbles("Tokyo", at=first + 800, lasts=400)
    call.until(9000)
    assert not call.told(do.Withdrawn)
    assert call.told(do.UserTurnEnded)[-1].backchannel
    assert call.said_by_agent() == ["One moment.", "It is Monday."]


def test_a_hum_over_the_answer_takes_nothing_back_though_a_word_was_made_of_it_at_first() -> None:
    call = Call(bridge=10)
    first = call.says(TIME, at=1000)
    call.says("who", at=first + 1000, word=400)
    call.event(first + 1250, lambda now: on.WordsHeard(now, "who"))
    call.until(9000)
    assert not call.told(do.Withdrawn)
    assert call.said_by_agent() == [call.script.answer]


@pytest.mark.parametrize("behind", [60, 190, 250])
def test_a_murmur_over_the_answer_takes_nothing_back_however_late_its_word_comes(behind: int) -> None:
    call = Call(bridge=10, words_behind=behind)
    first = call.says(TIME, at=1000)
    call.says("mall", at=first + 1000, word=300)
    call.until(9000)
    assert not call.told(do.Withdrawn)
    assert call.said_by_agent() == [call.script.answer]


def test_one_short_word_before_the_answer_sounds_is_no_murmur() -> None:
    call = Call(replies=REPLIES, bridge=10, engine=900)
    first = call.says(TIME, at=1000)
    call.mumbles("Tokyo", at=first + 900, lasts=420)
    call.until(9000)
    assert texts(call)[-1] == f"{TIME} Tokyo"


def test_thin_words_over_the_answer_that_go_on_are_the_same_wish() -> None:
    call = Call(bridge=10)
    first = call.says(TIME, at=1000)
    call.says("in the capital of Japan", at=first + 1000)
    call.until(9000)
    assert texts(call)[-1] == "what day is today in the capital of Japan"
    assert len(call.told(do.Withdrawn)) == 1
    assert call.said_by_agent()[-1] == call.script.answer


def test_what_was_said_first_is_answered_when_the_client_takes_the_second_breath_back() -> None:
    call = asks_in_two_breaths(800, then="in Tokyo if you please", bridge=10)
    call.event(2000 + 800 + 1400, on.InputCleared)
    call.until(9000)
    assert texts(call) == [TIME]
    assert [wanted.text for wanted in call.told(do.AnswerWanted)] == [TIME, TIME]
    assert call.said_by_agent()[-1] == "It is Monday."


def test_a_client_that_asks_for_answers_itself_may_ask_for_the_first_breath_again() -> None:
    call = asks_in_two_breaths(800, then="in Tokyo if you please", bridge=10)
    call.event(500, lambda now: on.RulesChanged(now, answers_by_itself=False))
    call.event(2000 + 600, on.AnswerAsked)
    call.event(2000 + 800 + 1400, on.InputCleared)
    call.event(5000, on.AnswerAsked)
    call.until(9000)
    assert [wanted.text for wanted in call.told(do.AnswerWanted)] == [TIME, TIME]


@pytest.mark.parametrize(("first", "second", "worst"), [(0.9, 0.4, 0.4), (0.3, 0.8, 0.3)])
def test_a_wish_is_as_sure_as_the_breath_that_was_made_out_worst(
    first: float, second: float, worst: float
) -> None:
    call = asks_in_two_breaths(800, transcript=None)
    call.event(2560, lambda now: on.TranscriptReady(now, TIME, (), first, "en"))
    call.event(4560, lambda now: on.TranscriptReady(now, "in Tokyo", (), second, "en"))
    call.until(9000)
    assert [wanted.confidence for wanted in call.told(do.AnswerWanted)] == [first, worst]


def test_an_answer_is_open_for_as_long_as_the_user_may_go_on() -> None:
    call = Call()
    call.says(TIME, at=1000)
    call.types("and now", at=6000)
    call.until(8000)
    spoken, typed = call.told(do.AnswerWanted)
    assert spoken.open_until == samples(2000 + 1200 + 600)
    assert typed.open_until == samples(6000)


def test_with_push_to_talk_each_press_is_a_turn() -> None:
    call = asks_in_two_breaths(700)
    call.event(1500, lambda now: on.RulesChanged(now, push_to_talk=True))
    call.event(2050, on.InputCommitted)
    call.event(3400, on.InputCommitted)
    call.until(9000)
    assert texts(call) == [TIME, "in Tokyo"]


def test_who_asks_for_silence_gets_it() -> None:
    call = Call()
    turn_id = call.types("tell me all", at=0)
    call.injects("The first part is a long one.", at=500, source="tool", turn_id=turn_id)
    waits = call.injects("The second part.", at=600, source="tool", turn_id=turn_id)
    tea = call.injects("Your tea is ready.", at=700)
    call.event(1200, on.HushAsked)
    call.until(8000)
    assert call.injection(waits) == ["waiting", "dropped"]
    # Nobody who asks an answer to stop means a reminder.
    assert call.injection(tea)[-1] == "heard"
