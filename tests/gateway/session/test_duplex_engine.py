"""An engine that hears the user and opens turns by itself."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import ms, samples
from gateway.session.holding import LONGEST
from gateway.session.rules import Rules, Traits
from tests.gateway.session.driver import Call, spoken

TIME = "what time is it"


@pytest.fixture
def call() -> Call:
    return Call(traits=Traits(hears=True, holds=True, basis="model"))


def opens(call: Call, at: float, text: str) -> UUID:
    """The engine begins a turn by itself and gives all of it."""
    turn_id = call.new_id()

    def speak() -> None:
        call.feed(on.AgentOpened(samples(at), turn_id))
        call.push(turn_id, *spoken(text))
        call.feed(on.AgentFinished(samples(at), turn_id))

    call.at(at, speak)
    return turn_id


def holds(call: Call) -> list[bool]:
    return [hold.on for hold in call.told(do.Hold)]


def test_it_is_held_from_the_users_pause_until_the_bridge_has_decided(call: Call) -> None:
    call.says(TIME, at=1000)
    call.until(2100)
    assert holds(call) == []
    call.until(2200)
    assert holds(call) == [True]
    call.until(6000)
    assert holds(call) == [True, False]
    assert call.story(do.Hold, do.UserTurnEnded) == ["Hold", "UserTurnEnded", "Hold"]


def test_it_may_nod_again_when_the_user_goes_on(call: Call) -> None:
    paused = call.says("remind me in", at=1000)
    call.says("ten minutes to stretch", at=paused + 1000)
    call.until(paused + 1100)
    assert holds(call) == [True, False]


def test_a_cough_does_not_keep_it_held(call: Call) -> None:
    call.sounds(1000, lasts=200)
    call.until(4000)
    assert holds(call) == [True, False]


def test_it_is_not_held_for_a_murmur_over_its_own_words(call: Call) -> None:
    opens(call, 500, "well I have been thinking about that for a long time now")
    call.says("mhm", at=1500, word=300)
    call.until(6000)
    assert holds(call) == []
    assert call.told(do.AgentEnded)[0].status == "completed"


def test_it_is_held_while_the_bridge_is_slow(call: Call) -> None:
    call.script.bridge = 8000
    call.says(TIME, at=1000)
    call.until(9000)
    assert holds(call) == [True]
    call.until(12_000)
    assert holds(call) == [True, False]


def test_it_is_held_until_the_result_is_told_and_not_only_acknowledged(call: Call) -> None:
    call.script.replies = {TIME: [(0, "One moment.", "filler"), (5000, "It is noon.", "tool")]}
    call.says(TIME, at=1000)
    call.until(12_000)
    assert holds(call) == [True, False]
    assert drops(call) == [True]
    assert call.when(do.Hold, 1) == call.when(do.Speak, 1)


def test_however_long_a_tool_takes_it_is_not_held_for_longer_than_ten_seconds(call: Call) -> None:
    call.script.replies = {TIME: [(0, "One moment.", "filler"), (30_000, "It is noon.", "tool")]}
    call.says(TIME, at=1000)
    call.until(40_000)
    assert holds(call) == [True, False]
    assert drops(call) == [True]
    held = call.when(do.Hold, 1) - call.when(do.Hold, 0)
    assert ms(LONGEST) <= held <= ms(LONGEST) + 40


def test_it_is_held_from_the_first_words_that_are_a_wish(call: Call) -> None:
    call.says("turn on the light over the bench please", at=1000)
    call.event(1700, lambda now: on.WishHeard(now, user_turn(call)))
    call.until(1700)
    assert call.when(do.Hold) == 1700
    call.until(9000)
    assert holds(call) == [True, False]


def test_a_wish_of_another_turn_holds_nothing(call: Call) -> None:
    call.says("so I went to the lake and then to the woods and home", at=1000)
    call.event(1700, lambda now: on.WishHeard(now, call.new_id()))
    call.until(2500)
    assert holds(call) == []


def test_what_it_has_to_say_too_late_is_dropped_and_the_mind_answers(call: Call) -> None:
    call.script.bridge = 4000
    call.says(TIME, at=1000)
    call.until(12_000)
    assert drops(call) == [True]
    assert len(call.told(do.Answer)) == 1
    assert call.said_by_agent() == [call.script.answer]


def user_turn(call: Call) -> UUID:
    """The turn that the user is in the middle of."""
    turn = call.session.user.turn
    assert turn is not None
    return turn.turn_id


class Model:
    """What an engine that holds does with what its model says: it withholds it, and lets it out or drops it."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.began: list[tuple[float, bool]] = []
        """When it began to say something, and whether it was held then."""

    def says(self, at: float, text: str) -> None:
        def begin() -> None:
            held = holds(self.call)[-1:] == [True]
            self.began.append((at, held))
            if held:
                self.call.at(at + 1, again)
            else:
                self.speak(text)

        def again() -> None:
            ends = [hold for hold in self.call.told(do.Hold) if not hold.on]
            if holds(self.call)[-1:] == [True]:
                self.call.at(self.call.time + 1, again)
            elif not ends[-1].drop:
                self.speak(text)

        self.call.at(at, begin)

    def speak(self, text: str) -> None:
        turn_id = self.call.new_id()
        self.call.feed(on.AgentOpened(samples(self.call.time), turn_id))
        self.call.push(turn_id, *spoken(text))
        self.call.feed(on.AgentFinished(samples(self.call.time), turn_id))


