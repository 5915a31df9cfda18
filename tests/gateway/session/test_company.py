"""A greeting, and a gentle word after long silence."""

import pytest

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import samples
from gateway.session.rules import Rules
from tests.gateway.session.driver import Call

HELLO = "Hello, I am here."
STILL = ("Are you still there?", "I am here when you need me.")
RULES = Rules(greeting=HELLO, silence=samples(10_000), still_there=STILL)


def answered(call: Call) -> list[str]:
    return [ended.text for ended in call.told(do.AgentEnded)]


@pytest.fixture
def call() -> Call:
    """A call whose client wants to be spoken to, there from 1000 ms on."""
    call = Call(RULES)
    call.event(1000, on.ClientCame)
    return call


def test_who_comes_is_greeted(call: Call) -> None:
    call.until(4000)
    assert answered(call) == [HELLO]
    assert 1600 <= call.when(do.AgentStarted) <= 1640
    assert call.told(do.AgentStarted)[0].source == "notice"


def test_who_speaks_first_is_answered_and_not_greeted(call: Call) -> None:
    call.says("what time is it", at=1300)
    call.until(8000)
    assert answered(call) == [call.script.answer]


def test_who_types_first_is_not_greeted(call: Call) -> None:
    call.types("hello", at=1100)
    call.until(6000)
    assert answered(call) == [call.script.answer]


def test_a_cough_puts_the_greeting_off(call: Call) -> None:
    call.sounds(1500, lasts=200)
    call.until(6000)
    assert answered(call) == [HELLO]
    assert call.when(do.AgentStarted) > 1700 + 900


def test_a_greeting_can_be_spoken_over(call: Call) -> None:
    call.says("what time is it please", at=1900)
    call.until(8000)
    assert call.told(do.AgentEnded)[0].status == "cancelled"
    assert answered(call)[-1] == call.script.answer


def test_a_client_that_did_not_ask_for_it_is_not_spoken_to() -> None:
    assert not Call(RULES).until(60_000).told(do.AgentStarted)


def test_a_persona_without_greeting_says_none() -> None:
    call = Call(Rules())
    call.event(0, on.ClientCame)
    assert not call.until(60_000).told(do.AgentStarted)


def test_long_silence_is_broken_twice_and_then_kept(call: Call) -> None:
    call.until(90_000)
    assert answered(call) == [HELLO, *STILL]
    hello, first = (call.when(do.AgentEnded, n) for n in (0, 1))
    assert 10_000 <= call.when(do.AgentStarted, 1) - hello <= 10_040
    assert 10_000 <= call.when(do.AgentStarted, 2) - first <= 10_040


def test_a_user_who_has_spoken_since_may_be_asked_again(call: Call) -> None:
    call.until(60_000)
    call.says("what time is it", at=60_000)
    call.until(80_000)
    assert answered(call)[-1] == STILL[0]


def test_nobody_is_asked_while_a_deed_runs() -> None:
    call = Call(RULES, bridge=None)
    call.event(0, on.ClientCame)
    call.says("what time is it", at=200)
    call.until(40_000)
    wanted = call.told(do.AnswerWanted)[0].turn_id
    assert not call.told(do.AgentStarted)
    call.event(40_000, lambda now: on.Settled(now, wanted))
    call.until(60_000)
    assert answered(call)[:1] == [STILL[0]]


def test_with_push_to_talk_silence_is_not_broken() -> None:
    call = Call(Rules(push_to_talk=True, silence=samples(10_000), still_there=STILL))
    call.event(0, on.ClientCame)
    assert not call.until(60_000).told(do.AgentStarted)


def test_a_client_may_ask_for_it_with_a_time_of_its_own() -> None:
    call = Call(RULES)
    call.event(0, lambda now: on.RulesChanged(now, silence=samples(5000)))
    call.until(7000)
    assert answered(call) == [STILL[0]]
