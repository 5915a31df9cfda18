"""A turn that had words so far, and in the end none: the user is told that nothing was understood."""

from gateway.session import effects as do
from gateway.session import events as on
from tests.gateway.session.driver import Call


def mumbles(call: Call, at: float, words: str) -> float:
    """The user speaks; of the words so far none is left in the end."""
    end = call.sounds(at, lasts=250 * len(words.split()))
    call.event(end, lambda now: on.WordsHeard(now, words))
    return end


def test_a_mumbled_turn_goes_to_the_bridge_without_words() -> None:
    call = Call(replies={"": [(0, "I did not catch that.", "notice")]})
    mumbles(call, 1000, "well hello go to")
    call.until(6000)
    assert [(wanted.text, wanted.confidence) for wanted in call.told(do.AnswerWanted)] == [("", 0.9)]
    assert call.said_by_agent() == ["I did not catch that."]


def test_a_word_or_two_that_vanish_are_no_reason_to_speak() -> None:
    call = Call()
    mumbles(call, 1000, "well hello")
    assert not call.until(6000).told(do.AnswerWanted)


def test_who_was_told_twice_is_not_told_again() -> None:
    call = Call(replies={"": [(0, "What?", "notice")]})
    for number in range(4):
        mumbles(call, 1000 + 5000 * number, "one two three four")
    call.until(25_000)
    assert len(call.told(do.AnswerWanted)) == 2
    call.says("what day is today", at=26_000)
    mumbles(call, 31_000, "one two three four")
    call.until(40_000)
    assert len(call.told(do.AnswerWanted)) == 4