MADE_UP = "it is three"


@settings(max_examples=80, deadline=None)
@given(
    speaks=st.integers(1300, 8000),
    wish_heard=st.integers(1200, 1900),
    thinks=st.integers(20, 2400),
    takes=st.integers(0, 3000),
    acknowledged=st.booleans(),
)
def test_whenever_the_model_makes_up_an_answer_to_a_wish_it_is_not_heard(
    speaks: int, wish_heard: int, thinks: int, takes: int, acknowledged: bool
) -> None:
    call = Call(traits=Traits(hears=True, holds=True, basis="model"), bridge=thinks)
    filler: list[tuple[int, str, on.Source]] = [(0, "One moment.", "filler")] if acknowledged else []
    call.script.replies = {TIME: [*filler, (takes, "It is noon.", "tool")]}
    call.says(TIME, at=1000)
    call.event(wish_heard, lambda now: on.WishHeard(now, user_turn(call)))
    model = Model(call)
    model.says(max(speaks, wish_heard + 1), MADE_UP)
    call.until(20_000)
    assert "It is noon." in call.said_by_agent()
    if model.began[0][1]:
        assert MADE_UP not in call.said_by_agent()


@settings(max_examples=40, deadline=None)
@given(speaks=st.integers(1300, 6000), thinks=st.integers(20, 2000))
def test_whenever_it_answers_small_talk_it_is_heard(speaks: int, thinks: int) -> None:
    call = Call(traits=Traits(hears=True, holds=True, basis="model"), bridge=thinks)
    ends = call.says("how are you today", at=1000)
    Model(call).says(max(speaks, ends), "I am well")
    call.until(20_000)
    assert call.said_by_agent() == ["I am well"]


def test_left_to_its_mind_it_answers_by_itself(call: Call) -> None:
    call.says(TIME, at=1000)
    mine = opens(call, 3000, "it is noon")
    call.until(6000)
    assert not call.told(do.Answer)
    (turn,) = call.told(do.UserTurnEnded)
    (started,) = call.told(do.AgentStarted)
    assert (started.turn_id, started.answers) == (mine, turn.turn_id)
    assert "turn" in [measured.span for measured in call.told(do.Measured)]


def test_what_was_typed_it_is_asked_to_answer(call: Call) -> None:
    call.types("hello", at=0)
    call.until(5000)
    assert len(call.told(do.Answer)) == 1
    assert call.said_by_agent() == [call.script.answer]


def test_an_injection_is_said_though_an_answer_is_owed_by_its_mind(call: Call) -> None:
    call.says(TIME, at=1000)
    call.injects("Your tea is ready.", at=4000)
    call.until(8000)
    assert call.said_by_agent() == ["Your tea is ready."]


def test_a_turn_that_it_opens_while_the_user_talks_is_let_through(call: Call) -> None:
    call.says("so yesterday I went to the lake and then to the woods", at=1000)
    opens(call, 2000, "mhm")
    call.until(4500)
    (ended,) = call.told(do.AgentEnded)
    assert (ended.status, ended.heard_text, ended.heard_basis) == ("completed", "mhm", "model")
    assert call.story(do.UserStarted) == ["UserStarted"]


def test_the_user_who_goes_on_after_a_pause_takes_the_floor_back_from_it(call: Call) -> None:
    paused = call.says("remind me in", at=1000)
    opens(call, paused + 300, "sure when shall I remind you of what exactly please tell me")
    call.says("ten minutes to stretch", at=paused + 900)
    call.until(9000)
    assert [barge_in.kind for barge_in in call.told(do.BargeIn)] == ["barge_in"]
    assert [t.text for t in call.told(do.UserTurnEnded)] == ["remind me in ten minutes to stretch"]


def test_a_turn_that_it_opens_within_another_ends_that(call: Call) -> None:
    first = opens(call, 1000, "a long sentence that nobody will hear to its end")
    second = opens(call, 1500, "never mind")
    call.until(4000)
    assert [(e.turn_id, e.status, e.reason) for e in call.told(do.AgentEnded)] == [
        (first, "cancelled", "superseded"),
        (second, "completed", ""),
    ]


