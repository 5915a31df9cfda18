"""What was not said of a result is offered, and read when the user says so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.events import Intent, IntentDecided
from bridge.markup import Block
from bridge.offer import OPEN_FOR, Offers, with_offer
from bridge.words import Passages
from services.orchestrator.protocol import ChatResult
from tests.bridge.doubles import NOON_IN_TOKYO, World, replies, says

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEED, TURN = UUID(int=1), UUID(int=2)
NAMES = ChatResult(response_text="\n".join(f"- note {n}" for n in range(1, 13)))


def items(count: int, beyond: int = 0) -> Passages:
    return Passages(tuple(Block(f"item {n}", is_item=True) for n in range(count)), beyond)


@pytest.mark.parametrize(
    ("passages", "question"),
    [
        (items(5), None),
        (items(6), "Shall I read the last one?"),
        (items(7), "Shall I read the other two?"),
        (items(10), "Shall I read the other five?"),
        (items(11), "There are 6 more; shall I read on?"),
        (items(50, 9950), "There are 9,995 more; shall I read on?"),
        (items(5, 9950), "There are 9,950 more, too many to read out."),
        (Passages(tuple(map(Block, ("One.", "Two.")))), None),
        (Passages(tuple(map(Block, ("One.", "Two.", "Three.")))), "Shall I go on?"),
        (Passages((Block("One."),), cut=True), "The rest is too long to read out."),
    ],
)
def test_the_offer_says_how_much_is_left(passages: Passages, question: str | None) -> None:
    said, rest = with_offer(passages)
    assert said.endswith(question) if question else rest is None
    assert (rest is not None) == bool(question and question.endswith("?"))


@pytest.mark.parametrize(
    "text",
    [
        "Yes.",
        "yes, go on",
        "Yes please!",
        "sure, read the rest",
        "Okay, read me the other five, please.",
        "more",
        "And the others?",
        "go ahead",
        "Keep going.",
        "yes you can continue",
        "what else",
        "tell me more",
    ],
)
def test_who_says_go_on_gets_the_rest(text: str) -> None:
    offers = Offers()
    offers.make(items(7), DEED, NOW)
    answer = offers.answer(TURN, text, NOW)
    assert answer is not None
    assert answer[0] == "yes"
    assert offers.answer(TURN, text, NOW) is None


@pytest.mark.parametrize("text", ["No.", "no thanks", "that's all", "No, that's fine, thank you", "I'm good"])
def test_who_declines_is_read_nothing(text: str) -> None:
    offers = Offers()
    offers.make(items(7), DEED, NOW)
    answer = offers.answer(TURN, text, NOW)
    assert answer is not None
    assert answer[0] == "no"


@pytest.mark.parametrize(
    "text",
    [
        "yes turn off the pump",
        "go on holiday",
        "I know",
        "more milk please",
        "what time is it",
        "yes " * 50,
        "",
    ],
)
def test_whatever_else_is_said_is_no_answer(text: str) -> None:
    offers = Offers()
    offers.make(items(7), DEED, NOW)
    assert offers.answer(TURN, text, NOW) is None


def test_an_offer_does_not_stand_for_ever() -> None:
    offers = Offers()
    offers.make(items(7), DEED, NOW)
    assert offers.answer(TURN, "yes", NOW + OPEN_FOR + timedelta(seconds=1)) is None


def test_of_a_turn_that_goes_on_the_answer_is_taken_back() -> None:
    offers = Offers()
    offers.make(items(7), DEED, NOW)
    assert offers.answer(TURN, "yes", NOW)
    offers.withdraw(UUID(int=9))
    assert offers.answer(TURN, "yes", NOW) is None
    offers.withdraw(TURN)
    assert offers.answer(TURN, "yes go on", NOW)


@given(st.text(alphabet="yesno gornit.,'", max_size=40))
def test_nothing_is_an_answer_where_nothing_was_offered(text: str) -> None:
    assert Offers().answer(TURN, text, NOW) is None


# In a call.


async def asks_for_notes() -> World:
    world = World()
    world.orchestrator.streams = [says(NAMES), says(NOON_IN_TOKYO)]
    events = await world.hear("what time is it in tokyo")
    assert replies(events)[-1] == (
        "tool",
        "note 1, note 2, note 3, note 4, note 5. There are 7 more; shall I read on?",
    )
    return world


async def test_the_rest_of_a_result_is_read_in_portions_and_nothing_is_planned() -> None:
    world = await asks_for_notes()
    done = [*world.order]
    events = await world.hear("yes, go on")
    assert [(e.intent, e.by) for e in events if isinstance(e, IntentDecided)] == [(Intent.CONTROL, "offer")]
    assert replies(events) == [
        ("tool", "note 6, note 7, note 8, note 9, note 10. Shall I read the other two?")
    ]
    assert replies(await world.hear("yes please")) == [("tool", "note 11, note 12.")]
    assert world.order == done


async def test_who_does_not_want_the_rest_is_told_that_it_is_left() -> None:
    world = await asks_for_notes()
    assert replies(await world.hear("no thanks")) == [("notice", world.persona.phrases.denied[0])]
    events = await world.hear("yes go on")
    assert not [event for event in events if isinstance(event, IntentDecided) and event.by == "offer"]


async def test_after_another_subject_yes_means_something_else() -> None:
    world = await asks_for_notes()
    await world.hear("hello")
    events = await world.hear("yes go on")
    assert not [event for event in events if isinstance(event, IntentDecided) and event.by == "offer"]


async def test_the_offer_stands_while_the_user_has_it_repeated() -> None:
    world = await asks_for_notes()
    assert replies(await world.hear("say that again", last_agent="note 1. Shall I?")) == [
        ("notice", "note 1. Shall I?")
    ]
    assert replies(await world.hear("yes"))[0][1].startswith("note 6")


async def test_who_goes_on_after_a_yes_gets_what_the_whole_asks_for() -> None:
    world = await asks_for_notes()
    yes = world.utterance("yes")
    assert replies(await world.take(yes))[0][1].startswith("note 6")
    world.bridge.withdraw(yes.turn_id)
    whole = await world.take(replace(yes, text="yes go on"))
    assert replies(whole)[0][1].startswith("note 6")
