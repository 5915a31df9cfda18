"""Texts that wait to be said."""

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.agent_floor import BREATH
from gateway.session.clock import samples
from gateway.session.injections import MOST
from tests.gateway.session.driver import Call

TIME = "what time is it"


def spoken(call: Call) -> list[str]:
    return [speak.text for speak in call.told(do.Speak)]


def test_an_injection_is_said_at_once_where_the_floor_is_free() -> None:
    call = Call()
    tea = call.injects("Your tea is ready.", at=1000)
    call.until(5000)
    assert call.injection(tea) == ["waiting", "speaking", "heard"]
    heard = call.told(do.InjectionChanged)[-1]
    assert (heard.said, heard.unsaid) == ("Your tea is ready.", "")
    assert call.when(do.Speak) == 1000


def test_an_injection_waits_for_a_free_floor() -> None:
    call = Call(bridge=None)
    last = call.says("I was thinking about the holidays", at=1000)
    tea = call.injects("Your tea is ready.", at=1500)
    call.until(last + 700)
    assert call.injection(tea) == ["waiting"]
    call.until(last + 8000)
    assert call.injection(tea) == ["waiting", "speaking", "heard"]


def test_a_result_that_comes_in_the_users_thinking_pause_waits_for_the_end() -> None:
    call = Call(bridge=None)
    paused = call.says("remind me in", at=1000)
    last = call.says("ten minutes to stretch", at=paused + 1200)
    call.injects("It is noon.", at=paused + 600, source="tool")
    call.until(12_000)
    assert call.when(do.Speak) > last


def test_an_injection_waits_until_the_agent_has_ended() -> None:
    call = Call()
    call.types("hello", at=0)
    call.injects("Your tea is ready.", at=500)
    call.until(8000)
    assert call.said_by_agent() == [call.script.answer, "Your tea is ready."]


def test_between_two_texts_the_agent_takes_a_breath() -> None:
    call = Call()
    call.injects("Let me look.", at=1000)
    call.injects("It is noon.", at=1000)
    call.until(8000)
    first, second = (call.pcm(started.turn_id) for started in call.told(do.AgentStarted))
    assert len(first) > 0 < len(second)
    ended, starts = call.told(do.AgentEnded)[0].at, call.told(do.AgentStarted)[1].at
    assert BREATH <= starts - ended <= BREATH + samples(20)


def test_the_higher_priority_goes_first_and_equals_keep_their_order() -> None:
    call = Call()
    call.injects("now", at=0)
    for text, priority in (("a", 0), ("b", 5), ("c", 5), ("d", 1)):
        call.injects(text, at=10, priority=priority)
    call.until(8000)
    assert spoken(call) == ["now", "b", "c", "d", "a"]


def test_an_injection_expires() -> None:
    call = Call()
    call.types("hello", at=0)
    late = call.injects("Your bus leaves.", at=500, expires_at=samples(1000))
    call.until(8000)
    assert call.injection(late) == ["waiting", "dropped"]
    dropped = call.told(do.InjectionChanged)[-1]
    assert (dropped.why, dropped.unsaid) == ("expired", "Your bus leaves.")
    assert call.when(do.InjectionChanged, 1) == 1000


def test_one_that_has_begun_does_not_expire() -> None:
    call = Call()
    bus = call.injects("Your bus leaves in a few minutes.", at=0, expires_at=samples(500))
    call.until(5000)
    assert call.injection(bus) == ["waiting", "speaking", "heard"]


def test_a_full_queue_drops_the_newest_and_says_so() -> None:
    call = Call()
    call.injects("first", at=0)
    ids = [call.injects(f"text {i}", at=10) for i in range(MOST + 1)]
    call.until(20)
    assert call.injection(ids[MOST - 1]) == ["waiting"]
    assert call.injection(ids[MOST]) == ["dropped"]
    assert call.told(do.InjectionChanged)[-1].why == "queue_full"


