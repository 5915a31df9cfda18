"""Who answers an utterance, and when."""

from uuid import UUID

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import samples
from gateway.session.rules import Rules
from tests.gateway.session.driver import Call

TIME = "what time is it"
REPLIES: dict[str, list[tuple[int, str, on.Source]]] = {
    TIME: [(0, "One moment.", "filler"), (1500, "It is noon.", "tool")]
}


def test_a_typed_text_waits_until_an_answer_is_asked_for() -> None:
    call = Call()
    call.types("hello", at=0, and_asks=False)
    call.until(2000)
    assert not call.told(do.AnswerWanted)
    call.event(2000, on.AnswerAsked)
    call.until(8000)
    (typed,) = call.told(do.UserTurnEnded)
    assert (typed.by, typed.text, typed.answered) == ("text", "hello", False)
    assert call.said_by_agent() == [call.script.answer]


def test_an_answer_to_nothing_is_refused() -> None:
    call = Call()
    call.event(0, on.AnswerAsked)
    call.until(100)
    assert [refused.code for refused in call.told(do.Refused)] == ["no_input"]


def test_a_text_is_answered_once() -> None:
    call = Call()
    call.types("hello", at=0)
    call.event(6000, on.AnswerAsked)
    call.until(8000)
    assert len(call.told(do.AnswerWanted)) == 1
    assert [refused.code for refused in call.told(do.Refused)] == ["no_input"]


def test_a_second_answer_while_the_agent_speaks_or_thinks_is_refused() -> None:
    call = Call()
    call.types("hello", at=0)
    call.event(50, on.AnswerAsked)
    call.event(1000, on.AnswerAsked)
    call.until(2000)
    codes = [refused.code for refused in call.told(do.Refused)]
    assert codes == ["conversation_already_has_active_response"] * 2


def test_cancelling_cuts_the_agent() -> None:
    call = Call()
    call.types("hello", at=0)
    call.event(1000, on.CancelAsked)
    call.until(2000)
    (ended,) = call.told(do.AgentEnded)
    assert (ended.status, ended.reason) == ("cancelled", "client_cancelled")
    assert call.story(do.AgentEnded, do.CancelEngine) == ["AgentEnded", "CancelEngine"]
    assert not call.told(do.BargeIn)


def test_cancelling_a_silent_agent_is_refused() -> None:
    call = Call()
    call.event(0, on.CancelAsked)
    call.until(100)
    assert [refused.code for refused in call.told(do.Refused)] == ["response_cancel_not_active"]


def test_a_tool_is_acknowledged_and_its_result_follows() -> None:
    call = Call(replies=REPLIES)
    call.says(TIME, at=1000)
    call.until(8000)
    assert call.said_by_agent() == ["One moment.", "It is noon."]
    assert not call.told(do.Answer), "two brains must not answer one turn"
    turn = call.told(do.UserTurnEnded)[0].turn_id
    assert [started.answers for started in call.told(do.AgentStarted)] == [turn, turn]


def test_the_first_sound_is_measured_once_a_turn() -> None:
    call = Call(replies=REPLIES)
    call.says(TIME, at=1000)
    call.until(8000)
    assert len([m for m in call.told(do.Measured) if m.span == "turn"]) == 1


def test_who_says_something_new_while_the_bridge_decides_is_answered_to_that() -> None:
    call = Call(bridge=1500)
    first = call.says("tell me a joke", at=1000)
    call.says("tell me a story", at=first + 900)
    call.until(9000)
    (_, story) = call.told(do.UserTurnEnded)
    assert [answer.to for answer in call.told(do.Answer)] == [story.turn_id]


def test_an_owed_answer_waits_while_the_user_speaks_and_is_superseded() -> None:
    call = Call(bridge=300)
    first = call.says("tell me a joke", at=1000)
    last = call.says("no tell me a story", at=first + 700)
    call.until(last + 400)
    assert not call.told(do.Answer)
    call.until(9000)
    (_, story) = call.told(do.UserTurnEnded)
    assert [answer.to for answer in call.told(do.Answer)] == [story.turn_id]


def test_a_cough_while_the_bridge_decides_loses_no_answer() -> None:
    call = Call(bridge=300)
    first = call.says("tell me a joke", at=1000)
    call.sounds(first + 650, lasts=150)
    call.until(9000)
    joke = call.told(do.UserTurnEnded)[0]
    assert [answer.to for answer in call.told(do.Answer)] == [joke.turn_id]
    assert call.said_by_agent() == [call.script.answer]