@pytest.mark.parametrize("source", ["filler", "tool"])
def test_what_the_bridge_answers_cuts_an_answer_that_it_began(call: Call, source: on.Source) -> None:
    call.script.replies = {TIME: [(0, "It is noon.", source)]}
    paused = call.says(TIME, at=1000)
    wrong = opens(call, paused - 100, "I think it is about three in the afternoon or maybe four")
    call.until(7000)
    assert [(e.turn_id == wrong, e.status, e.reason) for e in call.told(do.AgentEnded)] == [
        (True, "cancelled", "superseded"),
        (False, "completed", ""),
    ]
    assert [cut.turn_id for cut in call.told(do.CancelEngine)] == [wrong]
    assert call.said_by_agent()[1] == "It is noon."


def test_what_it_says_while_a_tool_works_is_not_cut_by_the_result(call: Call) -> None:
    call.script.replies = {TIME: [(0, "One moment.", "filler"), (3000, "It is noon.", "tool")]}
    call.says(TIME, at=1000)
    opens(call, 5000, "by the way the weather is lovely today")
    call.until(12_000)
    assert call.said_by_agent() == ["One moment.", "by the way the weather is lovely today", "It is noon."]


def test_what_it_was_saying_before_the_question_is_not_taken_for_the_answer() -> None:
    call = Call(Rules(interruptible=False), Traits(hears=True, holds=True, basis="model"))
    call.script.replies = {TIME: [(0, "It is noon.", "tool")]}
    opens(call, 500, "well I have been thinking about that for such a long time that I forgot")
    call.says(TIME, at=700)
    call.until(8000)
    assert [e.status for e in call.told(do.AgentEnded)] == ["completed", "completed"]


def test_what_it_says_by_itself_over_an_ordered_text_is_nobodys(call: Call) -> None:
    call.injects("Your tea is ready on the table.", at=1000)
    mine = opens(call, 1500, "never mind")
    call.event(1600, lambda now: on.AgentOpened(now, mine))
    call.until(6000)
    assert call.said_by_agent() == ["Your tea is ready on the table."]
    assert len(call.told(do.AgentStarted)) == 1


def test_a_text_that_another_says_for_it_is_known_by_other_means() -> None:
    call = Call(traits=Traits(hears=True, basis="model", ordered_basis="synthesizer"))
    call.injects("Your tea is ready.", at=1000)
    opens(call, 4000, "never mind")
    call.until(8000)
    assert [ended.heard_basis for ended in call.told(do.AgentEnded)] == ["synthesizer", "model"]


def drops(call: Call) -> list[bool]:
    """Of each end of a hold, whether what was begun meanwhile is not wanted."""
    return [hold.drop for hold in call.told(do.Hold) if not hold.on]


def test_what_it_began_to_say_while_held_is_wanted_where_the_answer_is_left_to_it(call: Call) -> None:
    call.says(TIME, at=1000)
    call.until(6000)
    assert drops(call) == [False]


def test_what_it_began_to_say_while_held_is_not_wanted_where_the_bridge_answers(call: Call) -> None:
    call.script.replies = {TIME: [(0, "It is noon.", "tool")]}
    call.says(TIME, at=1000)
    call.until(6000)
    assert drops(call) == [True]


def test_what_it_began_to_say_in_a_pause_is_not_wanted_when_the_user_goes_on(call: Call) -> None:
    paused = call.says("remind me in", at=1000)
    call.says("ten minutes to stretch", at=paused + 1000)
    call.until(9000)
    assert drops(call) == [True, False]


def test_an_older_answer_that_is_owed_makes_nothing_wanted_while_the_user_speaks(call: Call) -> None:
    call.says(TIME, at=1000)
    paused = call.says("remind me in", at=6000)
    call.says("ten minutes to stretch", at=paused + 1000)
    call.until(paused + 1500)
    assert drops(call) == [False, True]


def test_a_turn_that_it_opens_while_it_is_ducked_sounds(call: Call) -> None:
    opens(call, 1000, "a long sentence that nobody will hear to its end")
    call.sounds(2000, lasts=200)
    opens(call, 2200, "bless you")
    call.until(5000)
    assert call.story(do.Ducked, do.Unducked, do.AgentEnded, do.BargeIn) == [
        "Ducked",
        "AgentEnded",
        "AgentEnded",
    ]
    assert call.told(do.AgentEnded)[1].heard_text == "bless you"


def test_a_turn_is_opened_once(call: Call) -> None:
    mine = opens(call, 1000, "it is noon")
    call.event(1200, lambda now: on.AgentOpened(now, mine))
    call.event(5000, lambda now: on.AgentOpened(now, mine))
    call.until(6000)
    assert len(call.told(do.AgentStarted)) == len(call.told(do.AgentEnded)) == 1


def test_a_yes_after_it_has_answered_by_itself_is_an_utterance(call: Call) -> None:
    call.says(TIME, at=1000)
    opens(call, 2550, "shall I tell you")
    call.says("yes", at=5000)
    call.until(8000)
    assert [turn.answered for turn in call.told(do.UserTurnEnded)] == [True, True]


def test_an_engine_that_cannot_be_held_is_not() -> None:
    call = Call(traits=Traits(hears=True))
    call.says(TIME, at=1000)
    call.until(5000)
    assert holds(call) == []