def test_one_that_interrupts_cuts_the_agent_and_goes_first() -> None:
    call = Call()
    call.types("hello", at=0)
    call.injects("Your tea is ready.", at=500, priority=9)
    alarm = call.injects("There is smoke in the kitchen!", at=1000, interrupt=True)
    call.until(8000)
    ended = call.told(do.AgentEnded)[0]
    assert (ended.status, ended.reason) == ("cancelled", "interrupted")
    assert spoken(call) == ["There is smoke in the kitchen!", "Your tea is ready."]
    assert call.injection(alarm)[-1] == "heard"


def test_one_that_interrupts_does_not_interrupt_the_user() -> None:
    call = Call(bridge=None)
    last = call.says("I was thinking about the holidays", at=1000)
    call.injects("There is smoke in the kitchen!", at=1500, interrupt=True)
    call.until(8000)
    assert call.when(do.Speak) > last


def test_one_that_interrupts_does_not_wait_for_the_bridge() -> None:
    call = Call(bridge=None)
    call.types("hello", at=0)
    call.injects("There is smoke in the kitchen!", at=500, interrupt=True)
    call.until(600)
    assert spoken(call) == ["There is smoke in the kitchen!"]


def test_while_the_bridge_decides_only_words_of_that_turn_are_said() -> None:
    call = Call(bridge=1000, replies={"hello": [(0, "On it.", "filler")]})
    call.types("hello", at=0)
    call.injects("Your tea is ready.", at=200, priority=9)
    call.until(900)
    assert spoken(call) == []
    call.until(8000)
    assert spoken(call) == ["On it.", "Your tea is ready."]


def test_a_bridge_that_says_nothing_holds_others_up_for_three_seconds() -> None:
    call = Call(bridge=None)
    call.types("hello", at=0)
    call.injects("Your tea is ready.", at=200)
    call.until(8000)
    assert 3000 <= call.when(do.Speak) <= 3040


def test_a_decision_that_needs_no_words_lets_others_pass() -> None:
    call = Call(bridge=400, replies={"never mind": []})
    call.types("never mind", at=0)
    call.injects("Your tea is ready.", at=200)
    call.until(8000)
    assert call.when(do.Speak) == 400


def test_the_acknowledgement_goes_before_what_waited_longer() -> None:
    call = Call(replies={TIME: [(0, "One moment.", "filler")]})
    call.injects("Your tea is ready.", at=1500)
    call.says(TIME, at=1000)
    call.until(8000)
    assert spoken(call) == ["One moment.", "Your tea is ready."]


def test_a_result_that_is_cut_tells_what_was_said_and_what_not() -> None:
    call = Call()
    text = "Your order of ten pipettes has left the warehouse today."
    order = call.injects(text, at=0, source="tool")
    call.says("stop", at=1000)
    call.until(1500)
    assert call.injection(order) == ["waiting", "speaking", "cut"]
    cut = call.told(do.InjectionChanged)[-1]
    assert cut.said
    assert f"{cut.said} {cut.unsaid}" == text
    assert cut.why == "turn_detected"


def test_an_engine_that_gives_no_sound_has_not_said_it() -> None:
    call = Call(engine=None)
    tea = call.injects("Your tea is ready.", at=0)
    call.until(100)
    call.feed(on.AgentFinished(samples(100), call.told(do.AgentStarted)[0].turn_id))
    assert call.injection(tea) == ["waiting", "speaking", "cut"]
    cut = call.told(do.InjectionChanged)[-1]
    assert (cut.why, cut.said, cut.unsaid) == ("nothing_said", "", "Your tea is ready.")


def test_how_long_it_waited_is_measured() -> None:
    call = Call()
    call.injects("first of all this", at=0)
    call.injects("second", at=500)
    call.until(5000)
    waits = [m.ms for m in call.told(do.Measured) if m.span == "injection_wait"]
    assert waits[0] == 0
    assert waits[1] == call.when(do.Speak, 1) - 500