def test_a_murmur_while_the_bridge_decides_supersedes_nothing() -> None:
    call = Call(bridge=1500)
    first = call.says("tell me a joke", at=1000)
    call.says("okay", at=first + 800)
    call.until(9000)
    (joke, okay) = call.told(do.UserTurnEnded)
    assert okay.backchannel
    assert [answer.to for answer in call.told(do.Answer)] == [joke.turn_id]


def test_a_slow_bridge_may_still_leave_it_to_the_mind() -> None:
    call = Call(bridge=5000)
    call.says("tell me a joke", at=1000)
    call.until(12_000)
    assert call.said_by_agent() == [call.script.answer]


def test_the_mind_is_asked_once_even_when_told_twice() -> None:
    call = Call(bridge=None)
    turn_id = call.types("hello", at=0)
    for at in (100, 120, 6000):
        call.event(at, lambda now: on.MindAsked(now, turn_id))
    call.until(8000)
    assert len(call.told(do.Answer)) == 1


def test_the_word_of_a_bridge_about_an_unknown_turn_does_nothing() -> None:
    call = Call()
    call.event(0, lambda now: on.MindAsked(now, UUID(int=999)))
    call.event(20, lambda now: on.Settled(now, UUID(int=999)))
    call.until(100)
    assert call.log == []


def test_what_is_heard_is_not_answered_where_the_client_asks_for_answers() -> None:
    call = Call(rules=Rules(answers_by_itself=False))
    call.says(TIME, at=1000)
    call.until(4000)
    (turn,) = call.told(do.UserTurnEnded)
    assert (turn.text, turn.answered) == (TIME, False)
    call.event(4000, on.AnswerAsked)
    call.until(9000)
    assert [wanted.turn_id for wanted in call.told(do.AnswerWanted)] == [turn.turn_id]


def test_an_engine_that_fails_ends_its_turn_and_the_call_goes_on() -> None:
    call = Call(engine=None)
    call.types("hello", at=0)
    call.until(500)
    turn_id = call.told(do.AgentStarted)[0].turn_id
    call.feed(on.AgentFailed(samples(500), turn_id, "voice_failed", "it broke"))
    (ended,) = call.told(do.AgentEnded)
    assert (ended.status, ended.reason, ended.heard_text) == ("failed", "voice_failed", "")
    call.script.engine = 80
    call.says(TIME, at=1000)
    call.until(6000)
    assert call.said_by_agent()[1] == call.script.answer


def test_an_engine_that_stalls_before_it_sounds_fails_after_20_s() -> None:
    call = Call(engine=None)
    call.types("hello", at=0)
    call.until(25_000)
    (ended,) = call.told(do.AgentEnded)
    assert (ended.status, ended.reason) == ("failed", "engine_stalled")
    assert call.story(do.AgentEnded, do.CancelEngine) == ["AgentEnded", "CancelEngine"]
    assert 20_000 <= call.when(do.AgentEnded) <= 20_200


def test_an_engine_that_stalls_in_mid_turn_fails_with_what_was_heard() -> None:
    call = Call(engine=None)
    call.types("hello", at=0)
    call.until(200)
    turn_id = call.told(do.AgentStarted)[0].turn_id
    # 510 ms of sound: the last 10 ms are less than a piece, and never leave by themselves.
    word = on.Word("hello", 0, samples(500))
    call.push(turn_id, bytes(2 * samples(510)), (word,))
    call.until(25_000)
    (ended,) = call.told(do.AgentEnded)
    assert (ended.reason, ended.heard_text) == ("engine_stalled", "hello")


def test_a_long_answer_does_not_count_as_stalled() -> None:
    call = Call(answer="word " * 160)
    call.types("hello", at=0)
    call.until(50_000)
    assert [ended.status for ended in call.told(do.AgentEnded)] == ["completed"]


def test_an_answer_of_no_sound_ends() -> None:
    call = Call(answer="")
    call.types("hello", at=0)
    call.until(1000)
    (ended,) = call.told(do.AgentEnded)
    assert (ended.status, ended.text, ended.heard) == ("completed", "", 0)


def test_the_user_may_speak_during_the_acknowledgement_and_still_gets_the_result() -> None:
    call = Call(replies=REPLIES)
    last = call.says(TIME, at=1000)
    call.says("wait tell me a joke", at=last + 800)
    call.until(12_000)
    assert call.told(do.BargeIn)[0].kind == "barge_in"
    assert "It is noon." in call.said_by_agent()
    assert call.script.answer in call.said_by_agent()
