"""Who has the floor, and what the client is told of it."""

from gateway.session import effects as do
from gateway.session.clock import samples
from tests.gateway.session.driver import Call

USER = (do.UserStarted, do.UserStopped, do.UserTurnEnded)
AGENT = (do.AgentStarted, do.AgentSounded, do.AgentEnded)


def test_a_question_is_heard_decided_and_answered() -> None:
    call = Call(answer="It is noon")
    call.says("what time is it", at=1000)
    call.until(5000)
    assert call.story(*USER, *AGENT, do.AnswerWanted, do.Answer) == [
        "UserStarted",
        "UserStopped",
        "UserTurnEnded",
        "AnswerWanted",
        "AgentStarted",
        "Answer",
        "AgentSounded",
        "AgentEnded",
    ]
    (ended,) = call.told(do.AgentEnded)
    assert (ended.status, ended.heard_text, ended.heard_basis) == ("completed", "It is noon", "synthesizer")


def test_the_users_turn_knows_where_it_began_and_ended() -> None:
    call = Call()
    last = call.says("what time is it", at=1000)
    call.until(5000)
    (turn,) = call.told(do.UserTurnEnded)
    assert (turn.start, turn.end) == (samples(1000), samples(last))
    assert [word.text for word in turn.words] == ["what", "time", "is", "it"]


def test_the_users_words_are_told_as_they_come() -> None:
    call = Call()
    call.says("what time is it", at=1000)
    call.until(4000)
    assert [words.text for words in call.told(do.UserWords)] == [
        "what",
        "what time",
        "what time is",
        "what time is it",
    ]


def test_first_sound_is_measured_from_the_users_last_word() -> None:
    call = Call()
    last = call.says("what time is it", at=1000)
    call.until(5000)
    (turn,) = [m.ms for m in call.told(do.Measured) if m.span == "turn"]
    assert turn == call.sent[0][0] - last


def test_a_murmur_over_the_agent_is_not_announced() -> None:
    call = Call()
    call.types("how are you", at=0)
    call.says("mhm", at=1000, word=300)
    call.until(6000)
    assert not call.told(do.UserStarted)
    (_typed, murmur) = call.told(do.UserTurnEnded)
    assert (murmur.text, murmur.backchannel, murmur.answered) == ("mhm", True, False)
    assert len(call.told(do.AnswerWanted)) == 1


def test_who_still_speaks_when_the_agent_has_ended_is_announced_then() -> None:
    call = Call(answer="Yes")
    call.types("are you there", at=0)
    # The agent sounds from 180 to 430 ms; all of it has left when the user begins.
    call.says("wonderful then tell me a story", at=400)
    call.until(5000)
    assert call.story(do.AgentEnded, do.UserStarted, do.UserStopped)[:3] == [
        "AgentEnded",
        "UserStarted",
        "UserStopped",
    ]
    assert call.told(do.AgentEnded)[0].status == "completed"


def test_a_yes_in_the_agents_last_moment_is_still_a_murmur() -> None:
    call = Call(answer="I will be here")
    call.types("bye", at=0)
    call.says("okay", at=1120)
    call.until(4000)
    assert call.told(do.UserTurnEnded)[1].backchannel
    assert len(call.told(do.AnswerWanted)) == 1


def test_a_yes_to_the_agents_question_is_an_answer() -> None:
    call = Call(answer="Shall I book it?")
    call.types("find me a flight", at=0)
    call.says("yes", at=1000)
    call.until(6000)
    (_, answer) = call.told(do.UserTurnEnded)
    assert (answer.text, answer.backchannel, answer.answered) == ("yes", False, True)


def test_a_yes_before_the_question_was_asked_is_a_murmur() -> None:
    call = Call(answer="I found three flights. The first one is at noon. Shall I book it?")
    call.types("find me a flight", at=0)
    call.says("yes", at=700)
    call.until(8000)
    assert call.told(do.UserTurnEnded)[1].backchannel
    assert call.said_by_agent() == [call.script.answer]


def test_an_agent_that_may_not_be_interrupted_speaks_on() -> None:
    call = Call()
    call.session.rules = call.session.rules.__class__(interruptible=False)
    call.types("how are you", at=0)
    call.says("tell me about the weather in Berlin", at=600)
    call.until(8000)
    assert not call.told(do.Ducked)
    assert call.said_by_agent()[0] == call.script.answer
    # What was said meanwhile is an utterance all the same; nobody stops their playback for it.
    assert [t.text for t in call.told(do.UserTurnEnded)][1] == "tell me about the weather in Berlin"
    assert call.story(do.UserStarted, do.AgentEnded)[0] == "AgentEnded"
    assert len(call.told(do.AnswerWanted)) == 2


def test_two_turns_in_quick_succession_keep_their_words_apart() -> None:
    call = Call(transcript=900)
    first = call.says("what time is it", at=1000)
    call.says("and in Tokyo", at=first + 1300)
    call.until(8000)
    assert [turn.text for turn in call.told(do.UserTurnEnded)] == ["what time is it", "and in Tokyo"]
    assert call.story(do.FinishTranscript, do.UserTurnEnded) == ["FinishTranscript", "UserTurnEnded"] * 2


def test_a_long_silence_tells_nothing() -> None:
    call = Call()
    call.until(120_000)
    assert call.log == []


def test_a_lost_transcript_goes_on_with_the_words_so_far() -> None:
    call = Call(transcript=None)
    call.says("what time is it", at=1000)
    call.until(8000)
    (turn,) = call.told(do.UserTurnEnded)
    assert (turn.text, turn.confidence, turn.answered) == ("what time is it", 0.0, True)
    assert 2000 <= call.when(do.UserTurnEnded) - call.when(do.FinishTranscript) <= 2040


def test_where_no_word_came_yet_a_new_transcriber_gets_time() -> None:
    call = Call(transcript=4000, words_behind=3000)
    call.says("what time is it", at=1000)
    call.until(10_000)
    assert [turn.text for turn in call.told(do.UserTurnEnded)] == ["what time is it"]


def test_a_transcript_that_comes_after_it_was_given_up_is_not_taken_for_the_next() -> None:
    call = Call(transcript=4000)
    first = call.says("what time is it", at=1000)
    # Its final words come while those of the second turn are awaited.
    call.says("tell me a joke", at=first + 2700)
    call.until(12_000)
    assert [turn.text for turn in call.told(do.UserTurnEnded)] == ["what time is it", "tell me a joke"]


def test_what_is_typed_while_spoken_words_are_awaited_is_asked_too() -> None:
    call = Call(transcript=400)
    call.says("what day is today", 1000)
    call.types("who are you", at=2520)
    call.until(15000)
    assert [wanted.text for wanted in call.told(do.AnswerWanted)] == ["who are you", "what day is today"]
